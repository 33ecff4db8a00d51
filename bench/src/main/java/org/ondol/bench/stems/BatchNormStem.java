package org.ondol.bench.stems;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.BatchNorm;

/** Batch normalisation of a network's maps: in inference, in training, and in training with the gradient of its input. */
public final class BatchNormStem implements Stem<BatchNormStem.Maps> {
  private static final double EPS = 1e-5;

  private final List<String> devices;

  public BatchNormStem(List<String> devices) {
    this.devices = devices;
  }

  /** What is computed. */
  enum Pass { INFERENCE, TRAINING, GRADIENT }

  /** [n, c, size, size]. */
  public static final class Maps implements Case {
    final Pass pass;
    final int n, c, size;
    private float[] x, dy;
    private final float[] gamma, beta, mean, variance;

    Maps(Pass pass, int n, int c, int size) {
      this.pass = pass;
      this.n = n;
      this.c = c;
      this.size = size;
      gamma = Inputs.normal(3, c);
      beta = Inputs.normal(4, c);
      mean = Inputs.normal(5, c);
      variance = Inputs.normal(6, c);
      for (int i = 0; i < c; i++) {
        variance[i] = 0.1f + variance[i] * variance[i];
      }
    }

    @Override
    public String name() {
      String what = switch (pass) {
        case INFERENCE -> "inference";
        case TRAINING -> "training";
        case GRADIENT -> "training forward and backward";
      };
      return "%s %dx%dx%dx%d".formatted(what, n, c, size, size);
    }

    @Override
    public double flops() {
      return 0;
    }

    /** Inference x and y; training x once more; forward and backward also x, dy and dx: the least that passes the memory. */
    @Override
    public double bytes() {
      return 4.0 * n * c * size * size * (pass == Pass.GRADIENT ? 5 : 2);
    }

    @Override
    public boolean readBound() {
      return true;
    }

    long[] shape() {
      return new long[] {n, c, size, size};
    }

    int count() {
      return n * c * size * size;
    }

    float[] x() {
      return x == null ? x = Inputs.normal(1, count()) : x;
    }

    float[] dy() {
      return dy == null ? dy = Inputs.normal(2, count()) : dy;
    }

    /** Two channels against float64. */
    @Override
    public String check(Map<String, float[]> answer) {
      for (int channel : new int[] {0, c - 1}) {
        String wrong = check(answer.get("y"), channel);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private String check(float[] actual, int k) {
      int plane = size * size;
      double m = (double) n * plane;
      double sum = 0;
      double squares = 0;
      for (int i = 0; i < n * plane; i++) {
        sum += x()[at(i, k)];
      }
      double mu = pass == Pass.INFERENCE ? mean[k] : sum / m;
      for (int i = 0; i < n * plane; i++) {
        squares += Math.pow(x()[at(i, k)] - mu, 2);
      }
      double rstd = 1 / Math.sqrt((pass == Pass.INFERENCE ? variance[k] : squares / m) + EPS);
      double plain = 0;
      double weighted = 0;
      for (int i = 0; i < n * plane && pass == Pass.GRADIENT; i++) {
        plain += dy()[at(i, k)];
        weighted += dy()[at(i, k)] * (x()[at(i, k)] - mu) * rstd;
      }
      for (int i = 0; i < n * plane; i++) {
        double h = (x()[at(i, k)] - mu) * rstd;
        double expected = pass == Pass.GRADIENT ? gamma[k] * rstd * (dy()[at(i, k)] - plain / m - h * weighted / m)
            : h * gamma[k] + beta[k];
        String wrong = Check.within("y", at(i, k), expected, actual[at(i, k)], 1e-4);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private int at(int i, int k) {
      int plane = size * size;
      return (i / plane * c + k) * plane + i % plane;
    }
  }

  @Override
  public String name() {
    return "batchnorm";
  }

  @Override
  public List<Maps> cases() {
    return List.of(new Maps(Pass.INFERENCE, 1, 64, 112), new Maps(Pass.INFERENCE, 8, 64, 56), new Maps(Pass.INFERENCE, 1, 512, 7),
        new Maps(Pass.TRAINING, 8, 64, 56), new Maps(Pass.GRADIENT, 8, 64, 56));
  }

  @Override
  public List<Contender<Maps>> contenders(Maps c) {
    List<Contender<Maps>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (c.pass == Pass.INFERENCE) {
      all.add(new Onnx()); // its CPU build refuses the training mode
    }
    all.add(new LibTorch());
    return all;
  }

  private static final class Ondol extends OndolContender<Maps> {
    private Pass pass;
    private Tensor x, dy, gamma, beta, mean, variance, y;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Maps c) {
      pass = c.pass;
      x = Tensor.of(device, c.x(), c.shape());
      dy = Tensor.of(device, c.dy(), c.shape());
      gamma = Tensor.of(device, c.gamma, c.c);
      beta = Tensor.of(device, c.beta, c.c);
      mean = Tensor.of(device, c.mean, c.c);
      variance = Tensor.of(device, c.variance, c.c);
    }

    @Override
    public void run() {
      if (y != null) {
        y.close();
      }
      if (pass == Pass.INFERENCE) {
        y = BatchNorm.apply(x, gamma, beta, mean, variance, EPS, false);
        return;
      }
      BatchNorm.Result r = BatchNorm.train(x, gamma, beta, EPS, false, BatchNorm.Running.pytorch(mean, variance, 0.1));
      y = r.y();
      if (pass == Pass.GRADIENT) {
        BatchNorm.Gradients g = BatchNorm.backward(x, gamma, dy, null, r.mean(), r.rstd(), true);
        close(g.dgamma(), g.dbeta(), y);
        y = g.dx();
      }
      close(r.mean(), r.variance(), r.rstd());
    }

    private static void close(Tensor... tensors) {
      for (Tensor t : tensors) {
        if (t != null) {
          t.close();
        }
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", y.toFloats());
    }

    @Override
    public void close() {
      close(x, dy, gamma, beta, mean, variance, y);
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
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "BatchNormalization", 15).input("x", c.shape())
          .constant("gamma", c.gamma, c.c).constant("beta", c.beta, c.c).constant("mean", c.mean, c.c)
          .constant("variance", c.variance, c.c).output("y", c.shape());
      session = new OnnxSession(model.bytes());
      session.input("x", c.x(), c.shape()).output("y", c.shape());
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

    @Override
    public void prepare(Maps c) {
      Function<NDList, NDArray> norm = in -> JniUtils.batchNorm(array(in, 0), array(in, 3), array(in, 4), array(in, 1),
          array(in, 2), c.pass != Pass.INFERENCE, 0.1, EPS);
      torch = c.pass == Pass.GRADIENT ? Torch.gradient(norm) : Torch.operation(norm);
      torch.input(c.x(), c.shape()).input(c.gamma, c.c).input(c.beta, c.c).input(c.mean, c.c).input(c.variance, c.c);
      if (c.pass == Pass.GRADIENT) {
        torch.input(c.dy(), c.shape());
      }
    }

    private static PtNDArray array(NDList in, int i) {
      return (PtNDArray) in.get(i);
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }
}
