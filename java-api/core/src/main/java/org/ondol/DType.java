package org.ondol;

/** Data types of tensor elements. */
public enum DType {
  /** IEEE 754 binary32. */
  FLOAT32(4),
  /** Signed 32-bit integer, for indices. */
  INT32(4),
  /** Signed 64-bit integer, for indices. */
  INT64(8),
  /** Unsigned byte; as a mask, 0 is false and anything else true. */
  UINT8(1),
  /** The upper half of an IEEE 754 binary32: 8 bits of exponent, 7 of fraction. */
  BFLOAT16(2),
  /** IEEE 754 binary16: 5 bits of exponent, 10 of fraction. */
  FLOAT16(2);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are floating-point numbers: FLOAT32, BFLOAT16 or FLOAT16. */
  public boolean isFloat() {
    return this == FLOAT32 || isHalf();
  }

  /** Whether elements are floating-point numbers of 16 bits. */
  public boolean isHalf() {
    return this == BFLOAT16 || this == FLOAT16;
  }

  /** Whether elements are integers that may serve as indices. */
  public boolean isIndex() {
    return this == INT32 || this == INT64;
  }
}
