package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import org.ondol.natives.Family;

/**
 * The calls that the backend makes to one CUDA device, as the CUDA runtime has them: handles are numbers, work is queued on
 * streams, and everything that may fail throws {@link CudaFailure}. Any thread may call. What is built upon them is in the
 * other classes, so that a machine without a GPU can test it.
 */
interface CudaRuntime {
  /** The device's ordinal. */
  int ordinal();

  /** Device memory, at least 256-byte aligned; 0 where there is not enough. */
  long allocate(long bytes);

  /** Gives memory back, once the device is done with everything queued. */
  void free(long address);

  /** Bytes that could be allocated now. */
  long available();

  /** Bytes of the device. */
  long capacity();

  /** Page-locked host memory, which alone copies run asynchronously with; null where there is not enough. */
  MemorySegment pin(long bytes);

  void unpin(MemorySegment memory);

  /** A stream of its own, on which work runs in the order in which it was queued. */
  long createStream();

  void destroyStream(long stream);

  /** Waits until a stream is empty. */
  void synchronize(long stream);

  /** Fails if something that was queued on the stream has failed; does not wait. */
  void query(long stream);

  /** Queues a copy to the device; the page-locked source is read when the copy runs. */
  void upload(MemorySegment source, long target, long bytes, long stream);

  /** Queues a copy to page-locked memory. */
  void download(long source, MemorySegment target, long bytes, long stream);

  /** Queues the filling with zeros. */
  void zero(long target, long bytes, long stream);

  long createEvent();

  void destroyEvent(long event);

  /** Queues an event. */
  void record(long event, long stream);

  /** Waits until an event that was queued has come up. */
  void await(long event);

  /** From now on what is queued on the stream is written down instead. */
  void beginCapture(long stream);

  /** Ends {@link #beginCapture}, also after a failure: a graph that can be launched. */
  long endCapture(long stream);

  /** Queues what was captured. */
  void launch(long graph, long stream);

  /** Gives a graph back; runs that are queued go on. */
  void destroyGraph(long graph);

  /**
   * Queues the kernels of a call, as the C interface has it.
   *
   * @return the C interface's status; text is left in {@code error}
   */
  default long run(Family family, long args, long queue, long error) {
    return CudaKernels.run(family, args, queue, error);
  }
}
