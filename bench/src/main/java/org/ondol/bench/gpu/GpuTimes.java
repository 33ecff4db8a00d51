package org.ondol.bench.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;

/**
 * Times what the native program cannot: a call through Java, queued and finished, and images drawn from a PixelCNN. One
 * line of JSON a case, in the form of bench/results' rows.
 *
 * <p>Usage: GpuTimes DEVICE JSON [--tiny].
 */
public final class GpuTimes {
  private static final String JAVA = "cuda through Java";

  private final Device device;
  private final Path json;
  private final boolean tiny;

  private GpuTimes(String device, Path json, boolean tiny) {
    this.device = Devices.get(device);
    this.json = json;
    this.tiny = tiny;
  }

  public static void main(String[] args) throws IOException {
    boolean usage = args.length < 2 || args.length > 3 || args.length == 3 && !args[2].equals("--tiny");
    if (usage) {
      System.err.println("usage: GpuTimes DEVICE JSON [--tiny]");
      System.exit(2);
    }
    GpuTimes times = new GpuTimes(args[0], Path.of(args[1]), args.length == 3);
    System.out.println(times.device.name() + ": " + times.device.description());
    times.call();
    times.sampling();
    System.out.println("2 right");
  }

  /** As the native program's case: 1024 numbers negated, thousands of calls and then one wait. */
  private void call() throws IOException {
    float[] values = new float[1024];
    for (int i = 0; i < values.length; i++) values[i] = i - 500.5f;
    try (Tensor x = Tensor.of(device, values, values.length); Tensor y = Tensor.zeros(device, values.length)) {
      int calls = tiny ? 10 : 2000;
      int rounds = tiny ? 3 : 25;
      double[] ms = new double[rounds];
      for (int warm = 0; warm < (tiny ? 1 : 10); warm++) calls(calls, x, y);
      for (int round = 0; round < rounds; round++) ms[round] = calls(calls, x, y);
      float[] negated = y.toFloats();
      for (int i = 0; i < values.length; i++) {
        if (negated[i] != -values[i]) throw new AssertionError("y[" + i + "] = " + negated[i]);
      }
      write("call", "elementwise 1024", "exact", ms);
    }
  }

  /** Milliseconds a call. */
  private static double calls(int count, Tensor x, Tensor y) {
    long begin = System.nanoTime();
    for (int i = 0; i < count; i++) Elementwise.run(Elementwise.Op.NEG, x, null, y, 0);
    y.toFloats(); // waits
    return (System.nanoTime() - begin) * 1e-6 / count;
  }

  /** What is drawn must be what one pass over the finished images says of each pixel, bit for bit. */
  private void sampling() throws IOException {
    try (PixelCnn net = tiny ? new PixelCnn(device, 2, 4, 3, 8) : new PixelCnn(device, 64, 32, 15, 128)) {
      String name = tiny ? "PixelCNN tiny" : "PixelCNN 15 layers of 128, N64 32x32";
      int rounds = tiny ? 1 : 3;
      double[] ms = new double[rounds];
      net.draw();
      String wrong = net.check();
      if (wrong != null) throw new AssertionError(wrong);
      for (int round = 0; round < rounds; round++) {
        long begin = System.nanoTime();
        net.draw();
        ms[round] = (System.nanoTime() - begin) * 1e-6;
      }
      write("sampling", name, "exact", ms);
    }
  }

  private void write(String stem, String name, String variant, double[] ms) throws IOException {
    Arrays.sort(ms);
    double median = ms.length % 2 == 1 ? ms[ms.length / 2] : (ms[ms.length / 2 - 1] + ms[ms.length / 2]) / 2;
    System.out.printf(Locale.ROOT, "%-18s %-36s %-10s %10.4f ms%n", stem, name, variant, median);
    String row = String.format(Locale.ROOT, "{\"stem\":\"%s\",\"case\":\"%s\",\"contender\":\"%s\",\"variant\":\"%s\","
        + "\"peer\":false,\"ms_median\":%.6g,\"ms_best\":%.6g,\"gflops\":null,\"checked\":true}%n", stem, name, JAVA,
        variant, median, ms[0]);
    Files.writeString(json, row, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }
}
