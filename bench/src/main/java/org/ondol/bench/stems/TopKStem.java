package org.ondol.bench.stems;

import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.TopK;

/** The best anchors of a region proposal network, and the best classes of a batch. */
public final class TopKStem implements Stem<TopKStem.Rows> {
  private final List<String> devices;

  public TopKStem(List<String> devices) {
    this.devices = devices;
  }

  /** The k greatest of each row. */
  public static final class Rows implements Case {
    final int rows, n, k;
    private float[] x;

    Rows(int rows, int n, int k) {
      this.rows = rows;
      this.n = n;
      this.k = k;
    }

    @Override
    public String name() {
      return "%d of %dx%d".formatted(k, rows, n);
    }

    @Override
    public double flops() {
      return 0;
    }

    @Override
    public double bytes() {
      return 4.0 * rows * n;
    }

    @Override
    public boolean readBound() {
      return true;
    }

    /** Some values are equal; which of them come is told by values alone, as peers may order them otherwise. */
    float[] x() {
      return x == null ? x = Inputs.normal(31, rows * n) : x;
    }

    @Override
    public String check(Map<String, float[]> answer) {
      float[] values = answer.get("values");
      for (int r = 0; r < rows; r++) {
        float[] sorted = Arrays.copyOfRange(x(), r * n, (r + 1) * n);
        Arrays.sort(sorted);
        for (int i = 0; i < k; i++) {
          float expected = sorted[n - 1 - i];
          if (values[r * k + i] != expected) {
            return "place %d of row %d is %s, expected %s".formatted(i, r, values[r * k + i], expected);
          }
        }
      }
      return null;
    }
  }

  @Override
  public String name() {
    return "topk";
  }

  @Override
  public List<Rows> cases() {
    return List.of(new Rows(1, 20_000, 2000), new Rows(1, 250_000, 6000), new Rows(4, 60_000, 2000),
        new Rows(256, 1000, 5));
  }

  @Override
  public List<Contender<Rows>> contenders(Rows c) {
    List<Contender<Rows>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    all.add(new Onnx());
    all.add(new LibTorch());
    return all;
  }

  private static final class Ondol extends OndolContender<Rows> {
    private Rows problem;
    private Tensor x;
    private TopK.Result result;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Rows c) {
      problem = c;
      x = Tensor.of(device, c.x(), c.rows, c.n);
    }

    @Override
    public void run() {
      if (result != null) {
        result.close();
      }
      result = TopK.apply(x, problem.k);
    }

    /** Positions are looked at here; which of equal values is meant is not the peers' business. */
    @Override
    public Map<String, float[]> result() {
      float[] values = result.values().toFloats();
      float[] indices = NmsStem.integers(result.indices());
      float[] there = new float[values.length];
      for (int i = 0; i < there.length; i++) {
        there[i] = problem.x()[i / problem.k * problem.n + (int) indices[i]];
      }
      if (!Arrays.equals(values, there)) {
        throw new IllegalStateException("values are not those at the indices");
      }
      return Map.of("values", values);
    }

    @Override
    public void close() {
      if (x != null) {
        x.close();
      }
      if (result != null) {
        result.close();
      }
    }
  }

  private static final class Onnx implements Contender<Rows> {
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
    public void prepare(Rows c) throws Exception {
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "TopK", 11).input("x", c.rows, c.n)
          .input("k", TensorProto.DataType.INT64, 1).output("values", c.rows, c.k)
          .output("indices", TensorProto.DataType.INT64);
      session = new OnnxSession(model.bytes());
      session.input("x", c.x(), c.rows, c.n).input("k", new long[] {c.k}, 1).output("values", c.rows, c.k)
          .request("indices");
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("values", session.result("values"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }

  private static final class LibTorch implements Contender<Rows> {
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
    public void prepare(Rows c) {
      torch = Torch.operation(in -> {
        NDList both = JniUtils.topK((PtNDArray) in.getFirst(), c.k, 1, true, true);
        both.get(1).close();
        return both.getFirst();
      }).input(c.x(), c.rows, c.n);
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("values", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }
}
