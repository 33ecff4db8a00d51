package org.ondol.cuda;

import java.lang.foreign.MemorySegment;
import org.ondol.OutOfMemoryException;

/**
 * Copies to the device through a ring of page-locked buffers. A copy returns when its source lies in a buffer: the device
 * reads it from there when the stream comes to it. A buffer is filled by copy after copy; when it is full an event is queued
 * behind them, and its next turn waits for that.
 */
final class Uploads {
  static final int BUFFERS = 4;
  static final int BYTES = 4 << 20;
  /** Between two copies: no two share a cache line. */
  private static final int GRAIN = 64;

  private final String device;
  private final CudaRuntime runtime;
  private final long stream;
  private final Buffer[] ring = new Buffer[BUFFERS];
  private int current;
  private int used;

  private static final class Buffer {
    final MemorySegment memory;
    final long event;
    /** Whether the event was queued: the buffer is free again when it comes up. */
    boolean sent;

    Buffer(MemorySegment memory, long event) {
      this.memory = memory;
      this.event = event;
    }
  }

  Uploads(String device, CudaRuntime runtime, long stream) {
    this.device = device;
    this.runtime = runtime;
    this.stream = stream;
  }

  /** Queues a copy; the source may be changed when this returns. */
  synchronized void copy(MemorySegment source, long target, long bytes) {
    for (long done = 0; done < bytes; ) {
      Buffer buffer = buffer();
      int n = (int) Math.min(bytes - done, BYTES - used);
      MemorySegment.copy(source, done, buffer.memory, used, n);
      int at = used;
      used = Math.min(BYTES, (used + n + GRAIN - 1) / GRAIN * GRAIN); // also if the copy fails, who knows how far it came
      runtime.upload(buffer.memory.asSlice(at, n), target + done, n, stream);
      done += n;
    }
  }

  /** A buffer that has room. */
  private Buffer buffer() {
    if (used == BYTES) {
      Buffer full = ring[current];
      runtime.record(full.event, stream);
      full.sent = true;
      current = (current + 1) % BUFFERS;
      used = 0;
    }
    Buffer buffer = ring[current];
    if (buffer == null) {
      buffer = create();
      ring[current] = buffer;
    } else if (buffer.sent) {
      runtime.await(buffer.event);
      buffer.sent = false;
    }
    return buffer;
  }

  private Buffer create() {
    MemorySegment memory = runtime.pin(BYTES);
    if (memory == null) {
      throw new OutOfMemoryException(device, BYTES, "page-locked host memory for copies; the machine or its limits allow no more");
    }
    try {
      return new Buffer(memory, runtime.createEvent());
    } catch (CudaFailure e) {
      runtime.unpin(memory);
      throw e;
    }
  }
}
