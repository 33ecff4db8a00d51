package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;
import org.ondol.Tensor;
import org.ondol.bench.Bench;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.Gemm;
import org.ondol.ops.PackedMatrix;

/** C = A B, A [M,K], B [K,N], all row-major: squares, and the products of MiniLM's layers. */
public final class GemmStem implements Stem<GemmStem.Product> {
  private static final String PACKED = "B packed";

  private final List<String> devices;

  public GemmStem(List<String> devices) {
    this.devices = devices;
  }

  /** One product. */
  public static final class Product implements Case {
    private static final int CHECKED_ROWS = 32;

    final int m, n, k;
    private float[] a, b;
    private List<Row> rows;

    Product(int m, int n, int k) {
      this.m = m;
      this.n = n;
      this.k = k;
    }

    @Override
    public String name() {
      return m == n && n == k ? "square " + m : "M%d K%d N%d".formatted(m, k, n);
    }

    @Override
    public double flops() {
      return 2.0 * m * n * k;
    }

    @Override
    public double bytes() {
      return 4.0 * ((double) m * k + (double) k * n);
    }

    float[] a() {
      return a == null ? a = Inputs.normal(1, m * k) : a;
    }

    float[] b() {
      return b == null ? b = Inputs.normal(2, k * n) : b;
    }

    /** Within (k + 2) eps sum |a||b| of the float64 sum, the bound of any order of float32 sums. */
    @Override
    public String check(Map<String, float[]> answer) {
      if (rows == null) {
        int step = Math.max(1, m / CHECKED_ROWS);
        IntStream even = IntStream.iterate(0, i -> i < m - 1, i -> i + step);
        rows = IntStream.concat(even, IntStream.of(m - 1)).mapToObj(this::row).toList();
      }
      float[] c = answer.get("c");
      for (Row row : rows) {
        for (int j = 0; j < n; j++) {
          double bound = (k + 2) * 0x1p-24 * row.magnitude[j];
          String wrong = Check.within("c", row.i * n + j, row.sum[j], c[row.i * n + j], bound);
          if (wrong != null) {
            return wrong;
          }
        }
      }
      return null;
    }

    private Row row(int i) {
      double[] sum = new double[n];
      double[] magnitude = new double[n];
      for (int p = 0; p < k; p++) {
        for (int j = 0; j < n; j++) {
          double term = (double) a()[i * k + p] * b()[p * n + j];
          sum[j] += term;
          magnitude[j] += Math.abs(term);
        }
      }
      return new Row(i, sum, magnitude);
    }

    private record Row(int i, double[] sum, double[] magnitude) {}
  }

  @Override
  public String name() {
    return "gemm";
  }

  @Override
  public List<Product> cases() {
    List<Product> cases = new ArrayList<>();
    for (int size : new int[] {256, 384, 512, 1024, 2048}) {
      cases.add(new Product(size, size, size));
    }
    for (int m : new int[] {16, 128, 1024, 4096}) {
      cases.add(new Product(m, 384, 384));
      cases.add(new Product(m, 1536, 384));
      cases.add(new Product(m, 384, 1536));
    }
    return cases;
  }

  @Override
  public List<Contender<Product>> contenders(Product c) {
    List<Contender<Product>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device, false));
      all.add(new Ondol(device, true));
    }
    all.addAll(List.of(new OpenBlas(), new Aten(), new Onnx(false), new Onnx(true)));
    return all;
  }

  private static final class Ondol extends OndolContender<Product> {
    private final boolean packed;
    private Tensor a, b, c;
    private PackedMatrix weight;

    Ondol(String device, boolean packed) {
      super(device, packed ? PACKED : "");
      this.packed = packed;
    }

    /** Who packs B at every call is not held against who packed it once. */
    @Override
    public boolean comparable(Contender<Product> peer) {
      return packed || !peer.variant().equals(PACKED);
    }

    @Override
    protected void load(Product g) {
      a = Tensor.of(device, g.a(), g.m, g.k);
      b = Tensor.of(device, g.b(), g.k, g.n);
      c = Tensor.empty(device, g.m, g.n);
      weight = packed ? PackedMatrix.of(b) : null;
    }

    @Override
    public void run() {
      if (packed) {
        Gemm.linearInto(a, weight, Gemm.Epilogue.NONE, c);
      } else {
        Gemm.matmulInto(a, b, Gemm.Epilogue.NONE, c);
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("c", c.toFloats());
    }

    @Override
    public void close() {
      for (Tensor t : new Tensor[] {a, b, c}) {
        if (t != null) {
          t.close();
        }
      }
      if (weight != null) {
        weight.close();
      }
    }
  }

  private abstract static class Peer implements Contender<Product> {
    @Override
    public boolean peer() {
      return true;
    }
  }

  private static final class OpenBlas extends Peer {
    private Product g;
    private FloatPointer a, b, c;

    @Override
    public String name() {
      return "openblas";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public void prepare(Product g) throws Unavailable {
      this.g = g;
      try {
        Loader.load(openblas.class);
      } catch (UnsatisfiedLinkError e) {
        throw new Unavailable(e.getMessage());
      }
      openblas.blas_set_num_threads(Bench.threads());
      a = new FloatPointer(g.a());
      b = new FloatPointer(g.b());
      c = new FloatPointer((long) g.m * g.n);
    }

    @Override
    public void run() {
      openblas.cblas_sgemm(openblas.CblasRowMajor, openblas.CblasNoTrans, openblas.CblasNoTrans, g.m, g.n, g.k, 1f, a,
          g.k, b, g.n, 0f, c, g.n);
    }

    @Override
    public Map<String, float[]> result() {
      float[] copy = new float[g.m * g.n];
      c.get(copy);
      return Map.of("c", copy);
    }

    @Override
    public void close() {
      for (FloatPointer p : new FloatPointer[] {a, b, c}) {
        if (p != null) {
          p.close();
        }
      }
    }
  }

  /** ATen's matmul: MKL or oneDNN inside, whichever it chooses. */
  private static final class Aten extends Peer {
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
    public void prepare(Product g) {
      torch = Torch.operation(in -> in.get(0).matMul(in.get(1)));
      torch.input(g.a(), g.m, g.k).input(g.b(), g.k, g.n);
    }

    @Override
    public void run() throws Exception {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("c", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }

  /** MatMul; packed: B is a weight of the model, which ONNX Runtime packs once. */
  private static final class Onnx extends Peer {
    private final boolean packed;
    private OnnxSession session;

    Onnx(boolean packed) {
      this.packed = packed;
    }

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return packed ? PACKED : "";
    }

    @Override
    public void prepare(Product g) throws Exception {
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "MatMul", 17);
      model.input("a", g.m, g.k);
      if (packed) {
        model.constant("b", g.b(), g.k, g.n);
      } else {
        model.input("b", g.k, g.n);
      }
      session = new OnnxSession(model.output("c", g.m, g.n).bytes());
      session.input("a", g.a(), g.m, g.k).output("c", g.m, g.n);
      if (!packed) {
        session.input("b", g.b(), g.k, g.n);
      }
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("c", session.result("c"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }
}
