package org.ondol.bench.stems;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;

/** The poolings of image networks, and training steps of them: a forward pass and the gradient of its input. */
public final class PoolStem implements Stem<PoolStem.Maps> {
  private final List<String> devices;

  public PoolStem(List<String> devices) {
    this.devices = devices;
  }

  enum Kind { MAX, AVERAGE, GLOBAL }

  /** One pooling. Average windows count the padding, as both peers do by default or on demand. */
  public static final class Maps implements Case {
    final Kind kind;
    final boolean training;
    final int batch, channels, size, kernel, stride, pad, out;
    private float[] x, dy;

    Maps(Kind kind, boolean training, int batch, int channels, int size, int kernel, int stride, int pad) {
      this.kind = kind;
      this.training = training;
      this.batch = batch;
      this.channels = channels;
      this.size = size;
      this.kernel = kernel;
      this.stride = stride;
      this.pad = pad;
      out = kind == Kind.GLOBAL ? 1 : (size + 2 * pad - kernel) / stride + 1;
    }

    @Override
    public String name() {
      String window = kind == Kind.GLOBAL ? "global average" : "%s %dx%d s%d".formatted(kind.name().toLowerCase(Locale.ROOT),
          kernel, kernel, stride);
      return "%s%s N%d %dx%dx%d".formatted(window, training ? " and gradient" : "", batch, channels, size, size);
    }

    @Override
    public double flops() {
      return 0;
    }

    /** All maps, although some are written: the least that passes the memory. */
    @Override
    public double bytes() {
      return 4.0 * batch * channels * (training ? 2 : 1) * ((double) size * size + (double) out * out);
    }

    @Override
    public boolean readBound() {
      return true;
    }

    PoolGeometry geometry() {
      return PoolGeometry.window(kernel, kernel).stride(stride).padding(pad).countPadding(true);
    }

    long[] large() {
      return new long[] {batch, channels, size, size};
    }

    long[] small() {
      return new long[] {batch, channels, out, out};
    }

    float[] x() {
      return x == null ? x = Inputs.normal(12, batch * channels * size * size) : x;
    }

    float[] dy() {
      return dy == null ? dy = Inputs.normal(13, batch * channels * out * out) : dy;
    }

