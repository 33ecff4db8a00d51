package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxGraph;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.ops.Iou;
import org.ondol.ops.Pixels;

/**
 * Overlaps of all pairs of boxes: anchors with objects, and proposals with each other. ONNX Runtime has no such operator: it
 * runs the elementwise graph that frameworks make of it, on coordinates that lie apart already.
 */
public final class IouStem implements Stem<IouStem.Pairs> {
  private final List<String> devices;

  public IouStem(List<String> devices) {
    this.devices = devices;
  }

  /** One problem. */
  public static final class Pairs implements Case {
    final boolean giou;
    final int n, m;
    private float[] a, b;

    Pairs(boolean giou, int n, int m) {
      this.giou = giou;
      this.n = n;
      this.m = m;
    }

    @Override
    public String name() {
      return "%s of %d x %d boxes".formatted(giou ? "giou" : "iou", n, m);
    }

    @Override
    public double flops() {
      return 0;
    }

    /** The result, although it is written: the least that passes the memory. */
    @Override
    public double bytes() {
      return 4.0 * n * m;
    }

    @Override
    public boolean readBound() {
      return true;
    }

    private static float[] boxes(long seed, int count) {
      SplittableRandom random = new SplittableRandom(seed);
      float[] boxes = new float[4 * count];
      for (int i = 0; i < boxes.length; i += 4) {
        for (int k = i; k < i + 2; k++) {
          boxes[k] = (float) (random.nextDouble() * 800);
          boxes[k + 2] = boxes[k] + (float) (16 + random.nextDouble() * 300);
        }
      }
      return boxes;
    }

    float[] a() {
      return a == null ? a = boxes(1, n) : a;
    }

    float[] b() {
      return b == null ? b = boxes(2, m) : b;
    }

    /** Coordinate k of each box. */
    static float[] column(float[] boxes, int k) {
      float[] column = new float[boxes.length / 4];
      for (int i = 0; i < column.length; i++) {
        column[i] = boxes[4 * i + k];
      }
      return column;
    }

    @Override
    public String check(Map<String, float[]> answer) {
      float[] out = answer.get("out");
      for (int e = 0; e < out.length; e += 1 + out.length / 20_000) {
        String wrong = Check.within("out", e, value(e / m, e % m), out[e], 1e-5);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    private double value(int i, int j) {
      double[] both = new double[2];
      double[] one = new double[2];
      double[] two = new double[2];
      double[] around = new double[2];
      for (int k = 0; k < 2; k++) {
        double low = a()[4 * i + k];
        double high = a()[4 * i + 2 + k];
        double otherLow = b()[4 * j + k];
        double otherHigh = b()[4 * j + 2 + k];
        both[k] = Math.max(0, Math.min(high, otherHigh) - Math.max(low, otherLow));
        around[k] = Math.max(high, otherHigh) - Math.min(low, otherLow);
        one[k] = high - low;
        two[k] = otherHigh - otherLow;
      }
      double either = one[0] * one[1] + two[0] * two[1] - both[0] * both[1];
      double hull = around[0] * around[1];
      return both[0] * both[1] / either - (giou ? (hull - either) / hull : 0);
    }
  }

  @Override
  public String name() {
    return "iou";
  }

  @Override
  public List<Pairs> cases() {
    return List.of(new Pairs(false, 20_000, 20), new Pairs(false, 2000, 2000), new Pairs(true, 2000, 2000), new Pairs(true, 300, 100));
  }

  @Override
  public List<Contender<Pairs>> contenders(Pairs c) {
    List<Contender<Pairs>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    all.add(new Onnx());
    return all;
  }

  private static final class Ondol extends OndolContender<Pairs> {
    private Pairs pairs;
    private Tensor a, b, out;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Pairs c) {
      pairs = c;
      a = Tensor.of(device, c.a(), c.n, 4);
      b = Tensor.of(device, c.b(), c.m, 4);
    }

    @Override
    public void run() {
      if (out != null) {
        out.close();
      }
      out = Iou.pairwise(pairs.giou ? Iou.Kind.GIOU : Iou.Kind.IOU, a, b, Pixels.BETWEEN);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("out", out.toFloats());
    }

    @Override
    public void close() {
      for (Tensor t : new Tensor[] {a, b, out}) {
        if (t != null) {
          t.close();
        }
      }
    }
  }

  private static final class Onnx implements Contender<Pairs> {
    private OnnxSession session;
    private String output;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "elementwise";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Pairs c) throws Exception {
      OnnxGraph g = new OnnxGraph(17);
      String[] a = new String[4];
      String[] b = new String[4];
      for (int k = 0; k < 4; k++) {
        a[k] = g.input("a" + k, c.n, 1);
        b[k] = g.input("b" + k, 1, c.m);
      }
      String both = g.node("Mul", g.node("Relu", length(g, "Min", a[2], b[2], "Max", a[0], b[0])),
          g.node("Relu", length(g, "Min", a[3], b[3], "Max", a[1], b[1])));
      String areas = g.node("Add", area(g, a), area(g, b));
      String either = g.node("Sub", areas, both);
      output = g.node("Div", both, either);
      if (c.giou) {
        String hull = g.node("Mul", length(g, "Max", a[2], b[2], "Min", a[0], b[0]), length(g, "Max", a[3], b[3], "Min", a[1], b[1]));
        output = g.node("Sub", output, g.node("Div", g.node("Sub", hull, either), hull));
      }
      session = new OnnxSession(g.bytes(output, c.n, c.m));
      for (int k = 0; k < 4; k++) {
        session.input("a" + k, Pairs.column(c.a(), k), c.n, 1).input("b" + k, Pairs.column(c.b(), k), 1, c.m);
      }
      session.output(output, c.n, c.m);
    }

    private static String length(OnnxGraph g, String far, String a, String b, String near, String c, String d) {
      return g.node("Sub", g.node(far, a, b), g.node(near, c, d));
    }

    private static String area(OnnxGraph g, String[] box) {
      return g.node("Mul", g.node("Sub", box[2], box[0]), g.node("Sub", box[3], box[1]));
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("out", session.result(output));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }
}
