package org.ondol;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.ondol.spi.Replay;

/**
 * Operations that are given once and run again and again on new contents of the same tensors, such as the forward pass of a
 * model on batch after batch:
 *
 * <pre>{@code
 * Tensor x = Tensor.zeros(device, 64, 3, 224, 224);
 * try (Recording pass = Recording.of(device, () -> model.forward(x))) {
 *   x.assign(batch);
 *   pass.replay();
 *   float[] scores = pass.result().toFloats();
 * }
 * }</pre>
 *
 * <p>A CUDA device keeps a graph of the kernels and starts it as a whole: the Java code of the body runs once. Other devices
 * call the body again at every replay, which saves nothing and gives the same bits. So that both come to the same, a body
 * calls operations of one device on the calling thread, the same ones each time, whatever tensors hold: it reads no tensor,
 * and numbers and arrays that it passes to operations or copies to the device stay what they were when it was recorded.
 *
 * <p>What is allocated in the body belongs to the recording and is closed with it, except the result's memory, which lives
 * as long as the result. Memory that the body only uses stays allocated until the recording is closed, even if its tensor is
 * closed before; on devices that call the body again such a replay throws {@link ClosedException}.
 *
 * <p>Any thread may replay; replays of one recording wait for each other.
 */
public final class Recording implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();
  /** Bodies that are running in any thread: while there are none, operations look no further. */
  private static final AtomicInteger RUNNING = new AtomicInteger();
  /** The device that the calling thread records on. */
  private static final ThreadLocal<Device> CURRENT = new ThreadLocal<>();

  private final Device device;
  private final Supplier<Tensor> body;
  private Tensor result;
  private Replay replay;
  private Cleaner.Cleanable cleanable;
  private boolean closed;

  private Recording(Device device, Supplier<Tensor> body) {
    this.device = device;
    this.body = body;
  }

  /**
   * Runs a body's operations and keeps them to be run again.
   *
   * @param body makes the result on this device
   * @throws RecordingException if the body reads a tensor, calls an operation of another device or records. What else it
   *     throws is passed on; the device is then as it was before.
   */
  public static Recording of(Device device, Supplier<Tensor> body) {
    if (device == null) throw new InvalidArgumentException("device", "null", "a device");
    if (body == null) throw new InvalidArgumentException("body", "null", "operations");
    if (CURRENT.get() != null) throw new RecordingException(device.name(), "another recording");
    Recording made = new Recording(device, body);
    boolean done = false;
    try {
      made.start();
      done = true;
      return made;
    } finally {
      if (!done) made.close();
    }
  }

  /** The same for operations that write into tensors of the caller's. */
  public static Recording of(Device device, Runnable body) {
    if (body == null) throw new InvalidArgumentException("body", "null", "operations");
    return of(device, () -> {
      body.run();
      return null;
    });
  }

  private void start() {
    replay = device.kernels().record(null, () -> result = call());
    if (replay == null) {
      result = call();
      return;
    }
    Replay made = replay;
    cleanable = CLEANER.register(this, made::close);
    made.run();
  }

  /** The body's result, taken out of every scope; its other tensors are closed. */
  private Tensor call() {
    RUNNING.incrementAndGet();
    CURRENT.set(device);
    try (Scope scope = Scope.open()) {
      Tensor made = body.get();
      if (made == null) return null;
      if (!made.device().equals(device)) throw new DeviceMismatchException("result", made.device(), device);
      return Scope.detach(made.to(device));
    } finally {
      CURRENT.remove();
      RUNNING.decrementAndGet();
    }
  }

  /** Runs the operations again, on what their tensors hold now. The result is overwritten. */
  public synchronized void replay() {
    if (closed) throw new ClosedException("the recording is closed");
    if (CURRENT.get() != null) throw new RecordingException(CURRENT.get().name(), "the replay of another one");
    if (replay != null) {
      replay.run();
      return;
    }
    try (Tensor again = call()) {
      if (again != null && !again.sameElements(result)) result.assign(again);
    }
  }

  /** What the body returned, refilled by every replay; it belongs to the recording and is closed with it. Null if there is none. */
  public Tensor result() {
    return result;
  }

  /** Whether the device keeps the work itself; else a replay calls the body again. */
  public boolean isKept() {
    return replay != null;
  }

  /** Frees what the recording holds and closes its result. Idempotent. */
  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    if (cleanable != null) cleanable.clean();
    if (result != null) result.close();
  }

  /** Whether the calling thread is recording. For operations' own code. */
  public static boolean active() {
    return RUNNING.get() != 0 && CURRENT.get() != null;
  }

  /** Refuses an operation of another device than the one that the calling thread records on. For operations' own code. */
  public static void admit(Device device) {
    if (RUNNING.get() == 0) return;
    Device recorded = CURRENT.get();
    if (recorded != null && !recorded.equals(device)) {
      throw new RecordingException(recorded.name(), "an operation of device \"" + device + "\"");
    }
  }

  static void refuseReading(Tensor tensor) {
    if (active()) {
      throw new RecordingException(CURRENT.get().name(), "the reading of a tensor, " + tensor);
    }
  }
}
