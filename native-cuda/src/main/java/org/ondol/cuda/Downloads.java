package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.ondol.OutOfMemoryException;

/**
 * Copies from the device through page-locked buffers. A copy waits for an event behind itself, so for what was queued before
 * it and for nothing that other threads queue meanwhile; threads copy at once, each with one buffer, or two by turns where
 * there is more than fits into one.
 */
final class Downloads {
  static final int BUFFERS = 8;
  static final int BYTES = 2 << 20;

  private final String device;
  private final CudaRuntime runtime;
  private final long stream;
  private final ArrayDeque<Buffer> idle = new ArrayDeque<>();
  private int made;

  private record Buffer(MemorySegment memory, long event) {}

  Downloads(String device, CudaRuntime runtime, long stream) {
    this.device = device;
    this.runtime = runtime;
    this.stream = stream;
  }

  /** Copies bytes that everything queued before has made; they are there when this returns. */
  void copy(long source, MemorySegment target, long bytes) {
    Buffer first = take(true);
    Buffer second = null;
    try {
      second = bytes > BYTES ? take(false) : null;
      copy(source, target, bytes, first, second == null ? first : second);
    } finally {
      // After a failure copies into them may be queued still: those of their next turn are queued behind.
      give(first);
      if (second != null) give(second);
    }
  }

  private void copy(long source, MemorySegment target, long bytes, Buffer first, Buffer second) {
    int ahead = first == second ? 1 : 2;
    long chunks = (bytes + BYTES - 1) / BYTES;
    for (long i = 0; i < chunks + ahead; i++) {
      Buffer buffer = i % ahead == 0 ? first : second;
      if (i >= ahead) {
        long at = (i - ahead) * BYTES;
        runtime.await(buffer.event);
        MemorySegment.copy(buffer.memory, 0, target, at, Math.min(BYTES, bytes - at));
      }
      if (i < chunks) {
        long at = i * BYTES;
        runtime.download(source + at, buffer.memory, Math.min(BYTES, bytes - at), stream);
        runtime.record(buffer.event, stream);
      }
    }
  }

  /** A buffer; null where none is idle and the caller need not have one. */
  private synchronized Buffer take(boolean needed) {
    boolean interrupted = false;
    while (idle.isEmpty() && made == BUFFERS && needed) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true; // a read is not given up half way; the thread is told afterwards
      }
    }
    if (interrupted) Thread.currentThread().interrupt();
    if (!idle.isEmpty()) return idle.pop();
    return made < BUFFERS ? create() : null;
  }

  private Buffer create() {
    MemorySegment memory = runtime.pin(BYTES);
    if (memory == null) {
      throw new OutOfMemoryException(device, BYTES, "page-locked host memory for copies; the machine or its limits allow no more");
    }
    try {
      Buffer buffer = new Buffer(memory, runtime.createEvent());
      made++;
      return buffer;
    } catch (CudaFailure e) {
      runtime.unpin(memory);
      throw e;
    }
  }

  private synchronized void give(Buffer buffer) {
    idle.push(buffer);
    notify();
  }
}
