package org.ondol.cuda;

import org.ondol.ClosedException;
import org.ondol.RecordingException;
import org.ondol.spi.Replay;

/** Recorded work as a CUDA graph, started on the device's stream like any call. */
final class CudaGraph implements Replay {
  private final CudaContext context;
  private final CudaCapture capture;
  private final long graph;
  private boolean closed;

  CudaGraph(CudaContext context, CudaCapture capture, long graph) {
    this.context = context;
    this.capture = capture;
    this.graph = graph;
  }

  @Override
  public synchronized void run() {
    if (closed) throw new ClosedException("the recording is closed");
    context.errors.check();
    if (context.capture() != null) throw new RecordingException(context.device, "the replay of another one");
    try {
      context.runtime.launch(graph, context.stream);
    } catch (CudaFailure e) {
      throw context.errors.of(e, "replaying a recording");
    }
    context.errors.queued("a recording");
  }

  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    if (!context.errors.isLost()) {
      try {
        context.runtime.destroyGraph(graph);
      } catch (CudaFailure e) {
        context.errors.of(e, "closing a recording");
      }
    }
    capture.release();
  }
}