    /** Some planes against loops over their windows in float64. */
    @Override
    public String check(Map<String, float[]> answer) {
      int planes = batch * channels;
      for (int p = 0; p < planes; p += Math.max(1, planes / 5)) {
        String wrong = training ? checkGradient(p, answer.get("dx")) : checkPlane(p, answer.get("y"));
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private String checkPlane(int p, float[] y) {
      for (int o = 0; o < out * out; o++) {
        int at = p * out * out + o;
        int best = best(p, o);
        String wrong = kind == Kind.MAX ? Check.within("y", at, x()[p * size * size + best], y[at], 0)
            : Check.within("y", at, average(p, o), y[at], 1e-5);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private String checkGradient(int p, float[] actual) {
      double[] dx = new double[size * size];
      for (int o = 0; o < out * out; o++) {
        double g = dy()[p * out * out + o];
        if (kind == Kind.MAX) {
          dx[best(p, o)] += g;
          continue;
        }
        for (int i = first(o / out); i < limit(o / out); i++) {
          for (int j = first(o % out); j < limit(o % out); j++) {
            dx[i * size + j] += g / count();
          }
        }
      }
      for (int i = 0; i < dx.length; i++) {
        String wrong = Check.within("dx", p * dx.length + i, dx[i], actual[p * dx.length + i], 1e-5);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private int first(int o) {
      return kind == Kind.GLOBAL ? 0 : Math.max(0, o * stride - pad);
    }

    private int limit(int o) {
      return kind == Kind.GLOBAL ? size : Math.min(size, o * stride - pad + kernel);
    }

    private double count() {
      return kind == Kind.GLOBAL ? size * size : kernel * kernel;
    }

    private int best(int p, int o) {
      int best = first(o / out) * size + first(o % out);
      for (int i = first(o / out); i < limit(o / out); i++) {
        for (int j = first(o % out); j < limit(o % out); j++) {
          best = x()[p * size * size + i * size + j] > x()[p * size * size + best] ? i * size + j : best;
        }
      }
      return best;
    }

    private double average(int p, int o) {
      double sum = 0;
      for (int i = first(o / out); i < limit(o / out); i++) {
        for (int j = first(o % out); j < limit(o % out); j++) {
          sum += x()[p * size * size + i * size + j];
        }
      }
      return sum / count();
    }
  }

  @Override
  public String name() {
    return "pool";
  }

  @Override
  public List<Maps> cases() {
    return List.of(new Maps(Kind.MAX, false, 1, 64, 112, 3, 2, 1), new Maps(Kind.MAX, false, 8, 64, 56, 2, 2, 0),
        new Maps(Kind.MAX, false, 1, 192, 28, 3, 1, 1), new Maps(Kind.MAX, false, 1, 512, 13, 5, 1, 2),
        new Maps(Kind.AVERAGE, false, 1, 192, 35, 3, 1, 1), new Maps(Kind.AVERAGE, false, 8, 128, 28, 2, 2, 0),
        new Maps(Kind.GLOBAL, false, 32, 512, 7, 7, 1, 0), new Maps(Kind.MAX, true, 8, 64, 56, 3, 2, 1),
        new Maps(Kind.MAX, true, 8, 64, 56, 2, 2, 0), new Maps(Kind.AVERAGE, true, 8, 64, 56, 3, 1, 1));
  }

  @Override
  public List<Contender<Maps>> contenders(Maps c) {
    List<Contender<Maps>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (!c.training) {
      all.add(new Onnx());
    }
    all.add(new LibTorch());
    return all;
  }

  private static final class Ondol extends OndolContender<Maps> {
    private Maps maps;
    private Tensor x, dy, y, dx, indices;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Maps c) {
      maps = c;
      x = Tensor.of(device, c.x(), c.large());
      dy = Tensor.of(device, c.dy(), c.small());
    }

    private static void close(Tensor... tensors) {
      for (Tensor t : tensors) {
        if (t != null) {
          t.close();
        }
      }
    }

    @Override
    public void run() {
      close(y, dx, indices);
      PoolGeometry g = maps.geometry();
      if (maps.training && maps.kind == Kind.MAX) {
        Pool.Max max = Pool.maxWithIndices(x, g);
        y = max.y();
        indices = max.indices();
        dx = Pool.maxBackward(dy, indices, g, maps.large());
        return;
      }
      y = switch (maps.kind) {
        case MAX -> Pool.max(x, g);
        case AVERAGE -> Pool.average(x, g);
        case GLOBAL -> Pool.globalAverage(x);
      };
      if (maps.training) {
        dx = Pool.averageBackward(dy, g, maps.large());
      }
    }

    @Override
    public Map<String, float[]> result() {
      return maps.training ? Map.of("dx", dx.toFloats()) : Map.of("y", y.toFloats());
    }

    @Override
    public void close() {
      close(x, dy, y, dx, indices);
    }
  }

  private static final class Onnx implements Contender<Maps> {
    private OnnxSession session;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Maps c) throws Exception {
      String operator = switch (c.kind) {
        case MAX -> "MaxPool";
        case AVERAGE -> "AveragePool";
        case GLOBAL -> "GlobalAveragePool";
      };
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, operator, 18).input("x", c.large()).output("y", c.small());
      if (c.kind != Kind.GLOBAL) {
        model.attribute("kernel_shape", new long[] {c.kernel, c.kernel}).attribute("strides", new long[] {c.stride, c.stride})
            .attribute("pads", new long[] {c.pad, c.pad, c.pad, c.pad});
      }
      if (c.kind == Kind.AVERAGE) {
        model.attribute("count_include_pad", 1);
      }
      session = new OnnxSession(model.bytes());
      session.input("x", c.x(), c.large()).output("y", c.small());
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", session.result("y"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }

  private static final class LibTorch implements Contender<Maps> {
    private Torch torch;
    private Maps maps;

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    private NDArray pool(NDArray x) {
      Shape kernel = new Shape(maps.kernel, maps.kernel);
      Shape stride = new Shape(maps.stride, maps.stride);
      Shape pad = new Shape(maps.pad, maps.pad);
      PtNDArray map = (PtNDArray) x;
      return switch (maps.kind) {
        case MAX -> JniUtils.maxPool(map, kernel, stride, pad, false);
        case AVERAGE -> JniUtils.avgPool(map, kernel, stride, pad, false, true);
        case GLOBAL -> JniUtils.adaptiveAvgPool(map, new Shape(1, 1));
      };
    }

    @Override
    public void prepare(Maps c) {
      maps = c;
      if (c.training) {
        torch = Torch.gradient(in -> pool(in.getFirst())).input(c.x(), c.large()).input(c.dy(), c.small());
      } else {
        torch = Torch.operation(in -> pool(in.getFirst())).input(c.x(), c.large());
      }
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of(maps.training ? "dx" : "y", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }
}
