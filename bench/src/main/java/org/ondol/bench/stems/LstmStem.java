package org.ondol.bench.stems;

import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.Gemm;
import org.ondol.ops.Lstm;
import org.ondol.ops.PackedMatrix;

/** LSTMs over the rows and the skewed map of a picture, which no peer has, and the ordinary one. */
public final class LstmStem implements Stem<LstmCase> {
  private final List<String> devices;

  public LstmStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "lstm";
  }

  @Override
  public List<LstmCase> cases() {
    return List.of(LstmCase.diagonal(28, 16, 64, false), LstmCase.row(28, 16, 64), LstmCase.plain(128, 16, 256),
        LstmCase.plain(128, 1, 256), LstmCase.diagonal(28, 16, 64, true));
  }

  @Override
  public List<Contender<LstmCase>> contenders(LstmCase c) {
    List<Contender<LstmCase>> all = new ArrayList<>();
    for (String device : devices) all.add(new Ondol(device));
    if (c.plain()) {
      all.add(new Onnx());
      all.add(new LibTorch());
    }
    return all;
  }

  private static final class Ondol extends OndolContender<LstmCase> {
    private LstmCase problem;
    private Tensor x, weight, dh, h;
    private PackedMatrix input;
    private Lstm.Options options;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(LstmCase c) {
      problem = c;
      x = c.plain() ? Tensor.of(device, c.x(), c.steps, c.sequences, c.in)
          : Tensor.of(device, c.x(), c.steps, c.sequences, c.positions, 4 * c.hidden);
      weight = Tensor.of(device, c.weight(), c.taps, c.hidden, 4 * c.hidden);
      options = Lstm.Options.bias(Tensor.of(device, c.bias(), 4 * c.hidden)).before(c.before);
      if (c.plain()) {
        try (Tensor w = Tensor.of(device, c.input(), c.in, 4 * c.hidden)) {
          input = PackedMatrix.of(w);
        }
      }
      if (c.gradient) dh = Tensor.of(device, c.dh(), c.steps, c.sequences, c.positions, c.hidden);
    }

    @Override
    public void run() {
      close(h);
      if (problem.gradient) {
        Lstm.Training f = Lstm.forward(x, weight, options);
        Lstm.Gradients g = Lstm.backward(weight, options, f, dh, null);
        h = g.dx();
        close(f.h(), f.c(), f.gates(), f.cells(), g.dweight(), g.dbias(), g.dh0(), g.dc0());
        return;
      }
      try (Tensor z = problem.plain() ? gates() : x.view(x.offset(), x.shape(), x.strides())) {
        Lstm.Result r = Lstm.apply(z, weight, options);
        h = r.h();
        r.c().close();
      }
    }

    private Tensor gates() {
      try (Tensor product = Gemm.linear(x, input, Gemm.Epilogue.NONE)) {
        return product.unsqueeze(2);
      }
    }

    private static void close(Tensor... tensors) {
      for (Tensor t : tensors) if (t != null) t.close();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of(problem.gradient ? "dx" : "h", h.toFloats());
    }

    @Override
    public void close() {
      close(x, weight, dh, h, options.bias());
      if (input != null) input.close();
    }
  }

  /** Rows [4H, k] of a weight [k, 4H], the gates taken in another order. */
  private static float[] rows(float[] weight, int k, int hidden, int[] order) {
    float[] out = new float[weight.length];
    for (int j = 0; j < 4 * hidden; j++) {
      for (int i = 0; i < k; i++) out[j * k + i] = weight[i * 4 * hidden + order[j / hidden] * hidden + j % hidden];
    }
    return out;
  }

  private static final class Onnx implements Contender<LstmCase> {
    private static final int[] ORDER = {0, 3, 1, 2};

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
    public void prepare(LstmCase c) throws Exception {
      float[] bias = new float[8 * c.hidden];
      System.arraycopy(rows(c.bias(), 1, c.hidden, ORDER), 0, bias, 0, 4 * c.hidden);
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "LSTM", 14).input("x", c.steps, c.sequences, c.in)
          .constant("w", rows(c.input(), c.in, c.hidden, ORDER), 1, 4 * c.hidden, c.in)
          .constant("r", rows(c.weight(), c.hidden, c.hidden, ORDER), 1, 4 * c.hidden, c.hidden)
          .constant("b", bias, 1, 8 * c.hidden).output("h", c.steps, 1, c.sequences, c.hidden)
          .attribute("hidden_size", (long) c.hidden);
      session = new OnnxSession(model.bytes());
      session.input("x", c.x(), c.steps, c.sequences, c.in).output("h", c.steps, 1, c.sequences, c.hidden);
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("h", session.result("h"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) session.close();
    }
  }

  private static final class LibTorch implements Contender<LstmCase> {
    private static final int[] ORDER = {0, 1, 2, 3};

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
    public void prepare(LstmCase c) {
      int h = c.hidden;
      torch = Torch.operation(in -> {
        NDList state = new NDList(in.get(1), in.get(2));
        NDList parameters = new NDList(in.get(3), in.get(4), in.get(5), in.get(6));
        NDList out = JniUtils.lstm((PtNDArray) in.getFirst(), state, parameters, true, 1, 0, false, false, false);
        out.get(1).close();
        out.get(2).close();
        return out.getFirst();
      });
      torch.input(c.x(), c.steps, c.sequences, c.in).input(new float[c.sequences * h], 1, c.sequences, h)
          .input(new float[c.sequences * h], 1, c.sequences, h).input(rows(c.input(), c.in, h, ORDER), 4 * h, c.in)
          .input(rows(c.weight(), h, h, ORDER), 4 * h, h).input(c.bias(), 4 * h).input(new float[4 * h], 4 * h);
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("h", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) torch.close();
    }
  }
}
