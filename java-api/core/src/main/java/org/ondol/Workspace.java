package org.ondol;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory that operations take beside their operands and results, and give back before they return: packed filters, padded
 * pieces of maps, partial sums.
 *
 * <pre>{@code
 * long bytes = Workspace.of(() -> Conv.into(x, filter, epilogue, y));
 * }</pre>
 *
 * Counted is what kernels take on any device: on {@code cpu} the plan's workspace and scratch memory for each thread, on {@code
 * cuda} the call's workspace in device memory, on {@code java} the arrays that are lent to the calling thread and to the workers
 * that help it, as many elements as were asked for. Not counted are tensors, neither results nor the
 * copies that an operation makes of operands whose layout its kernel cannot read, and on {@code java} tables of indices and the
 * candidates of a selection ({@code topk}, {@code nms}). What one operation takes never depends on earlier calls; on {@code java} it may
 * be less than its most where fewer workers found something to do.
 */
public final class Workspace {
  /** Measurements that are going on in any thread: while there is none, nobody looks further. */
  private static final AtomicInteger MEASURING = new AtomicInteger();
  private static final ThreadLocal<Workspace> CURRENT = new ThreadLocal<>();

  private final Workspace parent;
  private final AtomicLong taken = new AtomicLong();
  private final AtomicLong most = new AtomicLong();

  private Workspace(Workspace parent) {
    this.parent = parent;
  }

  /**
   * Runs operations and returns the most bytes that they took at a time. Only those count that the calling thread starts; other
   * threads may run operations meanwhile. Measurements nest: an outer one counts what an inner one does. What {@code operations}
   * throws is passed on.
   */
  public static long of(Runnable operations) {
    Workspace outer = CURRENT.get();
    Workspace own = new Workspace(outer);
    MEASURING.incrementAndGet();
    CURRENT.set(own);
    try {
      operations.run();
    } finally {
      attach(outer);
      MEASURING.decrementAndGet();
    }
    return own.most.get();
  }

  /** What measures the calling thread, or null. For backends. */
  public static Workspace current() {
    return MEASURING.get() == 0 ? null : CURRENT.get();
  }

  /** An operation of the calling thread takes so many bytes for its time. For backends. */
  public static void record(long bytes) {
    Workspace workspace = current();
    if (workspace != null) {
      workspace.take(bytes);
      workspace.give(bytes);
    }
  }

  /** Bytes that are in use from now on, in any thread. For backends. */
  public void take(long bytes) {
    for (Workspace w = this; w != null; w = w.parent) {
      w.most.accumulateAndGet(w.taken.addAndGet(bytes), Math::max);
    }
  }

  /** Bytes that are no longer in use. For backends. */
  public void give(long bytes) {
    for (Workspace w = this; w != null; w = w.parent) {
      w.taken.addAndGet(-bytes);
    }
  }

  /** Lets the calling thread, a worker, count for whom it helps; null for nobody. */
  static void attach(Workspace workspace) {
    if (workspace == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(workspace);
    }
  }
}
