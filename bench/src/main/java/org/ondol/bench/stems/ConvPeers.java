package org.ondol.bench.stems;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.ondol.bench.Contender;
import org.ondol.bench.peers.OneDnnConv;
import org.ondol.bench.peers.OneDnnConv.Layout;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;

/** Who competes in convolutions, masked and transposed ones. */
final class ConvPeers {
  private ConvPeers() {}

  /** Ondol's devices and the peers. */
  static List<Contender<ConvCase>> beside(List<String> devices, ConvCase c) {
    List<Contender<ConvCase>> all = new ArrayList<>();
    devices.forEach(device -> all.addAll(OndolConv.of(device, c)));
    boolean[] cuts = c.mask == ConvCase.Mask.NONE ? new boolean[] {false} : new boolean[] {false, true};
    for (boolean cut : cuts) {
      if (!c.backward) { // the inference build of ONNX Runtime has no gradients
        all.add(new Onnx(cut));
      }
      for (Layout layout : Layout.values()) {
        all.add(new OneDnn(layout, cut));
      }
    }
    all.add(new Aten());
    return all;
  }

  /**
   * Filters as a peer gets them: zero where dead, and for a mask perhaps cut to the rows down to the centre's, which with
   * less padding below is the same function at about half the cost.
   */
  private abstract static class Peer implements Contender<ConvCase> {
    final boolean cut;
    ConvCase c;
    int rows;

    Peer(boolean cut) {
      this.cut = cut;
    }

    @Override
    public final boolean peer() {
      return true;
    }

    /** The variant: of the filters and something else, which may be empty. */
    String about(String other) {
      return c != null && c.mask == ConvCase.Mask.NONE ? other : (other + (cut ? ", cut" : ", dense")).replaceFirst("^, ", "");
    }

    void use(ConvCase c) {
      this.c = c;
      rows = cut ? c.s.kernel() / 2 + 1 : c.s.kernel();
    }

    long[] weightShape() {
      long[] shape = c.weightShape();
      shape[2] = rows;
      return shape;
    }

    float[] weights() {
      float[] whole = c.zeroed(c.w());
      int kernel = c.s.kernel();
      int planes = whole.length / kernel / kernel;
      float[] part = new float[planes * rows * kernel];
      for (int p = 0; p < planes; p++) {
        System.arraycopy(whole, p * kernel * kernel, part, p * rows * kernel, rows * kernel);
      }
      return part;
    }

    /** A gradient of these filters as one of the whole ones, zero where they are dead. */
    float[] wholeGradient(float[] part) {
      int kernel = c.s.kernel();
      int planes = part.length / rows / kernel;
      float[] whole = new float[planes * kernel * kernel];
      for (int p = 0; p < planes; p++) {
        System.arraycopy(part, p * rows * kernel, whole, p * kernel * kernel, rows * kernel);
      }
      return c.zeroed(whole);
    }

    int padBelow() {
      return c.s.pad() - (c.s.kernel() - rows);
    }
  }

  /** Conv or ConvTranspose with constant filters, which ONNX Runtime packs once. */
  private static final class Onnx extends Peer {
    private OnnxSession session;

    Onnx(boolean cut) {
      super(cut);
    }

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return about("");
    }

    @Override
    public void prepare(ConvCase c) throws Exception {
      use(c);
      int pad = c.s.pad();
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, c.transposed ? "ConvTranspose" : "Conv", 17);
      model.input("x", c.xShape()).constant("w", weights(), weightShape()).constant("b", c.bias(), c.s.out());
      model.attribute("strides", new long[] {c.s.stride(), c.s.stride()});
      model.attribute("pads", new long[] {pad, pad, padBelow(), pad}).attribute("group", c.s.groups());
      session = new OnnxSession(model.output("y", c.yShape()).bytes());
      session.input("x", c.x(), c.xShape()).output("y", c.yShape());
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

  /** ATen's conv2d, or a TorchScript module of one operator for what the engine has no call of: the rest. */
  private static final class Aten extends Peer {
    private Torch torch;

    Aten() {
      super(false);
    }

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return about("");
    }

    @Override
    public void prepare(ConvCase c) throws Exception {
      use(c);
      if (c.transposed || c.backward) {
        String kind = c.transposed ? "deconv" : "conv";
        String module = "%s_s%dp%d%s".formatted(kind, c.s.stride(), c.s.pad(), c.backward ? "_backward" : "");
        torch = Torch.module(module, c.backward);
      } else {
        torch = Torch.operation(this::conv2d);
      }
      torch.input(c.x(), c.xShape()).input(weights(), weightShape());
      if (c.backward) {
        torch.input(c.dy(), c.yShape());
      } else {
        torch.input(c.bias(), c.s.out());
      }
    }

    private NDArray conv2d(NDList in) {
      Shape stride = new Shape(c.s.stride(), c.s.stride());
      Shape pad = new Shape(c.s.pad(), c.s.pad());
      return Conv2d.conv2d(in.get(0), in.get(1), in.get(2), stride, pad, new Shape(1, 1), c.s.groups()).singletonOrThrow();
    }

    @Override
    public void run() {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return c.backward ? Map.of("dw", wholeGradient(torch.result())) : Map.of("y", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }

  /** oneDNN itself, in three layouts of the maps. */
  private static final class OneDnn extends Peer {
    private final Layout layout;
    private OneDnnConv conv;

    OneDnn(Layout layout, boolean cut) {
      super(cut);
      this.layout = layout;
    }

    @Override
    public String name() {
      return "onednn";
    }

    @Override
    public String variant() {
      return about(layout.text);
    }

    @Override
    public void prepare(ConvCase c) throws Exception {
      use(c);
      long pad = c.s.pad();
      conv = new OneDnnConv(layout, new OneDnnConv.Problem(c.xShape(), weightShape(), c.yShape(), c.s.groups(), c.s.stride(),
          new long[] {pad, pad}, new long[] {padBelow(), pad}, c.transposed));
      if (c.backward) {
        conv.training(c.x(), weights(), c.dy());
      } else {
        conv.inference(c.x(), weights(), c.bias());
      }
    }

    @Override
    public void run() {
      conv.run();
    }

    @Override
    public Map<String, float[]> result() {
      Map<String, float[]> answer = new HashMap<>();
      answer.put("y", conv.result("y"));
      if (c.backward) {
        answer.put("dx", conv.result("dx"));
        answer.put("dw", wholeGradient(conv.result("dw")));
      }
      return answer;
    }

    @Override
    public void close() {
      if (conv != null) {
        conv.close();
      }
    }
  }
}
