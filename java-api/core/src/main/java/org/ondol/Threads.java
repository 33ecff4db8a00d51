package org.ondol;

/**
 * The one setting for how many threads kernels use, whichever host backend runs them. The default is the number of
 * processors, or the system property {@code ondol.threads}.
 */
public final class Threads {
  private static final int MAX = 1024;
  private static volatile ThreadPool pool = new ThreadPool(initial());

  private Threads() {}

  private static int initial() {
    int n = Integer.getInteger("ondol.threads", Runtime.getRuntime().availableProcessors());
    return Math.max(1, Math.min(MAX, n));
  }

  /** How many threads kernels use. */
  public static int count() {
    return pool.size();
  }

  /** Changes it for calls that begin from now on. The result of an operation never depends on it. */
  public static synchronized void set(int threads) {
    if (threads < 1 || threads > MAX) throw new InvalidArgumentException("threads", threads, "1 to " + MAX);
    ThreadPool old = pool;
    if (old.size() == threads) return;
    pool = new ThreadPool(threads);
    old.shutdown();
  }

  /** The shared pool. For backends. */
  public static ThreadPool pool() {
    return pool;
  }
}
