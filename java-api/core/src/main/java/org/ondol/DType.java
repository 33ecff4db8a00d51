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
  UINT8(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are integers that may serve as indices. */
  public boolean isIndex() {
    return this == INT32 || this == INT64;
  }
}
