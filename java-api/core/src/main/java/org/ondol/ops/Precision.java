package org.ondol.ops;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.ondol.DType;
import org.ondol.DTypeException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;

/**
 * How the products of {@link Gemm}, {@link Attention}, {@link Conv}, {@link MaskedConv} and {@link Deconv} are computed. The
 * type of the operands chooses: for FLOAT32 the {@linkplain Device#precision() device's}, which is EXACT unless another one was
 * chosen, else that of their type. Of FLOAT32 operands a call can ask for EXACT, TF32 and BFLOAT16X3. Formulas and error
 * bounds: docs/arithmetic.md, Precisions. The order is the C ABI's.
 */
public enum Precision {
  /** FLOAT32 by the one arithmetic: the same bits on every device. */
  EXACT(DType.FLOAT32, "exact"),
  /** BFLOAT16 operands and results, sums in float32. */
  BFLOAT16(DType.BFLOAT16, "bf16"),
  /** FLOAT16 operands and results, sums in float32. */
  FLOAT16(DType.FLOAT16, "fp16"),
  /** FLOAT32, the operands of products rounded to 10 bits of fraction. */
  TF32(DType.FLOAT32, "tf32"),
  /** FLOAT32, each operand of a product split into two BFLOAT16 numbers, of whose four products three are summed. */
  BFLOAT16X3(DType.FLOAT32, "bf16x3");

  private final DType operands;
  private final String label;

  Precision(DType operands, String label) {
    this.operands = operands;
    this.label = label;
  }

  /** The short name, as in {@code cuda:0:tf32}: exact, bf16, fp16, tf32 or bf16x3. */
  public String label() {
    return label;
  }

  /** The precision of a short name. */
  public static Precision labelled(String label) {
    for (Precision p : values()) if (p.label.equals(label)) return p;
    String known = Arrays.stream(values()).map(Precision::label).collect(Collectors.joining(", "));
    throw new InvalidArgumentException("precision", label, "one of " + known);
  }

  /** The type of the operands, and of the results. */
  public DType operands() {
    return operands;
  }

  /**
   * The precision of a call, which its device has. Where the device chooses, its operands may be of another type than the
   * call's: {@link Halves} then casts.
   *
   * @param wanted null for the one of the operands' type
   * @param operand the first operand; any floating-point type
   */
  static Precision of(String op, Precision wanted, String argument, Tensor operand, Device device) {
    Check.operand(argument, operand, device);
    DType type = operand.dtype();
    Precision p = wanted != null ? wanted : type == DType.FLOAT32 ? device.precision() : type == DType.BFLOAT16 ? BFLOAT16 : FLOAT16;
    if (p.operands != type && wanted != null) throw new DTypeException(argument, "of type " + type, p.operands + " for precision " + p);
    if (!device.kernels().computes(op, p)) {
      throw new UnsupportedOnDeviceException(op, device.name(), "in precision " + p, advice(op, type, device));
    }
    return p;
  }

  /** What to do where an operation lacks a precision. */
  private static String advice(String op, DType type, Device device) {
    String others = Arrays.stream(values()).filter(p -> p != EXACT && device.kernels().computes(op, p)).map(Enum::name)
        .collect(Collectors.joining(", "));
    if (!others.isEmpty()) return "it has EXACT, " + others + " there";
    return (type == DType.FLOAT32 ? "use Precision.EXACT" : "cast the operands with to(DType.FLOAT32)") + ", or a cuda device";
  }

  /** Whether FLOAT32 tensors are computed with as tensors of 16 bits. */
  boolean casts(Tensor operand) {
    return operand.dtype() != operands;
  }

  /** Packed weights hold FLOAT32 panels of the exact kernels, and beside them what their device's own precision takes. */
  static Precision ofPacked(Precision wanted, Device device) {
    if (wanted == null) return device.precision();
    if (wanted != EXACT) {
      throw new InvalidArgumentException("precision", wanted, "EXACT for packed weights; others take plain ones");
    }
    return EXACT;
  }

  /** What a packed weight keeps beside its panels on a device of another precision: a copy in the operands' type, or null. */
  static Tensor plain(Tensor weight) {
    Precision p = weight.device().precision();
    return p == EXACT ? null : Scope.detach(Cast.apply(weight, p.operands));
  }
}
