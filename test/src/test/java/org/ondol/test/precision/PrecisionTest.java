package org.ondol.test.precision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.HostMemory;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.Precision;
import org.ondol.spi.GemmArgs;
import org.ondol.test.support.TestDevices;

/** Devices without tensor cores refuse every precision but EXACT by name, and hold nothing afterwards. */
class PrecisionTest {
  private record Call(String op, BiConsumer<Device, Precision> run) {}

  private static Tensor t(Device d, Precision p, long... shape) {
    return Tensor.zeros(d, p.operands(), shape);
  }

  private static final List<Call> CALLS = List.of(
      new Call("gemm", (d, p) -> Gemm.matmul(t(d, p, 3, 4), t(d, p, 4, 5), Gemm.Epilogue.NONE.precision(p))),
      new Call("gemm", (d, p) -> Gemm.backward(t(d, p, 3, 4), t(d, p, 4, 5), t(d, p, 3, 5), p)),
      new Call("attention", (d, p) -> Attention.forward(t(d, p, 1, 2, 3, 8), t(d, p, 1, 2, 4, 8), t(d, p, 1, 2, 4, 8),
          Attention.Options.DEFAULT.precision(p))),
      new Call("attentionBackward", (d, p) -> Attention.backward(t(d, p, 1, 2, 3, 8), t(d, p, 1, 2, 4, 8), t(d, p, 1, 2, 4, 8),
          Attention.Options.DEFAULT.precision(p), new Attention.Result(t(d, p, 1, 2, 3, 8), Tensor.zeros(d, 1, 2, 3)),
          t(d, p, 1, 2, 3, 8), false)),
      new Call("conv", (d, p) -> Conv.apply(t(d, p, 1, 2, 5, 5), t(d, p, 3, 2, 3, 3), ConvGeometry.UNIT,
          Conv.Epilogue.NONE.precision(p))),
      new Call("conv", (d, p) -> Conv.backward(t(d, p, 1, 2, 5, 5), t(d, p, 3, 2, 3, 3), t(d, p, 1, 3, 3, 3), ConvGeometry.UNIT,
          Conv.Wanted.ALL, p)),
      new Call("maskedconv", (d, p) -> masked(d, mask -> MaskedConv.apply(t(d, p, 1, 2, 5, 5), t(d, p, 3, 2, 3, 3), mask,
          ConvGeometry.UNIT, Conv.Epilogue.NONE.precision(p)))),
      new Call("maskedconv", (d, p) -> masked(d, mask -> MaskedConv.backward(t(d, p, 1, 2, 5, 5), t(d, p, 3, 2, 3, 3), mask,
          t(d, p, 1, 3, 3, 3), ConvGeometry.UNIT, Conv.Wanted.ALL, p))),
      new Call("deconv", (d, p) -> Deconv.apply(t(d, p, 1, 2, 5, 5), t(d, p, 2, 3, 3, 3), ConvGeometry.UNIT,
          Conv.Epilogue.NONE.precision(p))),
      new Call("deconv", (d, p) -> Deconv.backward(t(d, p, 1, 2, 5, 5), t(d, p, 2, 3, 3, 3), t(d, p, 1, 3, 7, 7),
          ConvGeometry.UNIT, Conv.Wanted.ALL, p)));

  private static void masked(Device d, Consumer<FilterMask> call) {
    try (FilterMask mask = FilterMask.raster(d, FilterMask.Type.B, 3, 2, 3, 3, 1)) {
      call.accept(mask);
    }
  }

  @TestFactory
  List<DynamicNode> refusedWithAdvice() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Device device : TestDevices.available()) {
      if (device.name().startsWith("cuda")) {
        continue;
      }
      for (Precision precision : Precision.values()) {
        for (Call call : CALLS) {
          tests.add(DynamicTest.dynamicTest(call.op + " in " + precision + " on " + device, () -> check(device, precision, call)));
        }
      }
    }
    return tests;
  }

  /** A device of another precision is refused before anything is computed on it. */
  @TestFactory
  List<DynamicNode> noDeviceOfIt() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Device device : TestDevices.available()) {
      if (device.name().startsWith("cuda")) continue;
      tests.add(DynamicTest.dynamicTest("on " + device, () -> {
        assertEquals(Precision.EXACT, device.precision());
        assertSame(device, device.precision(Precision.EXACT));
        for (Precision p : Precision.values()) {
          if (p == Precision.EXACT) continue;
          var refused = assertThrows(UnsupportedOnDeviceException.class, () -> device.precision(p));
          assertTrue(refused.getMessage().contains(p.name()) && refused.getMessage().contains("\"" + device + "\""),
              refused.getMessage());
          assertThrows(UnsupportedOnDeviceException.class, () -> Device.of(device + ":" + p.label()));
        }
      }));
    }
    return tests;
  }

  /** Behind the contracts the library refuses too, and its answer is the same exception. */
  @TestFactory
  List<DynamicNode> refusedByTheKernels() {
    List<DynamicNode> tests = new ArrayList<>();
    for (Device device : TestDevices.available()) {
      if (!device.name().startsWith("cpu")) continue;
      tests.add(DynamicTest.dynamicTest("gemm in TF32 on " + device, () -> {
        try (Scope scope = Scope.open()) {
          Tensor x = Tensor.zeros(device, 4, 4);
          GemmArgs args = new GemmArgs(4, 4, 4, x, x, null, Tensor.zeros(device, 4, 4), null, null, Activation.NONE, 1,
              Precision.TF32);
          var refused = assertThrows(UnsupportedOnDeviceException.class, () -> device.kernels().gemm(args));
          assertEquals("gemm", refused.op());
          assertTrue(refused.getMessage().contains("\"" + device + "\"") && refused.getMessage().contains("precision"),
              refused.getMessage());
        }
      }));
    }
    return tests;
  }

  private static void check(Device device, Precision precision, Call call) {
    long before = HostMemory.INSTANCE.inUse();
    try (Scope scope = Scope.open()) {
      if (precision == Precision.EXACT) {
        call.run.accept(device, precision);
        return;
      }
      var refused = assertThrows(UnsupportedOnDeviceException.class, () -> call.run.accept(device, precision));
      assertEquals(call.op, refused.op());
      String advice = precision.operands() == DType.FLOAT32 ? "use Precision.EXACT" : "to(DType.FLOAT32)";
      String message = refused.getMessage();
      assertTrue(message.contains(precision.toString()) && message.contains("\"" + device + "\"") && message.contains(advice),
          message);
    }
    assertEquals(before, HostMemory.INSTANCE.inUse(), "bytes in use after the refusal");
  }
}
