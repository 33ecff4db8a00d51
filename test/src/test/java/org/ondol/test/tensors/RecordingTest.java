package org.ondol.test.tensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.DeviceMismatchException;
import org.ondol.Devices;
import org.ondol.InvalidArgumentException;
import org.ondol.Recording;
import org.ondol.RecordingException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.test.support.TestDevices;

/** Recordings on every device: new contents of the same tensors, and what a recording cannot hold. */
class RecordingTest {
  private interface Body {
    void run(Device device);
  }

  private static List<DynamicTest> everywhere(Body body) {
    List<DynamicTest> tests = new ArrayList<>();
    for (Device device : TestDevices.available()) {
      tests.add(DynamicTest.dynamicTest(device.name(), () -> {
        try (Scope scope = Scope.open()) {
          body.run(device);
        }
      }));
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> aReplayReadsWhatTheTensorsHold() {
    return everywhere(device -> {
      Tensor x = Tensor.of(device, new float[] {1, 2, 3, 4}, 2, 2);
      Tensor w = Tensor.of(device, new float[] {1, 0, 0, -1}, 2, 2);
      try (Recording pass = Recording.of(device, () -> Elementwise.relu(Elementwise.add(Gemm.matmul(x, w), x)))) {
        assertArrayEquals(new float[] {2, 0, 6, 0}, pass.result().toFloats());
        x.assign(Tensor.of(device, new float[] {-1, 5, 7, -2}, 2, 2));
        assertArrayEquals(new float[] {2, 0, 6, 0}, pass.result().toFloats(), "not before it is replayed");
        pass.replay();
        assertArrayEquals(new float[] {0, 0, 14, 0}, pass.result().toFloats());
        w.assign(Tensor.of(device, new float[] {0, 1, 1, 0}, 2, 2));
        pass.replay();
        assertArrayEquals(new float[] {4, 4, 5, 5}, pass.result().toFloats());
      }
    });
  }

  @TestFactory
  List<DynamicTest> theBodyOfARecordingCountsAsOneRun() {
    return everywhere(device -> {
      Tensor x = Tensor.of(device, new float[] {3}, 1);
      try (Recording twice = Recording.of(device, () -> Elementwise.run(Elementwise.Op.SCALE, x, null, x, 2))) {
        assertNull(twice.result());
        assertEquals(6, x.item());
        twice.replay();
        twice.replay();
        assertEquals(24, x.item());
      }
    });
  }

  @TestFactory
  List<DynamicTest> aResultMayBeATensorOfTheCallersOrOfIntegers() {
    return everywhere(device -> {
      Tensor x = Tensor.of(device, new float[] {1}, 1);
      try (Recording same = Recording.of(device, () -> {
        Elementwise.run(Elementwise.Op.SHIFT, x, null, x, 1);
        return x;
      })) {
        same.replay();
        assertEquals(3, same.result().item());
      }
      assertEquals(3, x.item(), "the caller's own is still open");
      Tensor ids = Tensor.of(device, new long[] {1, 2}, 2);
      try (Recording view = Recording.of(device, () -> ids.slice(0, 1, 2))) {
        view.replay();
        assertArrayEquals(new long[] {2}, view.result().toLongs());
      }
    });
  }

  @TestFactory
  List<DynamicTest> whatWouldNotHappenAgainIsRefused() {
    return everywhere(device -> {
      Tensor x = Tensor.of(device, new float[] {1, 2}, 2);
      Tensor far = Tensor.of(Devices.get(device.name().equals("java:scalar") ? "java" : "java:scalar"), new float[] {1}, 1);
      try (Recording other = Recording.of(device, () -> Elementwise.relu(x))) {
        for (Runnable body : List.<Runnable>of(x::toFloats, () -> x.slice(0, 0, 1).item(), () -> Elementwise.relu(far), other::replay,
            () -> Recording.of(device, () -> Elementwise.relu(x)))) {
          String message = assertThrows(RecordingException.class, () -> Recording.of(device, body)).getMessage();
          assertTrue(message.contains("\"" + device + "\" cannot hold "), message);
        }
        other.replay();
        assertArrayEquals(new float[] {1, 2}, x.toFloats(), "and afterwards everything is as before");
      }
      assertThrows(DeviceMismatchException.class, () -> Recording.of(device, () -> far));
      IllegalStateException own = new IllegalStateException("the body's own");
      assertSame(own, assertThrows(IllegalStateException.class, () -> Recording.of(device, () -> {
        throw own;
      })));
      assertThrows(ShapeException.class, () -> Recording.of(device, () -> x.reshape(3)));
    });
  }

  @TestFactory
  List<DynamicTest> aClosedRecordingThrows() {
    return everywhere(device -> {
      Tensor x = Tensor.zeros(device, 2);
      Recording recording = Recording.of(device, () -> Elementwise.relu(x));
      Tensor result = recording.result();
      recording.close();
      recording.close();
      assertThrows(ClosedException.class, recording::replay);
      assertTrue(result.isClosed());
      assertFalse(x.isClosed());
    });
  }

  @Test
  void missingArgumentsAreNamed() {
    Device java = Devices.get("java");
    assertThrows(InvalidArgumentException.class, () -> Recording.of(null, () -> {}));
    assertThrows(InvalidArgumentException.class, () -> Recording.of(java, (Runnable) null));
    assertThrows(InvalidArgumentException.class, () -> Recording.of(java, (java.util.function.Supplier<Tensor>) null));
  }

  /** Where the device keeps nothing a closed operand is noticed. */
  @Test
  void onAHostDeviceTheBodyIsCalledAgain() {
    Device java = Devices.get("java");
    Tensor x = Tensor.of(java, new float[] {1}, 1);
    int[] calls = {0};
    try (Recording recording = Recording.of(java, () -> {
      calls[0]++;
      return Elementwise.relu(x);
    })) {
      assertFalse(recording.isKept());
      recording.replay();
      assertEquals(2, calls[0]);
      x.close();
      assertThrows(ClosedException.class, recording::replay);
    }
  }

  @TestFactory
  List<DynamicTest> aDeviceGivesBackWhatFreedTensorsLeft() {
    return everywhere(device -> {
      device.trim();
      Tensor.empty(device, 3 << 20).close();
      assertTrue(device.trim() >= 12 << 20);
      device.synchronize();
    });
  }
}
