package org.ondol.ops;

import java.util.Arrays;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.ShapeException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.spi.GemmArgs;

/**
 * Matrix products, C = act(alpha · A·B + bias) + residual. Every sum is one chain of fused multiply-adds over ascending
 * k (docs/arithmetic.md), so a result depends on neither blocking nor threads.
 *
 * <p>Operands are FLOAT32, or both BFLOAT16 or FLOAT16 where the device computes in that {@link Precision}; result and
 * residual are of their type, the bias is always FLOAT32.
 */
public final class Gemm {
  /**
   * What happens to the product while it is stored.
   *
   * @param bias [n], added to every row; or null
   * @param residual of the product's shape, added after the activation; or null
   * @param alpha factor of the product, before the bias
   * @param precision null for the one of the operands' type
   */
  public record Epilogue(Tensor bias, Activation activation, Tensor residual, double alpha, Precision precision) {
    /** Stores the product itself. */
    public static final Epilogue NONE = new Epilogue(null, Activation.NONE, null, 1);

    /** In the precision of the operands' type. */
    public Epilogue(Tensor bias, Activation activation, Tensor residual, double alpha) {
      this(bias, activation, residual, alpha, null);
    }

    public static Epilogue bias(Tensor bias) {
      return new Epilogue(bias, Activation.NONE, null, 1);
    }

    public Epilogue activation(Activation activation) {
      return new Epilogue(bias, activation, residual, alpha, precision);
    }

    public Epilogue residual(Tensor residual) {
      return new Epilogue(bias, activation, residual, alpha, precision);
    }

    public Epilogue alpha(double alpha) {
      return new Epilogue(bias, activation, residual, alpha, precision);
    }

    public Epilogue precision(Precision precision) {
      return new Epilogue(bias, activation, residual, alpha, precision);
    }
  }

  /** Gradients of a product's operands, in their shapes. */
  public record Gradients(Tensor da, Tensor db) {}

  private static final int MAX_RANK = 6;

  private Gemm() {}

  /** A·B for a [..., m, k] and b [..., k, n] of rank 2 to 6; leading dimensions broadcast. */
  public static Tensor matmul(Tensor a, Tensor b) {
    return matmul(a, b, Epilogue.NONE);
  }

  /** A·B with an epilogue. */
  public static Tensor matmul(Tensor a, Tensor b, Epilogue epilogue) {
    long[] shape = productShape(a, b);
    Tensor c = Tensor.empty(a.device(), a.dtype(), shape);
    return Outputs.finish(c, () -> matmulInto(a, b, epilogue, c));
  }

  /** A·B with an epilogue into c, which may be exactly the residual and else overlaps nothing. */
  public static void matmulInto(Tensor a, Tensor b, Epilogue epilogue, Tensor c) {
    long[] shape = productShape(a, b);
    Check.present("epilogue", epilogue);
    Precision precision = Precision.of("gemm", epilogue.precision(), "a", a, a.device());
    checkResult(c, epilogue, a.device(), a.dtype(), shape);
    Check.disjoint("c", c, "a", a);
    Check.disjoint("c", c, "b", b);
    if (c.count() == 0) return;
    if (precision.casts(a)) {
      Halves.gemm(a, b, epilogue, c, precision);
      return;
    }
    Tensor ea = batched(shape, a);
    Tensor eb = null;
    try {
      eb = batched(shape, b);
      launch(ea, eb, null, epilogue, c, a.size(-1), precision);
    } finally {
      Outputs.closeMade(ea, a);
      Outputs.closeMade(eb, b);
    }
  }

  /**
   * x·W with a packed weight: x [..., k], result [..., n].
   *
   * @param weight [k, n] on x's device
   */
  public static Tensor linear(Tensor x, PackedMatrix weight, Epilogue epilogue) {
    Check.present("x", x);
    Check.present("weight", weight);
    Check.rank("x", x, 1, 8);
    long[] shape = x.shape();
    shape[shape.length - 1] = weight.columns();
    Tensor c = Tensor.empty(x.device(), shape);
    return Outputs.finish(c, () -> linearInto(x, weight, epilogue, c));
  }

