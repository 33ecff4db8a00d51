package org.ondol.ops;

import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;

/**
 * How the products of {@link Gemm}, {@link Attention}, {@link Conv}, {@link MaskedConv} and {@link Deconv} are computed. The
 * type of the operands chooses: EXACT for FLOAT32, else that of their type. Of FLOAT32 operands TF32 and BFLOAT16X3 can be
 * asked for. Formulas and error bounds: docs/arithmetic.md, Precisions. The order is the C ABI's.
 */
public enum Precision {
  /** FLOAT32 by the one arithmetic: the same bits on every device. */
  EXACT(DType.FLOAT32),
  /** BFLOAT16 operands and results, sums in float32. */
  BFLOAT16(DType.BFLOAT16),
  /** FLOAT16 operands and results, sums in float32. */
  FLOAT16(DType.FLOAT16),
  /** FLOAT32, the operands of products rounded to 10 bits of fraction. */
  TF32(DType.FLOAT32),
  /** FLOAT32, each operand of a product split into two BFLOAT16 numbers, of whose four products three are summed. */
  BFLOAT16X3(DType.FLOAT32);

  private final DType operands;

  Precision(DType operands) {
    this.operands = operands;
  }

  /** The type of the operands, and of the results. */
  public DType operands() {
    return operands;
  }

  /**
   * The precision of a call, which its device has.
   *
   * @param wanted null for the one of the operands' type
   * @param operand the first operand; any floating-point type
   */
  static Precision of(String op, Precision wanted, String argument, Tensor operand, Device device) {
    Check.operand(argument, operand, device);
    DType type = operand.dtype();
    Precision p = wanted != null ? wanted : type == DType.FLOAT32 ? EXACT : type == DType.BFLOAT16 ? BFLOAT16 : FLOAT16;
    if (p.operands != type) throw new DTypeException(argument, "of type " + type, p.operands + " for precision " + p);
    if (!device.kernels().computes(op, p)) {
      String advice = type == DType.FLOAT32 ? "use Precision.EXACT" : "cast the operands with to(DType.FLOAT32)";
      throw new UnsupportedOnDeviceException(op, device.name(), "in precision " + p, advice + ", or a cuda device");
    }
    return p;
  }

  /** Packed weights hold FLOAT32 panels of the exact kernels. */
  static void exactOfPacked(Precision wanted) {
    if (wanted != null && wanted != EXACT) {
      throw new InvalidArgumentException("precision", wanted, "EXACT for packed weights; others take plain ones");
    }
  }
}
