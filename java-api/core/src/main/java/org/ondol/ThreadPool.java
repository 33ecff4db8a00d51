package org.ondol;

import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Runs the independent tasks of a kernel. The calling thread always works on its own call; the pool's size - 1 workers
 * help wherever tasks are left. At no time do more than {@code size} threads run tasks: a worker leaves between two tasks
 * when callers need its core, and callers beyond {@code size} wait for their turn. Idle workers spin for some
 * microseconds, so that a chain of short operations does not pay a wake-up each, and then sleep.
 */
public final class ThreadPool {
  /** The body of a parallel loop. */
  @FunctionalInterface
  public interface Body {
    /**
     * Executes tasks {@code begin} to {@code end - 1}.
     *
     * @param thread a number below {@link #size} that no other thread uses in this loop at the same time
     */
    void run(long begin, long end, int thread);
  }

  private static final long SPIN_NANOS = 30_000;

  private final int size;
  private final Worker[] workers;
  private final CopyOnWriteArrayList<Job> jobs = new CopyOnWriteArrayList<>();
  private final Semaphore callers;
  /** Threads that run tasks now: callers and helping workers. */
  private final AtomicInteger running = new AtomicInteger();
  private final ThreadLocal<Boolean> inside = new ThreadLocal<>();
  private volatile boolean shutdown;

  ThreadPool(int size) {
    this.size = size;
    this.callers = new Semaphore(size, true);
    this.workers = new Worker[size - 1];
  }

  /** How many threads work at most, the caller included. */
  public int size() {
    return size;
  }

  /** How many threads a loop that begins now on this thread can have: one inside a task, else {@link #size}. */
  public int available() {
    return inside.get() == null ? size : 1;
  }

  /**
   * Runs all tasks and returns when they are done. A loop inside a task runs on the task's own thread.
   *
   * @throws RuntimeException the first one a task threw; the remaining tasks are then not begun
   */
  public void run(long tasks, Body body) {
    if (tasks <= 0) return;
    if (inside.get() != null) {
      body.run(0, tasks, 0);
      return;
    }
    callers.acquireUninterruptibly();
    running.incrementAndGet();
    inside.set(Boolean.TRUE);
    try {
      if (tasks == 1 || size == 1) {
        body.run(0, tasks, 0);
      } else {
        runShared(tasks, body);
      }
    } finally {
      inside.remove();
      running.decrementAndGet();
      callers.release();
      // A worker that went to sleep for lack of a free core can now help whoever still has tasks.
      if (!jobs.isEmpty()) wake(1);
    }
  }

  private void runShared(long tasks, Body body) {
    Job job = new Job(tasks, body, Thread.currentThread(), size);
    jobs.add(job);
    wake((int) Math.min(tasks - 1, size - 1L));
    job.work(0, null);
    jobs.remove(job);
    job.awaitHelpers();
    if (job.failure instanceof RuntimeException e) throw e;
    if (job.failure instanceof Error e) throw e;
  }

  private void wake(int wanted) {
    for (int i = 0; i < workers.length && wanted > 0; i++) {
      Worker worker = workers[i];
      if (worker == null) worker = start(i);
      if (worker.state.get() == Worker.WORKING) continue;
      wanted--;
      if (worker.state.compareAndSet(Worker.PARKED, Worker.SPINNING)) LockSupport.unpark(worker);
    }
  }

  private synchronized Worker start(int i) {
    if (workers[i] == null) {
      workers[i] = new Worker(i);
      workers[i].start();
    }
    return workers[i];
  }

  void shutdown() {
    shutdown = true;
    synchronized (this) {
      for (Worker worker : workers) if (worker != null) LockSupport.unpark(worker);
    }
  }

  /** One parallel loop. */
  private static final class Job {
    final long tasks;
    final Body body;
    final Thread caller;
    final AtomicLong next = new AtomicLong();
    /** Helpers inside, or CLOSED once the caller accepts no more. */
    final AtomicInteger helpers = new AtomicInteger();
    final boolean[] slots;
    /** What measures the caller, and so its helpers. */
    final Workspace workspace = Workspace.current();
    volatile Throwable failure;

    static final int CLOSED = 1 << 30;

    Job(long tasks, Body body, Thread caller, int size) {
      this.tasks = tasks;
      this.body = body;
      this.caller = caller;
      this.slots = new boolean[size];
    }

    /** Takes tasks one by one until none is left or, for a helper, until it should leave. */
    void work(int slot, ThreadPool pool) {
      try {
        while (failure == null) {
          long task = next.getAndIncrement();
          if (task >= tasks) return;
          body.run(task, task + 1, slot);
          if (pool != null && pool.running.get() > pool.size) return;
        }
      } catch (Throwable e) {
        failure = e;
      }
    }

    boolean hasWork() {
      return next.get() < tasks && failure == null;
    }

    int join() {
      int n = helpers.get();
      while ((n & CLOSED) == 0) {
        if (helpers.compareAndSet(n, n + 1)) {
          synchronized (this) {
            for (int s = 1; s < slots.length; s++) {
              if (!slots[s]) {
                slots[s] = true;
                return s;
              }
            }
          }
          leave(0);
          return 0;
        }
        n = helpers.get();
      }
      return 0;
    }

    void leave(int slot) {
      synchronized (this) {
        if (slot > 0) slots[slot] = false;
      }
      if (helpers.decrementAndGet() == CLOSED) LockSupport.unpark(caller);
    }

    void awaitHelpers() {
      int n = helpers.getAndAdd(CLOSED) + CLOSED;
      long deadline = 0;
      boolean interrupted = false;
      while (n != CLOSED) {
        if (deadline == 0) deadline = System.nanoTime() + SPIN_NANOS;
        if (System.nanoTime() < deadline) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
          interrupted |= Thread.interrupted();
        }
        n = helpers.get();
      }
      if (interrupted) Thread.currentThread().interrupt();
    }
  }

  private final class Worker extends Thread {
    static final int WORKING = 0;
    static final int SPINNING = 1;
    static final int PARKED = 2;

    final AtomicInteger state = new AtomicInteger(SPINNING);

    Worker(int index) {
      super("ondol-" + (index + 1));
      setDaemon(true);
    }

    @Override
    public void run() {
      inside.set(Boolean.TRUE);
      long idleSince = System.nanoTime();
      while (!shutdown || !jobs.isEmpty()) {
        if (help()) {
          idleSince = System.nanoTime();
        } else if (System.nanoTime() - idleSince < SPIN_NANOS) {
          Thread.onSpinWait();
        } else {
          sleep();
          idleSince = System.nanoTime();
        }
      }
    }

    private void sleep() {
      state.set(PARKED);
      if (!anyWork() && !shutdown) LockSupport.park(this);
      Thread.interrupted();
      state.set(SPINNING);
    }

    private boolean anyWork() {
      if (running.get() >= size) return false;
      for (Job job : jobs) if (job.hasWork()) return true;
      return false;
    }

    /** Works on the first call that has tasks left, if a core is free. */
    private boolean help() {
      for (Job job : jobs) {
        if (!job.hasWork()) continue;
        if (running.incrementAndGet() > size) {
          running.decrementAndGet();
          return false;
        }
        try {
          int slot = job.join();
          if (slot == 0) continue;
          state.set(WORKING);
          if (job.workspace != null) Workspace.attach(job.workspace);
          job.work(slot, ThreadPool.this);
          if (job.workspace != null) Workspace.attach(null);
          job.leave(slot);
          state.set(SPINNING);
          return true;
        } finally {
          running.decrementAndGet();
        }
      }
      return false;
    }
  }
}
