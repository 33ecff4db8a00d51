package org.ondol.ops;

import java.util.function.BiConsumer;
import org.ondol.DType;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;
import org.ondol.spi.Kernels;
import org.ondol.spi.LiveEntries;

/**
 * Mixed precision: products of FLOAT32 tensors as their device's BFLOAT16 or FLOAT16 has them. Operands are cast before,
 * the result is cast back; what was kept in the type already is taken as it is. Arguments are checked.
 */
final class Halves {
  private Halves() {}

  /** act(alpha · A·B + bias) + residual into c; the residual is added in FLOAT32, after the product was rounded. */
  static void gemm(Tensor a, Tensor b, Gemm.Epilogue e, Tensor c, Precision p) {
    try (Tensor x = a.to(p.operands()); Tensor y = b.to(p.operands());
        Tensor product = Gemm.matmul(x, y, e.residual(null).precision(p))) {
      if (e.residual() == null) {
        Cast.into(product, c);
        return;
      }
      try (Tensor wide = product.to(DType.FLOAT32)) {
        Elementwise.run(Op.ADD, wide, e.residual(), c, 0);
      }
    }
  }

  /** Conv or deconv into a part of y. The residual is an operand, for the activation comes after it. */
  static void conv(BiConsumer<Kernels, ConvArgs> kernel, ConvShape shape, Tensor x, ConvCall.Filters f, Tensor y,
      Conv.Epilogue e, ConvCall.Window w, Precision p) {
    DType type = p.operands();
    try (Tensor x16 = x.to(type); Tensor w16 = f.weight().to(type);
        Tensor r16 = e.residual() == null ? null : e.residual().to(type);
        Tensor y16 = Tensor.empty(y.device(), type, y.shape())) {
      ConvCall.Filters f16 = new ConvCall.Filters(w16, null, f.live(), f.table());
      ConvCall.run(kernel, shape, x16, f16, y16, e.residual(r16), w, p);
      try (Tensor from = part(y16, w); Tensor to = part(y, w)) {
        Cast.into(from, to);
      }
    }
  }

  private static Tensor part(Tensor y, ConvCall.Window w) {
    if (y.rank() == 3) return y.slice(2, w.beginW(), w.endW());
    try (Tensor rows = y.slice(2, w.beginH(), w.endH())) {
      return rows.slice(3, w.beginW(), w.endW());
    }
  }

  /** The gradient of filters, FLOAT32. */
  static Tensor weightGradient(ConvShape shape, Tensor x, Tensor dy, long[] weightShape, LiveEntries live,
      Precision p) {
    try (Tensor x16 = x.to(p.operands()); Tensor dy16 = dy.to(p.operands());
        Tensor dw = ConvCall.weightGradient(shape, x16, dy16, weightShape, live, p)) {
      return dw.to(DType.FLOAT32);
    }
  }

  /** Attention; the log-sum-exp, which is FLOAT32 anyway, where it is wanted. */
  static Attention.Result attention(Tensor q, Tensor k, Tensor v, Attention.Options o, boolean withLse, Precision p) {
    DType type = p.operands();
    try (Tensor q16 = q.to(type); Tensor k16 = k.to(type); Tensor v16 = v.to(type)) {
      Attention.Result r = Attention.compute(q16, k16, v16, o.precision(p), withLse);
      boolean done = false;
      try (Tensor out = r.out()) {
        Attention.Result wide = new Attention.Result(out.to(DType.FLOAT32), r.lse());
        done = true;
        return wide;
      } finally {
        if (!done) Outputs.closeAll(r.lse());
      }
    }
  }

  static Attention.Gradients attentionBackward(Tensor q, Tensor k, Tensor v, Attention.Options o,
      Attention.Result forward, Tensor dout, boolean biasGradient, Precision p) {
    DType type = p.operands();
    try (Tensor q16 = q.to(type); Tensor k16 = k.to(type); Tensor v16 = v.to(type);
        Tensor out16 = forward.out().to(type); Tensor dout16 = dout.to(type)) {
      Attention.Result f16 = new Attention.Result(out16, forward.lse());
      Attention.Gradients g = Attention.backward(q16, k16, v16, o.precision(p), f16, dout16, biasGradient);
      try (Tensor dq = g.dq(); Tensor dk = g.dk(); Tensor dv = g.dv()) {
        return new Attention.Gradients(dq.to(DType.FLOAT32), dk.to(DType.FLOAT32), dv.to(DType.FLOAT32), g.dbias());
      }
    }
  }
}
