package org.ondol.bench.stems;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.peers.Torch;
import org.ondol.ops.Attention;

/** Attention forward, decode, and forward with backward. */
public final class AttentionStem implements Stem<AttentionCase> {
  private final List<String> devices;

  public AttentionStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "attention";
  }

  @Override
  public List<AttentionCase> cases() {
    return List.of(
        new AttentionCase("prefill B1 H12 L512 D64", 1, 12, 12, 512, 512, 64, false, false),
        new AttentionCase("causal B1 H16 L2048 D128", 1, 16, 16, 2048, 2048, 128, true, false),
        new AttentionCase("short B8 H12 L128 D32", 8, 12, 12, 128, 128, 32, false, false),
        new AttentionCase("decode B1 H32/8 keys 4096 D128", 1, 32, 8, 1, 4096, 128, false, false),
        new AttentionCase("prefill fwd+bwd B1 H12 L512 D64", 1, 12, 12, 512, 512, 64, false, true),
        new AttentionCase("causal fwd+bwd B1 H16 L2048 D128", 1, 16, 16, 2048, 2048, 128, true, true));
  }

  @Override
  public List<Contender<AttentionCase>> contenders(AttentionCase c) {
    List<Contender<AttentionCase>> all = new ArrayList<>();
    devices.forEach(device -> all.add(c.backward ? new OndolBackward(device) : new OndolForward(device)));
    if (c.backward) {
      all.add(new TorchAttention(KvHeads.AS_GIVEN));
    } else if (c.heads == c.kvHeads) {
      all.add(new OnnxAttention(false));
      all.add(new OnnxMultiHead());
      all.add(new TorchAttention(KvHeads.AS_GIVEN));
    } else {
      all.add(new OnnxAttention(false));
      all.add(new OnnxAttention(true));
      all.add(new OnnxGroupQuery());
      all.add(new TorchAttention(KvHeads.EXPANDED));
      all.add(new TorchAttention(KvHeads.FOLDED));
    }
    return all;
  }

  private abstract static class Ondol extends OndolContender<AttentionCase> {
    Attention.Options options;
    Tensor q, k, v;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(AttentionCase c) {
      options = c.causal ? Attention.Options.causal(Attention.Alignment.TOP_LEFT) : Attention.Options.DEFAULT;
      q = Tensor.of(device, c.q(), c.batch, c.heads, c.queries, c.dim);
      k = Tensor.of(device, c.k(), c.batch, c.kvHeads, c.keys, c.dim);
      v = Tensor.of(device, c.v(), c.batch, c.kvHeads, c.keys, c.dim);
    }

    @Override
    public void close() {
      closeAll(q, k, v);
    }

    static void closeAll(Tensor... tensors) {
      for (Tensor t : tensors) {
        if (t != null) {
          t.close();
        }
      }
    }
  }

  private static final class OndolForward extends Ondol {
    private Tensor out;

    OndolForward(String device) {
      super(device);
    }

    @Override
    protected void load(AttentionCase c) {
      super.load(c);
      out = Tensor.empty(device, q.shape());
    }

    @Override
    public void run() {
      Attention.into(q, k, v, options, out);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("out", out.toFloats());
    }

    @Override
    public void close() {
      super.close();
      closeAll(out);
    }
  }

  private static final class OndolBackward extends Ondol {
    private Tensor dout;
    private Attention.Result forward;
    private Attention.Gradients gradients;

    OndolBackward(String device) {
      super(device);
    }

    @Override
    protected void load(AttentionCase c) {
      super.load(c);
      dout = Tensor.of(device, c.dout(), q.shape());
    }

    @Override
    public void run() {
      release();
      forward = Attention.forward(q, k, v, options);
      gradients = Attention.backward(q, k, v, options, forward, dout, false);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("out", forward.out().toFloats(), "dq", gradients.dq().toFloats(), "dk", gradients.dk().toFloats(),
          "dv", gradients.dv().toFloats());
    }

    private void release() {
      if (forward != null) {
        closeAll(forward.out(), forward.lse());
      }
      if (gradients != null) {
        closeAll(gradients.dq(), gradients.dk(), gradients.dv());
      }
      forward = null;
      gradients = null;
    }

    @Override
    public void close() {
      release();
      super.close();
      closeAll(dout);
    }
  }

  private abstract static class Onnx implements Contender<AttentionCase> {
    OnnxSession session;
    AttentionCase c;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("out", session.result("out"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }

  /** The standard's Attention, opset 23. Folded: the query heads of a group become query rows of one head. */
  private static final class OnnxAttention extends Onnx {
    private final boolean folded;

    OnnxAttention(boolean folded) {
      this.folded = folded;
    }

    @Override
    public String variant() {
      return folded ? "Attention-23, folded" : "Attention-23";
    }

    @Override
    public void prepare(AttentionCase c) throws Exception {
      int group = folded ? c.heads / c.kvHeads : 1;
      long[] q = {c.batch, c.heads / group, (long) c.queries * group, c.dim};
      long[] kv = {c.batch, c.kvHeads, c.keys, c.dim};
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "Attention", 23);
      model.input("q", q).input("k", kv).input("v", kv).output("out", q).attribute("is_causal", c.causal ? 1 : 0);
      session = new OnnxSession(model.bytes());
      session.input("q", c.q(), q).input("k", c.k(), kv).input("v", c.v(), kv).output("out", q);
    }
  }

  /** The contributed MultiHeadAttention, which takes [B,L,H*D]. */
  private static final class OnnxMultiHead extends Onnx {
    @Override
    public String variant() {
      return "MultiHeadAttention";
    }

    @Override
    public void prepare(AttentionCase c) throws Exception {
      this.c = c;
      long[] q = {c.batch, c.queries, (long) c.heads * c.dim};
      long[] kv = {c.batch, c.keys, (long) c.heads * c.dim};
      OnnxModel model = new OnnxModel(OnnxModel.MICROSOFT, "MultiHeadAttention", 1);
      model.input("q", q).input("k", kv).input("v", kv).output("out", q);
      model.attribute("num_heads", c.heads).attribute("unidirectional", c.causal ? 1 : 0);
      session = new OnnxSession(model.bytes());
      session.input("q", Inputs.swapMiddle(c.q(), c.batch, c.heads, c.queries, c.dim), q);
      session.input("k", Inputs.swapMiddle(c.k(), c.batch, c.heads, c.keys, c.dim), kv);
      session.input("v", Inputs.swapMiddle(c.v(), c.batch, c.heads, c.keys, c.dim), kv);
      session.output("out", q);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("out", Inputs.swapMiddle(session.result("out"), c.batch, c.queries, c.heads, c.dim));
    }
  }

  /** The contributed GroupQueryAttention with its cache in place: all keys but the last are the past. */
  private static final class OnnxGroupQuery extends Onnx {
    @Override
    public String variant() {
      return "GroupQueryAttention";
    }

    @Override
    public void prepare(AttentionCase c) throws Exception {
      long[] q = {c.batch, 1, (long) c.heads * c.dim};
      long[] kv = {c.batch, 1, (long) c.kvHeads * c.dim};
      long[] cache = {c.batch, c.kvHeads, c.keys, c.dim};
      OnnxModel model = new OnnxModel(OnnxModel.MICROSOFT, "GroupQueryAttention", 1);
      model.input("q", q).input("k", kv).input("v", kv).input("past_k", cache).input("past_v", cache);
      model.input("last", TensorProto.DataType.INT32, c.batch).input("total", TensorProto.DataType.INT32);
      model.output("out", q).output("present_k", cache).output("present_v", cache);
      model.attribute("num_heads", c.heads).attribute("kv_num_heads", c.kvHeads);
      session = new OnnxSession(model.bytes());
      session.input("q", c.q(), q).input("k", lastKey(c, c.k()), kv).input("v", lastKey(c, c.v()), kv);
      session.input("past_k", c.k(), cache).input("past_v", c.v(), cache);
      int[] last = new int[c.batch];
      Arrays.fill(last, c.keys - 1);
      session.input("last", last, c.batch).input("total", new int[] {c.keys});
      session.output("out", q).outputInPlace("present_k", "past_k").outputInPlace("present_v", "past_v");
    }

    private static float[] lastKey(AttentionCase c, float[] kv) {
      float[] last = new float[c.batch * c.kvHeads * c.dim];
      for (int head = 0; head < c.batch * c.kvHeads; head++) {
        System.arraycopy(kv, (head * c.keys + c.keys - 1) * c.dim, last, head * c.dim, c.dim);
      }
      return last;
    }
  }

  /**
   * How grouped key heads reach libtorch, whose own grouping takes an unfused path in this version: expanded to one
   * per query head before the clock starts, or folded, which makes the query heads of a group the rows of one head.
   */
  private enum KvHeads { AS_GIVEN, EXPANDED, FOLDED }

  private static final class TorchAttention implements Contender<AttentionCase> {
    private final KvHeads kvHeads;
    private AttentionCase c;
    private Torch torch;

    TorchAttention(KvHeads kvHeads) {
      this.kvHeads = kvHeads;
    }

    @Override
    public String name() {
      return "libtorch";
    }

    @Override
    public String variant() {
      return switch (kvHeads) {
        case AS_GIVEN -> "sdpa";
        case EXPANDED -> "sdpa, K/V expanded";
        case FOLDED -> "sdpa, folded";
      };
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(AttentionCase c) throws Exception {
      this.c = c;
      torch = Torch.module("sdpa" + (c.causal ? "_causal" : "") + (c.backward ? "_backward" : ""), c.backward);
      int group = c.heads / c.kvHeads;
      int fold = kvHeads == KvHeads.FOLDED ? group : 1;
      int copies = kvHeads == KvHeads.EXPANDED ? group : 1;
      torch.input(c.q(), c.batch, c.heads / fold, (long) c.queries * fold, c.dim);
      torch.input(expand(c, c.k(), copies), c.batch, (long) c.kvHeads * copies, c.keys, c.dim);
      torch.input(expand(c, c.v(), copies), c.batch, (long) c.kvHeads * copies, c.keys, c.dim);
      if (c.backward) {
        torch.input(c.dout(), c.batch, c.heads, c.queries, c.dim);
      }
    }

    private static float[] expand(AttentionCase c, float[] kv, int copies) {
      int head = c.keys * c.dim;
      float[] expanded = new float[kv.length * copies];
      for (int h = 0; h < c.batch * c.kvHeads * copies; h++) {
        System.arraycopy(kv, h / copies * head, expanded, h * head, head);
      }
      return expanded;
    }

    @Override
    public void run() throws Exception {
      torch.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of(c.backward ? "dq" : "out", torch.result());
    }

    @Override
    public void close() {
      if (torch != null) {
        torch.close();
      }
    }
  }
}
