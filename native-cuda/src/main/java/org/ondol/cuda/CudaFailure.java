package org.ondol.cuda;

/** A call of the CUDA runtime that failed. Never leaves this package: {@link CudaErrors} says it in Ondol's words. */
@SuppressWarnings("serial") // it never leaves the process
final class CudaFailure extends RuntimeException {
  /** What is left to do after a failure. */
  enum Kind {
    /** There was not enough memory; everything is as before. */
    MEMORY,
    /** The call did nothing; the device works on. */
    REFUSED,
    /** The context is destroyed: every later call of this process on the device fails in the same way. */
    LOST
  }

  private final Kind kind;

  CudaFailure(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  Kind kind() {
    return kind;
  }
}
