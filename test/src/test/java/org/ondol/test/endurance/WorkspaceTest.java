package org.ondol.test.endurance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.Workspace;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.test.support.TestDevices;

/** What operations take beside their operands is told, and is small for convolutions of large maps. */
class WorkspaceTest {
  private static final ConvGeometry SAME = ConvGeometry.UNIT.padding(1);

  private static long conv(Device device, int batch, int channels, int size) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(device, batch, channels, size, size);
      Tensor w = Tensor.zeros(device, channels, channels, 3, 3);
      return Workspace.of(() -> Conv.apply(x, w, SAME, Conv.Epilogue.NONE));
    }
  }

  private static long gradients(Device device, int batch, int channels, int size) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(device, batch, channels, size, size);
      Tensor w = Tensor.zeros(device, channels, channels, 3, 3);
      return Workspace.of(() -> Conv.backward(x, w, x, SAME).close());
    }
  }

  private static long deconv(Device device, int batch, int channels, int size) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(device, batch, channels, size, size);
      Tensor w = Tensor.zeros(device, channels, channels, 4, 4);
      return Workspace.of(() -> Deconv.apply(x, w, SAME.stride(2), Conv.Epilogue.NONE));
    }
  }

  /** im2col of this map would be 64 · 9 · 256 · 256 floats, 144 MiB. */
  @Test
  void convOfALargeMapTakesLittle() {
    long limit = (1L + Threads.count()) << 20;
    for (Device device : TestDevices.available()) {
      long bytes = conv(device, 1, 64, 256);
      System.out.println("[workspace] conv 3x3 64-64 256x256 on " + device + ": " + bytes + " bytes");
      // The filters alone, packed, are 64 · 64 · 9 floats.
      assertTrue(bytes >= 64 * 64 * 9 * 4, device + " tells " + bytes + " bytes, less than the packed filters");
      assertTrue(bytes <= limit, device + " takes " + bytes + " bytes");
      long forTranspose = deconv(device, 1, 64, 128);
      assertTrue(forTranspose > 0 && forTranspose <= limit, device + " takes " + forTranspose + " bytes for a deconv");
    }
  }

  /** With one thread, whose plans do not look for more tasks, to the byte. */
  @Test
  void neitherBatchNorHeightMakesItGrow() {
    int threads = Threads.count();
    Threads.set(1);
    try {
      for (Device device : TestDevices.available()) {
        assertEquals(conv(device, 2, 32, 48), conv(device, 16, 32, 48), "conv on " + device);
        assertEquals(deconv(device, 2, 32, 24), deconv(device, 16, 32, 24), "deconv on " + device);
      }
    } finally {
      Threads.set(threads);
    }
  }

  /** cpu turns dy once where it has less than 2^24 elements, here 9.4 and 18.9 million; more are turned piece by piece. */
  @Test
  void gradientsOfManyImagesTakeLittle() {
    for (Device device : TestDevices.available()) {
      long limit = (64L + Threads.count()) << 20;
      long some = gradients(device, 128, 32, 48);
      long many = gradients(device, 256, 32, 48);
      assertTrue(some <= limit && many <= limit, device + " takes " + some + " and " + many + " bytes");
    }
  }

  @Test
  void measurementsNest() {
    int threads = Threads.count();
    Threads.set(1);
    try {
      Device device = Device.of("java");
      long small = conv(device, 1, 8, 8);
      long large = conv(device, 1, 32, 32);
      assertTrue(small < large);
      long[] inner = new long[2];
      long outer = Workspace.of(() -> {
        inner[0] = conv(device, 1, 8, 8);
        inner[1] = conv(device, 1, 32, 32);
      });
      assertEquals(small, inner[0]);
      assertEquals(large, inner[1]);
      assertEquals(large, outer, "what the inner ones took at most");
    } finally {
      Threads.set(threads);
    }
  }

  @Test
  void onlyTheCallingThreadCounts() throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    Thread other = Thread.ofPlatform().start(() -> {
      while (!stop.get()) conv(Device.of("java"), 1, 32, 32);
    });
    try {
      assertEquals(0, Workspace.of(() -> {
        try {
          Thread.sleep(200);
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }));
    } finally {
      stop.set(true);
      other.join();
    }
  }

  @Test
  void anExceptionEndsTheMeasurement() {
    IllegalStateException thrown = new IllegalStateException("mine");
    long outer = Workspace.of(() -> assertEquals(thrown, assertThrows(IllegalStateException.class, () -> Workspace.of(() -> {
      throw thrown;
    }))));
    assertEquals(0, outer);
    assertEquals(null, Workspace.current(), "nobody measures any more");
  }
}
