package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.DeviceLostException;
import org.ondol.OndolException;
import org.ondol.OutOfMemoryException;
import org.ondol.Recording;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.natives.Family;
import org.ondol.ops.Attention;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.ops.Softmax;

/** What a caller sees of a device that fails, and what is left of it. */
class CudaErrorsTest {
  private static final long DEVICE = 64L << 20;

  @Test
  void aLostDeviceSaysSoInEveryLaterCall() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    Device device = EmulatedBackend.open(runtime);
    Tensor x = Tensor.of(device, new float[] {1, 2, 3, 4}, 2, 2);
    Recording recording = Recording.of(device, () -> Elementwise.relu(x));
    device.synchronize();
    Tensor y = Gemm.matmul(x, x);
    Tensor z = Elementwise.add(y, x);
    runtime.faultAfter(1);
    String first = assertThrows(DeviceLostException.class, z::toFloats).getMessage();
    assertTrue(first.contains("\"" + device + "\" is lost") && first.contains("copying 16 bytes from the device"), first);
    assertTrue(first.contains("illegal memory access") && first.contains("last queued: gemm, elementwise"), first);
    assertTrue(first.contains("new process"), first);
    List<Executable> calls = List.of(z::toFloats, y::toFloats, () -> Elementwise.add(x, x), () -> Gemm.matmul(x, x),
        () -> Tensor.zeros(device, 3), () -> Tensor.of(device, new float[3], 3), () -> x.to("java"), device::trim,
        device::synchronize, recording::replay, () -> Recording.of(device, () -> Elementwise.relu(x)));
    for (Executable call : calls) assertEquals(first, assertThrows(DeviceLostException.class, call).getMessage());
    for (Tensor t : List.of(x, y, z)) t.close();
    recording.close();
  }

  @Test
  void aDeviceLostInSynchronizeOrInAnUploadIsLostToo() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    Device device = EmulatedBackend.open(runtime);
    Tensor x = Tensor.zeros(device, 4);
    runtime.faultAfter(0);
    String message = assertThrows(DeviceLostException.class, device::synchronize).getMessage();
    assertTrue(message.contains("waiting for operations"), message);

    EmulatedRuntime another = new EmulatedRuntime(DEVICE);
    Device second = EmulatedBackend.open(another);
    Tensor y = Tensor.zeros(second, 8 << 20);
    another.faultAfter(2);
    assertThrows(DeviceLostException.class, () -> {
      for (int i = 0; i < 8; i++) Tensor.of(second, new float[1 << 20], 1 << 20).close(); // more than the ring holds
    });
    assertThrows(DeviceLostException.class, y::toFloats);
    x.close();
    y.close();
  }

  /** Another device is not concerned. */
  @Test
  void otherDevicesGoOn() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    Device lost = EmulatedBackend.open(runtime);
    Device other = EmulatedBackend.open(new EmulatedRuntime(DEVICE));
    try (Tensor x = Tensor.zeros(lost, 4); Tensor y = Tensor.of(other, new float[] {-1, 2}, 2)) {
      runtime.faultAfter(0);
      assertThrows(DeviceLostException.class, x::toFloats);
      try (Tensor r = Elementwise.relu(y)) {
        assertArrayEquals(new float[] {0, 2}, r.toFloats());
      }
    }
  }

  @Test
  void aRefusedLaunchLeavesTheDeviceUsable() {
    boolean[] refuse = {false};
    Device device = EmulatedBackend.open(new EmulatedRuntime(DEVICE) {
      @Override
      public synchronized long run(Family family, long args, long queue, long error) {
        return refuse[0] ? 4 : super.run(family, args, queue, error);
      }
    });
    try (Tensor x = Tensor.of(device, new float[] {1, 3}, 1, 2)) {
      refuse[0] = true;
      OndolException refused = assertThrows(OndolException.class, () -> Softmax.softmax(x, -1));
      assertTrue(refused.getMessage().contains(device + "\", softmax"), refused.getMessage());
      assertFalse(refused instanceof UnsupportedOnDeviceException, "CUDA's refusal says nothing of the operation");
      refuse[0] = false;
      try (Tensor y = Softmax.softmax(x, -1)) {
        assertEquals(1, y.toFloats()[0] + y.toFloats()[1], 1e-6);
      }
    }
  }

  /** Runs calls at once: the status of one is then the library's, as it is of a launch. */
  private static Device prompt() {
    return EmulatedBackend.open(new EmulatedRuntime(DEVICE) {
      @Override
      public synchronized long run(Family family, long args, long queue, long error) {
        synchronize(MemorySegment.ofAddress(queue).reinterpret(32).getAtIndex(ValueLayout.JAVA_LONG, 1));
        return launch(family, args, queue, error);
      }
    });
  }

  private static void unsupported(Device device, String op, String what, Executable call) {
    UnsupportedOnDeviceException refused = assertThrows(UnsupportedOnDeviceException.class, call);
    assertEquals(op, refused.op());
    assertEquals(op + " is not implemented on device \"" + device + "\" for this call: " + what, refused.getMessage());
  }

  @Test
  void whatNoKernelComputesIsUnsupportedByName() {
    Device device = prompt();
    for (DType type : List.of(DType.BFLOAT16, DType.FLOAT16)) {
      try (Scope scope = Scope.open()) {
        Attention.Options plain = Attention.Options.DEFAULT;
        Tensor wide = Tensor.zeros(device, type, 1, 1, 2, 257);
        unsupported(device, "attention", "head_dim = 257, value_dim = 257: expected at most 256 in this precision",
            () -> Attention.forward(wide, wide, wide, plain));
        Attention.Result none = new Attention.Result(wide, Tensor.zeros(device, 1, 1, 2));
        unsupported(device, "attentionBackward", "head_dim = 257, value_dim = 257: expected at most 256 in this precision",
            () -> Attention.backward(wide, wide, wide, plain, none, wide, false));
      }
    }
  }

  @Test
  void afterAnOutOfMemoryTheDeviceWorksOn() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    Device device = EmulatedBackend.open(runtime);
    try (Tensor x = Tensor.of(device, new float[] {5}, 1)) {
      for (int i = 0; i < 3; i++) {
        String message = assertThrows(OutOfMemoryException.class, () -> Tensor.empty(device, 1 << 26)).getMessage();
        assertTrue(message.contains("268435456 bytes") && message.contains("512 are held"), message);
      }
      assertEquals(5, x.item());
      try (Tensor large = Tensor.zeros(device, 10 << 20)) {
        assertThrows(OutOfMemoryException.class, () -> Elementwise.relu(large));
        assertEquals(5, x.item());
      }
      assertEquals(40 << 20, device.trim());
    }
  }

  @Test
  void anOutOfMemoryInsideARecordingEndsItCleanly() {
    EmulatedRuntime runtime = new EmulatedRuntime(DEVICE);
    Device device = EmulatedBackend.open(runtime);
    try (Tensor x = Tensor.zeros(device, 7 << 20)) {
      assertThrows(OutOfMemoryException.class, () -> Recording.of(device, () -> Elementwise.relu(Elementwise.relu(x))));
      assertEquals(1, runtime.streams());
      assertEquals(0, runtime.graphs());
      assertEquals(28 << 20, device.trim(), "what the recording had allocated");
      try (Tensor few = Tensor.of(device, new float[] {-3, 4}, 2); Tensor y = Elementwise.relu(few)) {
        assertArrayEquals(new float[] {0, 4}, y.toFloats());
      }
    }
  }
}
