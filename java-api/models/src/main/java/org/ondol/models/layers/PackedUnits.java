package org.ondol.models.layers;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.ondol.ClosedException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Parameter;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.PackedFilter;

/** Filters and biases of units as inference takes them: batch norm folded in, packed, and anew once they were written. */
final class PackedUnits implements AutoCloseable {
  /** What makes the filters of a unit; what follows it does not. */
  private record Key(Parameter weight, Parameter bias, NormUnit norm, ConvGeometry geometry, boolean transposed) {
    /** Grows with every change of a parameter. */
    long version() {
      long sum = weight.version() + (bias == null ? 0 : bias.version());
      if (norm == null) return sum;
      return sum + norm.gamma().version() + norm.beta().version() + norm.mean().version() + norm.variance().version();
    }
  }

  /**
   * What a unit convolves with.
   *
   * @param bias or null
   */
  record Packed(PackedFilter filter, Tensor bias, boolean ownBias, long version) implements AutoCloseable {
    @Override
    public void close() {
      filter.close();
      if (ownBias) bias.close();
    }
  }

  private final Map<Key, Packed> packed = new ConcurrentHashMap<>();
  private volatile boolean closed;

  Packed of(ConvUnit unit) {
    return of(new Key(unit.weight(), unit.bias(), unit.norm(), unit.geometry(), false));
  }

  Packed of(DeconvUnit unit) {
    return of(new Key(unit.weight(), unit.bias(), unit.norm(), unit.geometry(), true));
  }

  private Packed of(Key key) {
    if (closed) throw new ClosedException("the inference is closed");
    long version = key.version();
    Packed known = packed.get(key);
    if (known != null && known.version == version) return known;
    return packed.compute(key, (k, old) -> {
      if (old != null && old.version == version) return old;
      Packed fresh = pack(k, version);
      if (old != null) old.close();
      return fresh;
    });
  }

  private static Packed pack(Key key, long version) {
    Tensor weight = key.weight.tensor();
    Tensor bias = key.bias == null ? null : key.bias.tensor();
    if (key.norm == null) return new Packed(filter(key, weight), bias, false, version);
    try (Scope scope = Scope.open()) {
      BatchNorm.Folded folded = fold(key, weight, bias);
      PackedFilter filter = filter(key, folded.weight());
      return new Packed(filter, Scope.detach(folded.bias()), true, version);
    }
  }

  private static PackedFilter filter(Key key, Tensor weight) {
    return key.transposed ? PackedFilter.deconv(weight, key.geometry) : PackedFilter.conv(weight, key.geometry);
  }

  private static BatchNorm.Folded fold(Key key, Tensor weight, Tensor bias) {
    NormUnit n = key.norm;
    Tensor gamma = n.gamma().tensor();
    Tensor beta = n.beta().tensor();
    Tensor mean = n.mean().tensor();
    Tensor variance = n.variance().tensor();
    return key.transposed
        ? BatchNorm.foldTransposed(weight, bias, key.geometry.groups(), gamma, beta, mean, variance, n.eps())
        : BatchNorm.fold(weight, bias, gamma, beta, mean, variance, n.eps());
  }

  @Override
  public void close() {
    closed = true;
    packed.values().removeIf(p -> {
      p.close();
      return true;
    });
  }
}
