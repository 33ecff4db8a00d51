package org.ondol.models.detection;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.weights.Weights;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Gemm;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Softmax;

/** One of the three networks of {@link Mtcnn}: figure 2 of its paper. */
final class MtcnnNet implements AutoCloseable {
  /** The networks in the order of the cascade. */
  enum Kind {
    PROPOSAL("det1.safetensors", "PReLU", List.of(2, 0, 0), List.of(3, 3, 3), "", "conv4"),
    REFINEMENT("det2.safetensors", "prelu", List.of(3, 3, 0), List.of(3, 3, 2), "conv4", "conv5"),
    OUTPUT("det3.safetensors", "prelu", List.of(3, 3, 2, 0), List.of(3, 3, 3, 2), "conv5", "conv6");

    private final String file;
    private final String slope;
    /** After each convolution the size of a pool's window, 0 for none. */
    private final List<Integer> pools;
    private final List<Integer> kernels;
    /** The layer before the answers that sees all of a crop; empty where there is none. */
    private final String whole;
    private final String answers;

    Kind(String file, String slope, List<Integer> pools, List<Integer> kernels, String whole, String answers) {
      this.file = file;
      this.slope = slope;
      this.pools = pools;
      this.kernels = kernels;
      this.whole = whole;
      this.answers = answers;
    }

    String file() {
      return file;
    }
  }

  /** A convolution with its bias and slopes, and the pool after it or null. */
  private record Stage(PackedFilter filter, Tensor bias, Tensor slope, PoolGeometry pool) {}

  /** x · weight + bias. */
  private record Product(PackedMatrix weight, Tensor bias) {
    Tensor of(Tensor x) {
      return Gemm.linear(x, weight, Gemm.Epilogue.bias(bias));
    }
  }

  private final Kind kind;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final List<Stage> stages = new ArrayList<>();
  private final Product whole;
  private final Tensor slope;
  private final Product face;
  private final Product move;
  private final Product points;

  MtcnnNet(Kind kind, Weights weights, Device device) {
    this.kind = kind;
    try (Scope scope = Scope.open()) {
      long channels = 3;
      for (int i = 0; i < kind.pools.size(); i++) {
        stages.add(stage(weights, device, i, channels));
        channels = stages.getLast().bias.size(0);
      }
      boolean dense = !kind.whole.isEmpty();
      whole = dense ? product(weights, device, kind.whole, -1) : null;
      slope = dense ? own(weights.tensor(kind.slope + kind.whole.substring(4) + ".slope", device, -1)) : null;
      face = product(weights, device, kind.answers + "-1", 2);
      move = product(weights, device, kind.answers + "-2", 4);
      points = kind == Kind.OUTPUT ? product(weights, device, kind.answers + "-3", 10) : null;
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Stage stage(Weights weights, Device device, int i, long channels) {
    String name = "conv" + (i + 1);
    long kernel = kind.kernels.get(i);
    Tensor filter = weights.tensor(name + ".weight", device, -1, channels, kernel, kernel);
    long out = filter.size(0);
    int pool = kind.pools.get(i);
    return new Stage(own(PackedFilter.conv(filter, ConvGeometry.UNIT)),
        own(weights.tensor(name + ".bias", device, out)),
        own(weights.tensor(kind.slope + (i + 1) + ".slope", device, out).reshape(out, 1, 1)),
        pool == 0 ? null : PoolGeometry.window(pool, pool).stride(2).ceil(true));
  }

  /** A layer's matrix; P-Net has it as a filter of one pixel. */
  private Product product(Weights weights, Device device, String name, long outputs) {
    Tensor all = kind == Kind.PROPOSAL ? weights.tensor(name + ".weight", device, outputs, -1, 1, 1)
        : weights.tensor(name + ".weight", device, outputs, -1);
    Tensor matrix = all.reshape(all.size(0), all.size(1)).transpose(0, 1);
    return new Product(own(PackedMatrix.of(matrix)), own(weights.tensor(name + ".bias", device, all.size(0))));
  }

  private <T extends AutoCloseable> T own(T resource) {
    if (resource instanceof Tensor t) Scope.detach(t);
    owned.add(resource);
    return resource;
  }

  /** How many windows of P-Net lie along so many pixels. */
  static long windows(long size) {
    return (size - 2 + 1) / 2 - 4;
  }

  /** Judges images [N, 3, width, height]: all windows of each in order, one where the network takes crops. */
  Mtcnn.Judgement judge(Tensor x) {
    if (x.size(0) == 0) return new Mtcnn.Judgement(new float[0], new float[0], new float[0]);
    try (Scope scope = Scope.open()) {
      Tensor y = x;
      for (Stage s : stages) {
        y = prelu(Conv.apply(y, s.filter, Conv.Epilogue.bias(s.bias)), s.slope);
        if (s.pool != null) y = Pool.max(y, s.pool);
      }
      Tensor rows = whole == null ? y.permute(0, 2, 3, 1).reshape(-1, y.size(1))
          : prelu(whole.of(y.reshape(y.size(0), -1)), slope);
      float[] faces = Softmax.softmax(face.of(rows), 1).select(1, 1).toFloats();
      return new Mtcnn.Judgement(faces, move.of(rows).toFloats(),
          points == null ? new float[0] : points.of(rows).toFloats());
    }
  }

  /** max(x, 0) + slope · min(x, 0) (He et al. 2015). */
  private static Tensor prelu(Tensor x, Tensor slope) {
    Tensor negative = Elementwise.apply(Op.MIN, x, Tensor.zeros(x.device(), 1));
    return Elementwise.add(Elementwise.apply(Op.RELU, x), Elementwise.mul(negative, slope));
  }

  @Override
  public void close() {
    for (AutoCloseable c : owned) {
      if (c instanceof Tensor t) t.close();
      if (c instanceof PackedFilter f) f.close();
      if (c instanceof PackedMatrix m) m.close();
    }
  }
}
