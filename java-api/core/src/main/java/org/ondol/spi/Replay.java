package org.ondol.spi;

/** Work of a device that was recorded by {@link Kernels#record} and can be queued again as a whole. */
public interface Replay extends AutoCloseable {
  /** Queues the work once more, on what its tensors hold by then. Any thread may call. */
  void run();

  /** Gives back what the recording holds, once queued runs are done. Idempotent. */
  @Override
  void close();
}
