package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.Devices;
import org.ondol.Recording;
import org.ondol.RecordingException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.Workspace;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.ops.Softmax;

/** Recordings as graphs, on a device that runs nothing before it must. */
class CudaRecordingTest {
  private static final Device JAVA = Devices.get("java:scalar");
  private EmulatedRuntime runtime;
  private Device device;

  @BeforeEach
  void open() {
    runtime = new EmulatedRuntime(256L << 20);
    device = EmulatedBackend.open(runtime);
  }

  private static float[] values(int count, int seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) values[i] = (float) random.nextGaussian();
    return values;
  }

  /** A small network with memory allocated and freed on the way: [N, 3, 8, 8] to [N, 5]. */
  private static Tensor forward(Tensor x, Tensor filter, Tensor weight) {
    try (Scope scope = Scope.open()) {
      Tensor h = Elementwise.relu(Conv.apply(x, filter, ConvGeometry.UNIT.padding(1), Conv.Epilogue.NONE));
      Tensor g = Elementwise.add(h, Elementwise.tanh(h));
      Tensor flat = g.reshape(x.size(0), 4 * 64);
      return scope.keep(Softmax.softmax(Gemm.matmul(flat, weight), -1));
    }
  }

  private record Net(Tensor filter, Tensor weight) implements AutoCloseable {
    static Net on(Device device) {
      return new Net(Tensor.of(device, values(4 * 3 * 9, 1), 4, 3, 3, 3), Tensor.of(device, values(256 * 5, 2), 256, 5));
    }

    Tensor forward(Tensor x) {
      return CudaRecordingTest.forward(x, filter, weight);
    }

    @Override
    public void close() {
      filter.close();
      weight.close();
    }
  }

  private static float[] expected(float[] input) {
    try (Net net = Net.on(JAVA); Tensor x = Tensor.of(JAVA, input, 2, 3, 8, 8); Tensor y = net.forward(x)) {
      return y.toFloats();
    }
  }

  private static final int INPUT = 2 * 3 * 64;

  private static void set(Tensor x, float[] values) {
    try (Tensor fresh = Tensor.of(x.device(), values, x.shape())) {
      x.assign(fresh);
    }
  }

  @Test
  void replaysComputeWhatTheInputHoldsByThen() {
    try (Net net = Net.on(device); Tensor x = Tensor.of(device, values(INPUT, 10), 2, 3, 8, 8);
        Recording pass = Recording.of(device, () -> net.forward(x))) {
      assertTrue(pass.isKept());
      assertArrayEquals(expected(values(INPUT, 10)), pass.result().toFloats(), "the recording itself ran once");
      for (int seed = 11; seed < 15; seed++) {
        set(x, values(INPUT, seed));
        pass.replay();
        assertArrayEquals(expected(values(INPUT, seed)), pass.result().toFloats());
      }
    }
    device.synchronize();
    device.trim();
    assertEquals(0, runtime.blocks(), "everything was given back");
    assertEquals(0, runtime.graphs());
    assertEquals(1, runtime.streams());
  }

  /** Replays follow each other without being waited for, and each uses the memory of the one before. */
  @Test
  void queuedReplaysRunInOrder() {
    try (Tensor x = Tensor.of(device, new float[] {1}, 1);
        Recording twice = Recording.of(device, () -> Elementwise.run(Elementwise.Op.SCALE, x, null, x, 2))) {
      for (int i = 0; i < 5; i++) twice.replay();
      assertTrue(runtime.waiting() >= 6);
      assertEquals(64, x.item());
      assertEquals(null, twice.result());
    }
  }

  /** What tensors take inside is also held by the recording; a call's workspace is kept by the recording's heap alone. */
  @Test
  void memoryOfARecordingIsNobodyElses() {
    int keys = 4096;
    float[] q = values(8, 5);
    float[] kv = values(keys * 8, 6);
    try (Tensor a = Tensor.of(device, q, 1, 1, 1, 8); Tensor b = Tensor.of(device, kv, 1, 1, keys, 8);
        Tensor ja = Tensor.of(JAVA, q, 1, 1, 1, 8); Tensor jb = Tensor.of(JAVA, kv, 1, 1, keys, 8);
        Tensor expected = attend(ja, jb)) {
      int workspace = (int) Workspace.of(() -> attend(a, b).close());
      assertTrue(workspace > 0, "one query of many keys is computed in parts");
      device.trim();
      try (Recording pass = Recording.of(device, () -> {
        try (Tensor twice = Elementwise.scale(a, 2); Tensor half = Elementwise.scale(twice, 0.5)) {
          return attend(half, b);
        }
      })) {
        List<Tensor> others = new ArrayList<>();
        for (int bytes : new int[] {512, workspace}) {
          for (int i = 0; i < 40; i++) {
            Tensor t = Tensor.empty(device, bytes / 4);
            Elementwise.fill(t, i);
            others.add(t);
          }
        }
        Elementwise.fill(pass.result(), 0);
        pass.replay();
        assertArrayEquals(expected.toFloats(), pass.result().toFloats());
        for (int i = 0; i < others.size(); i++) {
          for (float v : others.get(i).toFloats()) assertEquals(i % 40, v, "tensor " + i);
          others.get(i).close();
        }
      }
    }
  }

  private static Tensor attend(Tensor q, Tensor kv) {
    return Attention.apply(q, kv, kv, Attention.Options.DEFAULT);
  }

  @Test
  void temporariesOfARecordingServeItAgain() {
    int before = runtime.blocks();
    try (Recording fills = Recording.of(device, () -> {
      for (int i = 0; i < 20; i++) Tensor.zeros(device, 1 << 20).close();
    })) {
      assertEquals(1, runtime.blocks() - before);
      fills.replay();
      device.synchronize();
    }
  }

  @Test
  void memoryThatARecordingUsesStaysAlthoughItsTensorIsClosed() {
    Net net = Net.on(device);
    Tensor x = Tensor.of(device, values(INPUT, 10), 2, 3, 8, 8);
    try (Recording pass = Recording.of(device, () -> net.forward(x))) {
      net.close();
      x.close();
      for (int i = 0; i < 100; i++) {
        try (Tensor t = Tensor.empty(device, 16 << i % 8)) {
          Elementwise.fill(t, Float.NaN);
        }
      }
      device.trim();
      pass.replay();
      assertArrayEquals(expected(values(INPUT, 10)), pass.result().toFloats());
    }
    device.synchronize();
    device.trim();
    assertEquals(0, runtime.blocks());
  }

  @Test
  void closingWhileReplaysAreQueuedSpoilsNothing() {
    try (Net net = Net.on(device); Tensor x = Tensor.of(device, values(INPUT, 10), 2, 3, 8, 8); Tensor y = Tensor.zeros(device, 2, 5)) {
      try (Recording pass = Recording.of(device, () -> {
        try (Tensor r = net.forward(x)) {
          y.assign(r);
        }
      })) {
        set(x, values(INPUT, 12));
        pass.replay();
      }
      List<Tensor> others = new ArrayList<>();
      for (int i = 0; i < 50; i++) others.add(Tensor.zeros(device, 16 << i % 8));
      assertArrayEquals(expected(values(INPUT, 12)), y.toFloats());
      for (Tensor t : others) {
        for (float v : t.toFloats()) assertEquals(0, v);
        t.close();
      }
    }
  }

  /** Lengths go to the device at every call; a recording keeps them. */
  @Test
  void arraysThatGoToTheDeviceAreKept() {
    Attention.Options options = Attention.Options.DEFAULT.lengths(3, 5);
    float[] q = values(2 * 2 * 4 * 8, 3);
    float[] kv = values(2 * 2 * 6 * 8, 4);
    try (Tensor a = Tensor.of(device, q, 2, 2, 4, 8); Tensor b = Tensor.of(device, kv, 2, 2, 6, 8);
        Tensor ja = Tensor.of(JAVA, q, 2, 2, 4, 8); Tensor jb = Tensor.of(JAVA, kv, 2, 2, 6, 8);
        Tensor expected = Attention.apply(ja, jb, jb, options);
        Recording attend = Recording.of(device, () -> {
          Tensor result = Attention.apply(a, b, b, options);
          List<Tensor> others = new ArrayList<>(); // lie where the lengths were: for a replay these are copied again
          for (int i = 0; i < 20; i++) others.add(Tensor.zeros(device, 128));
          others.forEach(Tensor::close);
          return result;
        })) {
      for (int i = 0; i < 3; i++) {
        Elementwise.fill(attend.result(), 0);
        for (int j = 0; j < 20; j++) Tensor.of(device, new long[64], 64).close(); // uses the ring of copies up
        attend.replay();
        assertArrayEquals(expected.toFloats(), attend.result().toFloats());
      }
    }
    assertTrue(runtime.pins() <= 2, "page-locked memory of the recording was given back: " + runtime.pins());
  }

  @Test
  void zerosInsideARecordingAreFilledAgain() {
    try (Tensor x = Tensor.of(device, new float[] {1, 2}, 2);
        Recording sum = Recording.of(device, () -> {
          Tensor y = Tensor.zeros(device, 2);
          Elementwise.run(Elementwise.Op.AXPY, x, y, y, 3);
          return y;
        })) {
      sum.replay();
      sum.replay();
      assertArrayEquals(new float[] {3, 6}, sum.result().toFloats());
    }
  }

  @Test
  void whatCannotBeRecordedIsRefusedAndTheDeviceWorksOn() {
    try (Tensor x = Tensor.of(device, new float[] {1, 2}, 2); Tensor j = Tensor.of(JAVA, new float[] {1}, 1);
        Recording other = Recording.of(device, () -> Elementwise.relu(x))) {
      List<Runnable> bodies = List.of(x::toFloats, () -> x.slice(0, 0, 1).item(), () -> x.to("java"), () -> Elementwise.relu(j),
          () -> Recording.of(device, () -> Elementwise.relu(x)), () -> Recording.of(JAVA, () -> Elementwise.relu(j)),
          other::replay, device::synchronize);
      for (Runnable body : bodies) {
        assertThrows(RecordingException.class, () -> Recording.of(device, body));
        assertEquals(1, runtime.streams(), "the recording's stream is gone");
        assertEquals(1, runtime.graphs());
      }
      RuntimeException own = new IllegalStateException("the body's own");
      assertSame(own, assertThrows(IllegalStateException.class, () -> Recording.of(device, () -> {
        Elementwise.relu(x);
        throw own;
      })));
      assertThrows(ShapeException.class, () -> Recording.of(device, () -> x.reshape(3)));
      assertThrows(DeviceMismatchException.class, () -> Recording.of(device, () -> j));
      other.replay();
      assertArrayEquals(new float[] {1, 2}, other.result().toFloats());
    }
  }

  @Test
  void aClosedRecordingIsNotReplayed() {
    try (Tensor x = Tensor.zeros(device, 2)) {
      Recording recording = Recording.of(device, () -> Elementwise.relu(x));
      recording.close();
      recording.close();
      assertThrows(ClosedException.class, recording::replay);
      assertThrows(ClosedException.class, recording.result()::toFloats);
    }
  }

  /** Others work on the device while a thread records, and none of it gets into the recording. */
  @Test
  void otherThreadsWorkWhileOneRecords() throws Exception {
    try (ExecutorService threads = Executors.newSingleThreadExecutor();
        Tensor x = Tensor.of(device, new float[] {1}, 1); Tensor counter = Tensor.of(device, new float[] {0}, 1)) {
      CountDownLatch recording = new CountDownLatch(1);
      CountDownLatch worked = new CountDownLatch(1);
      Future<Float> other = threads.submit(() -> {
        recording.await();
        try {
          Elementwise.run(Elementwise.Op.SHIFT, counter, null, counter, 1);
          try (Tensor t = Tensor.of(device, new float[] {7}, 1); Tensor r = Elementwise.relu(t)) {
            return r.item();
          }
        } finally {
          worked.countDown();
        }
      });
      try (Recording twice = Recording.of(device, () -> {
        Tensor y = Elementwise.scale(x, 2);
        recording.countDown();
        try {
          worked.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        return Elementwise.add(y, x);
      })) {
        assertEquals(7, other.get());
        twice.replay();
        assertEquals(3, twice.result().item());
        assertEquals(1, counter.item());
      }
    }
  }

  @Test
  void tenThreadsRecordAndReplayAtOnce() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(10); Net net = Net.on(device)) {
      List<Future<?>> all = new ArrayList<>();
      for (int t = 0; t < 10; t++) {
        int seed = 20 + t;
        all.add(threads.submit(() -> {
          try (Tensor x = Tensor.of(device, values(INPUT, seed), 2, 3, 8, 8);
              Recording pass = Recording.of(device, () -> net.forward(x))) {
            assertArrayEquals(expected(values(INPUT, seed)), pass.result().toFloats());
            set(x, values(INPUT, seed + 10));
            pass.replay();
            assertArrayEquals(expected(values(INPUT, seed + 10)), pass.result().toFloats());
          }
          return null;
        }));
      }
      for (Future<?> f : all) f.get();
    }
    device.trim();
    assertEquals(0, runtime.blocks());
  }
}
