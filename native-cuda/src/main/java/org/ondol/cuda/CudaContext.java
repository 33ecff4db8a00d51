package org.ondol.cuda;

/**
 * What the parts of the backend share of one device: its runtime, the one stream that all threads queue their work on, what
 * went wrong, and what the calling thread records.
 *
 * <p>There is one stream because the kernels fill a device by themselves, and because it makes everything simple: memory can
 * be handed out again at once, since whoever gets it is queued behind, and a tensor that one thread made another may use.
 */
final class CudaContext {
  final String device;
  final CudaRuntime runtime;
  final CudaErrors errors;
  final long stream;
  private final ThreadLocal<CudaCapture> captures = new ThreadLocal<>();
  /** Threads that record: while there are none, nobody looks for his own. */
  private volatile int recording;

  CudaContext(String device, CudaRuntime runtime) {
    this.device = device;
    this.runtime = runtime;
    errors = new CudaErrors(device);
    try {
      stream = runtime.createStream();
    } catch (CudaFailure e) {
      throw errors.of(e, "creating a stream");
    }
  }

  /** What the calling thread records, or null. */
  CudaCapture capture() {
    return recording == 0 ? null : captures.get();
  }

  synchronized void enter(CudaCapture capture) {
    captures.set(capture);
    recording++;
  }

  synchronized void leave() {
    captures.remove();
    recording--;
  }
}
