package org.ondol.cuda;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.Recording;
import org.ondol.Tensor;
import org.ondol.natives.Family;
import org.ondol.ops.Attention;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.Softmax;
import org.ondol.spi.ElementwiseArgs;
import org.ondol.spi.Memory;

/**
 * What a call costs in Java and in the binding, measured on a device that starts no kernel: everything from the operation's
 * arguments to the place where the C interface would launch. Not a test; its main method prints a table.
 */
final class CallOverhead {
  private static final int CALLS = 20_000;
  private static final int ROUNDS = 15;
  /** The compilers are done by then, in nanoseconds. */
  private static final long WARM_UP = 2_000_000_000L;

  private CallOverhead() {}

  public static void main(String[] args) {
    Device device = EmulatedBackend.open(new EmulatedRuntime(1L << 30) {
      @Override
      public long run(Family family, long call, long queue, long error) {
        return 0;
      }

      @Override
      public void launch(long graph, long stream) {}
    });
    Tensor x = Tensor.zeros(device, 64, 64);
    Tensor y = Tensor.zeros(device, 64, 64);
    Tensor out = Tensor.zeros(device, 64, 64);
    ElementwiseArgs add = new ElementwiseArgs(Elementwise.Op.ADD, x, y, out, 0);
    Memory memory = device.kernels().memory();
    measure("Kernels.elementwise, arguments checked before", () -> device.kernels().elementwise(add));
    measure("Elementwise.run into a tensor", () -> Elementwise.run(Elementwise.Op.ADD, x, y, out, 0));
    measure("Elementwise.add, result closed", () -> Elementwise.add(x, y).close());
    measure("Gemm.matmul, result closed", () -> Gemm.matmul(x, y).close());
    measure("Memory.allocate and free, 16 KiB", () -> memory.free(memory.allocate(16384)));
    Tensor maps = Tensor.zeros(device, 1, 16, 8, 8);
    Tensor filters = Tensor.zeros(device, 16, 16, 3, 3);
    ConvGeometry same = ConvGeometry.UNIT.padding(1);
    FilterMask mask = FilterMask.raster(device, FilterMask.Type.B, 16, 16, 3, 3, 1);
    Conv.Epilogue biased = Conv.Epilogue.bias(Tensor.zeros(device, 16));
    Tensor heads = Tensor.zeros(device, 1, 4, 16, 32);
    measure("Gemm.matmulInto a tensor", () -> Gemm.matmulInto(x, y, Gemm.Epilogue.NONE, out));
    measure("Conv.apply with a bias, result closed", () -> Conv.apply(maps, filters, same, biased).close());
    measure("MaskedConv.apply, result closed", () -> MaskedConv.apply(maps, filters, mask, same, biased).close());
    measure("Attention.apply, result closed", () -> Attention.apply(heads, heads, heads, Attention.Options.DEFAULT).close());
    measure("Softmax.softmax, result closed", () -> Softmax.softmax(x, -1).close());
    measure("Tensor.empty, closed", () -> Tensor.empty(device, 64, 64).close());
    try (Recording recording = Recording.of(device, () -> Elementwise.run(Elementwise.Op.ADD, x, y, out, 0))) {
      measure("Recording.replay", recording::replay);
    }
  }

  private static void measure(String name, Runnable call) {
    long end = System.nanoTime() + WARM_UP;
    while (System.nanoTime() < end) call.run();
    double[] nanos = new double[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
      long begin = System.nanoTime();
      for (int i = 0; i < CALLS; i++) call.run();
      nanos[r] = (System.nanoTime() - begin) / (double) CALLS;
    }
    Arrays.sort(nanos);
    System.out.printf("%-50s %6.0f ns median, %6.0f ns best%n", name, nanos[ROUNDS / 2], nanos[0]);
  }
}
