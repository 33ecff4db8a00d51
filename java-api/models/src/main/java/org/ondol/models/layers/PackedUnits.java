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
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.Winograd;

/** Filters and biases of units as inference takes them: batch norm folded in, packed, and anew once they were written. */
final class PackedUnits implements AutoCloseable {
  /** How filters are used, and so laid out. */
  private enum Layout {
    CONV, DECONV,
    /** Of filters as large as the map: a matrix product. */
    DENSE, WINOGRAD
  }

  /** Filters laid out. */
  sealed interface Filters {
    /** Of conv and deconv. */
    record Direct(PackedFilter filter) implements Filters {}

    /** A matrix [in · height · width, out]. */
    record Dense(PackedMatrix matrix) implements Filters {}

    /** Of Winograd's mode. */
    record Tiled(Winograd.Filter filter) implements Filters {}
  }

  /** What makes the filters of a unit; what follows it does not. */
  private record Key(Parameter weight, Parameter bias, NormUnit norm, ConvGeometry geometry, Layout layout) {
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
  record Packed(Filters filters, Tensor bias, boolean ownBias, long version) implements AutoCloseable {
    @Override
    public void close() {
      switch (filters) {
        case Filters.Direct d -> d.filter().close();
        case Filters.Dense d -> d.matrix().close();
        case Filters.Tiled t -> t.filter().close();
      }
      if (ownBias) bias.close();
    }
  }

  private final Map<Key, Packed> packed = new ConcurrentHashMap<>();
  private final boolean winograd;
  private volatile boolean closed;

  /** @param winograd whether filters of 3 x 3 at stride 1 are used in Winograd's mode, which rounds differently */
  PackedUnits(boolean winograd) {
    this.winograd = winograd;
  }

  /** Filters for maps of any size. */
  Packed of(ConvUnit unit) {
    boolean tiled = winograd && tiles(unit);
    return of(new Key(unit.weight(), unit.bias(), unit.norm(), unit.geometry(), tiled ? Layout.WINOGRAD : Layout.CONV));
  }

  /** Filters of the size of the map, which has no border: the matrix of a dense layer. */
  Packed dense(ConvUnit unit) {
    return of(new Key(unit.weight(), unit.bias(), unit.norm(), unit.geometry(), Layout.DENSE));
  }

  Packed of(DeconvUnit unit) {
    return of(new Key(unit.weight(), unit.bias(), unit.norm(), unit.geometry(), Layout.DECONV));
  }

  /** Whether Winograd's mode is for a unit. With few channels its transforms cost more than they save. */
  private static boolean tiles(ConvUnit unit) {
    ConvGeometry g = unit.geometry();
    Tensor w = unit.weight().tensor();
    return w.size(2) == 3 && w.size(3) == 3 && g.strideH() == 1 && g.strideW() == 1 && g.dilationH() == 1
        && g.dilationW() == 1 && g.groups() == 1 && w.size(0) >= PackedFilter.PANEL && w.size(1) >= PackedFilter.PANEL;
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
    if (key.norm == null) return new Packed(filters(key, weight), bias, false, version);
    try (Scope scope = Scope.open()) {
      BatchNorm.Folded folded = fold(key, weight, bias);
      Filters filters = filters(key, folded.weight());
      return new Packed(filters, Scope.detach(folded.bias()), true, version);
    }
  }

  private static Filters filters(Key key, Tensor weight) {
    return switch (key.layout) {
      case CONV -> new Filters.Direct(PackedFilter.conv(weight, key.geometry));
      case DECONV -> new Filters.Direct(PackedFilter.deconv(weight, key.geometry));
      case WINOGRAD -> new Filters.Tiled(Winograd.pack(weight, key.geometry));
      case DENSE -> {
        try (Tensor rows = weight.reshape(weight.size(0), -1); Tensor columns = rows.transpose(0, 1)) {
          yield new Filters.Dense(PackedMatrix.of(columns));
        }
      }
    };
  }

  private static BatchNorm.Folded fold(Key key, Tensor weight, Tensor bias) {
    NormUnit n = key.norm;
    Tensor gamma = n.gamma().tensor();
    Tensor beta = n.beta().tensor();
    Tensor mean = n.mean().tensor();
    Tensor variance = n.variance().tensor();
    return key.layout == Layout.DECONV
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
