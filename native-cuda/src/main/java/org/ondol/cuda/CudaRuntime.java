package org.ondol.cuda;

import java.lang.foreign.MemorySegment;

/**
 * What the backend needs of one CUDA device beside its kernels. Everything happens on one stream in the order of the
 * calls; any thread may call.
 */
interface CudaRuntime {
  /** The device's ordinal. */
  int ordinal();

  /** The stream that kernels are started on, as a cudaStream_t. */
  long stream();

  /** Device memory, at least 256-byte aligned; 0 where there is not enough. */
  long allocate(long bytes);

  /** Gives memory back, once the device is done with it. */
  void free(long address);

  /** Bytes that could be allocated now. */
  long available();

  /** Copies to the device; returns when the source may be reused. */
  void upload(MemorySegment source, long target, long bytes);

  /** Copies from the device; returns when the bytes are there, so everything before it has run as well. */
  void download(long source, MemorySegment target, long bytes);
}
