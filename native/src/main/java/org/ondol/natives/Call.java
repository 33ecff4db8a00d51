package org.ondol.natives;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.HostMemory;
import org.ondol.OndolException;
import org.ondol.ThreadPool;
import org.ondol.Threads;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.Workspace;
import org.ondol.spi.Memory;

/** A thread's memory for the arguments and the plan of a native call, and the way to run it on the shared pool. */
final class Call {
  private static final int MAX_PHASES = 8;
  private static final int PLAN_WORDS = 3 + MAX_PHASES + 2 + 16;
  private static final int ARGS_WORDS = 256;
  private static final int UNSUPPORTED = 2;
  /** Scratch memory up to this size stays with the thread: taking it from the shared store costs as much as a small call. */
  private static final long OWN_BYTES = 512 << 10;
  private static final ThreadLocal<Call> LOCAL = ThreadLocal.withInitial(Call::new);

  final Words args;
  private final MemorySegment plan;
  private MemorySegment own = MemorySegment.NULL;

  private Call() {
    Arena arena = Arena.ofAuto();
    args = new Words(arena.allocate(ARGS_WORDS * 8L, 64));
    plan = arena.allocate(PLAN_WORDS * 8L, 64);
  }

  static Call local() {
    return LOCAL.get();
  }

  /**
   * Plans and runs a call whose arguments are written. Their number is compared with the library's: a difference is a bug of
   * the binding, not of a caller.
   *
   * @param device for messages
   */
  void execute(String device, Stem stem) {
    if (args.written() != stem.words()) {
      throw new OndolException(stem.family().spelling() + ": wrote " + args.written() + " words of " + stem.words());
    }
    ThreadPool pool = Threads.pool();
    int threads = pool.available();
    long planAddress = plan.address();
    plan.setAtIndex(ValueLayout.JAVA_LONG, 0, stem.variant());
    plan.setAtIndex(ValueLayout.JAVA_LONG, 1, threads);
    long status = stem.plan(args.address(), planAddress);
    if (status != 0) throw refused(device, stem.family(), status);
    long workspace = roundUp(plan.getAtIndex(ValueLayout.JAVA_LONG, 3 + MAX_PHASES));
    long scratch = roundUp(plan.getAtIndex(ValueLayout.JAVA_LONG, 4 + MAX_PHASES));
    long bytes = workspace + scratch * threads;
    Workspace.record(bytes);
    if (bytes <= OWN_BYTES) {
      run(stem, pool, own(bytes), workspace, scratch);
      return;
    }
    Memory.Block block = HostMemory.INSTANCE.allocate(bytes);
    try {
      run(stem, pool, block.address(), workspace, scratch);
    } finally {
      HostMemory.INSTANCE.free(block);
    }
  }

  /** Of a plan the library answers a status alone. */
  private static OndolException refused(String device, Family family, long status) {
    if (status == UNSUPPORTED) {
      return new UnsupportedOnDeviceException(family.operation(), device, "no kernel of the library has this variant and precision");
    }
    return new OndolException(family.spelling() + ": the native library refused to plan, status " + status);
  }

  private void run(Stem stem, ThreadPool pool, long base, long workspace, long scratch) {
    long argsAddress = args.address();
    long planAddress = plan.address();
    long phases = plan.getAtIndex(ValueLayout.JAVA_LONG, 2);
    for (long phase = 0; phase < phases; phase++) {
      long p = phase;
      pool.run(plan.getAtIndex(ValueLayout.JAVA_LONG, 3 + phase), (begin, end, thread) ->
          stem.run(argsAddress, planAddress, p, begin, end, thread, base, base + workspace + scratch * thread));
    }
  }

  /** The address of so much memory of this thread. */
  private long own(long bytes) {
    if (own.byteSize() < bytes) own = Arena.ofAuto().allocate(Math.max(bytes, 2 * own.byteSize()), 64);
    return own.address();
  }

  private static long roundUp(long bytes) {
    return (bytes + 63) & -64;
  }
}