  /** x·W with an epilogue into c [..., n], contiguous; c may be exactly the residual and else overlaps nothing. */
  public static void linearInto(Tensor x, PackedMatrix weight, Epilogue epilogue, Tensor c) {
    Check.present("x", x);
    Check.present("weight", weight);
    Check.present("epilogue", epilogue);
    Device device = x.device();
    Check.floats("x", x, device);
    Check.floats("weight", weight.panels(), device);
    Precision precision = Precision.ofPacked(epilogue.precision(), device);
    Check.rank("x", x, 1, 8);
    if (x.size(-1) != weight.rows()) {
      throw new ShapeException("x", "of shape " + Arrays.toString(x.shape()), "last size " + weight.rows() + " like the weight's rows");
    }
    long[] shape = x.shape();
    shape[shape.length - 1] = weight.columns();
    checkResult(c, epilogue, device, x.dtype(), shape);
    Check.contiguous("c", c);
    Check.disjoint("c", c, "x", x);
    Check.disjoint("c", c, "weight", weight.panels());
    if (c.count() == 0) return;
    long rows = c.count() / weight.columns();
    try (Tensor x2 = x.reshape(rows, weight.rows()); Tensor c2 = c.reshape(rows, weight.columns());
        Tensor r2 = epilogue.residual() == null ? null : epilogue.residual().reshape(rows, weight.columns())) {
      Epilogue e = epilogue.residual(r2);
      if (precision == Precision.EXACT) {
        launch(x2, null, weight.panels(), e, c2, weight.rows(), precision);
      } else if (precision.casts(x)) {
        Halves.gemm(x2, weight.plain(), e, c2, precision);
      } else {
        launch(x2, weight.plain(), null, e, c2, weight.rows(), precision);
      }
    }
  }

  /** dA = dC·Bᵀ and dB = Aᵀ·dC for a plain product; gradients of broadcast operands are summed in order. */
  public static Gradients backward(Tensor a, Tensor b, Tensor dc) {
    return backward(a, b, dc, null);
  }

  /** The same in a precision, null for the one of the operands' type. Sums over broadcast dimensions are FLOAT32. */
  public static Gradients backward(Tensor a, Tensor b, Tensor dc, Precision precision) {
    long[] shape = productShape(a, b);
    Check.tensor("dc", dc, a.dtype(), a.device());
    Check.shape("dc", dc, shape);
    Epilogue plain = Epilogue.NONE.precision(precision);
    try (Tensor bt = b.transpose(-1, -2); Tensor at = a.transpose(-1, -2);
        Tensor da = matmul(dc, bt, plain); Tensor db = matmul(at, dc, plain)) {
      return new Gradients(sumTo(da, a.shape()), sumTo(db, b.shape()));
    }
  }

  private static Tensor sumTo(Tensor t, long[] shape) {
    if (Arrays.equals(t.shape(), shape)) return t.view(t.offset(), shape, t.strides());
    try (Tensor wide = t.to(DType.FLOAT32); Tensor sum = Reduce.sumTo(wide, shape)) {
      return sum.to(t.dtype());
    }
  }

  private static Device deviceOf(Tensor a) {
    Check.present("a", a);
    return a.device();
  }

  private static long[] productShape(Tensor a, Tensor b) {
    Device device = deviceOf(a);
    Check.operand("a", a, device);
    Check.tensor("b", b, a.dtype(), device);
    Check.rank("a", a, 2, MAX_RANK);
    Check.rank("b", b, 2, MAX_RANK);
    if (a.size(-1) != b.size(-2)) {
      throw new ShapeException("b", "of shape " + Arrays.toString(b.shape()), a.size(-1) + " rows like a's columns");
    }
    long[] batch = Shapes.broadcast("b", Arrays.copyOf(a.shape(), a.rank() - 2), Arrays.copyOf(b.shape(), b.rank() - 2));
    long[] shape = Arrays.copyOf(batch, batch.length + 2);
    shape[batch.length] = a.size(-2);
    shape[batch.length + 1] = b.size(-1);
    return shape;
  }

  /** The operand under the product's batch; itself where it has that. */
  private static Tensor batched(long[] product, Tensor t) {
    long[] shape = product.clone();
    shape[shape.length - 2] = t.size(-2);
    shape[shape.length - 1] = t.size(-1);
    return Arrays.equals(shape, t.shape()) ? t : t.expand(shape);
  }

  private static void checkResult(Tensor c, Epilogue epilogue, Device device, DType type, long[] shape) {
    Check.tensor("c", c, type, device);
    Check.shape("c", c, shape);
    Check.unitLast("c", c);
    Check.writable("c", c);
    Check.present("activation", epilogue.activation());
    Check.finite("alpha", epilogue.alpha());
    Check.optional("bias", epilogue.bias(), device, shape[shape.length - 1]);
    if (epilogue.bias() != null) Check.disjoint("c", c, "bias", epilogue.bias());
    if (epilogue.residual() != null) {
      Check.tensor("residual", epilogue.residual(), type, device);
      Check.shape("residual", epilogue.residual(), shape);
      Check.unitLast("residual", epilogue.residual());
      Check.disjointOrSame("c", c, "residual", epilogue.residual());
    }
  }

  private static void launch(Tensor a, Tensor b, Tensor packed, Epilogue epilogue, Tensor c, long k,
      Precision precision) {
    Tensor bias = Outputs.dense(epilogue.bias());
    try {
      var args = new GemmArgs(c.size(-2), c.size(-1), k, a, b, packed, c, bias, epilogue.residual(), epilogue.activation(),
          (float) epilogue.alpha(), precision);
      Check.launch(c.device(), kernels -> kernels.gemm(args), a, b, packed, c, bias, epilogue.residual());
    } finally {
      Outputs.closeMade(bias, epilogue.bias());
    }
  }
}
