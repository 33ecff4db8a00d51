package org.ondol.test.process;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.ondol.Device;
import org.ondol.DeviceUnavailableException;
import org.ondol.Devices;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.cli.Main;
import org.ondol.models.weights.SafeTensorsWriter;
import org.ondol.models.weights.WeightsException;
import org.ondol.ops.Attention;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.test.training.Autoencoder;

/** What the tests run in a JVM of its own. Prints one line per answer, name=value. */
public final class Child {
  private Child() {}

  /** args: what to do, then its arguments. */
  public static void main(String[] args) throws IOException {
    switch (args[0]) {
      case "first-call" -> firstCall(args[1]);
      case "bits" -> System.out.println("bits=" + bits(Device.of(args[1])));
      case "device" -> device(args[1]);
      case "best" -> System.out.println("best=" + Devices.best());
      case "train" -> Autoencoder.run(args[1], Path.of(args[2]), 128, Integer.parseInt(args[3]), Path.of(args[4]));
      case "ondol" -> System.exit(Main.run(Arrays.copyOfRange(args, 1, args.length)));
      case "write" -> write(Path.of(args[1]), Integer.parseInt(args[2]));
      case "list" -> Devices.list().forEach(s -> System.out.println(s.name() + "=" + s.available() + " " + s.description()));
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  /** A file of so many floats, all of them 2. */
  private static void write(Path file, int count) {
    float[] values = new float[count];
    Arrays.fill(values, 2);
    try (Tensor t = Tensor.wrap(values, count)) {
      SafeTensorsWriter.write(file, Map.of("a", t), Map.of());
      System.out.println("written=true");
    } catch (WeightsException e) {
      System.out.println("refused=" + e.getMessage());
    }
  }

  /** From the first line of main to the first result, the library's extraction and loading included. */
  private static void firstCall(String device) {
    long begin = System.nanoTime();
    float sum;
    try (Scope scope = Scope.open()) {
      Device d = Device.of(device);
      Tensor x = Tensor.of(d, new float[64 * 64], 64, 64);
      sum = Gemm.matmul(x, x).toFloats()[0];
    }
    System.out.println("first-call-ms=" + (System.nanoTime() - begin) / 1e6);
    System.out.println("sum=" + sum);
  }

  private static void device(String name) {
    try {
      Device d = Devices.get(name);
      System.out.println("name=" + d);
      System.out.println("description=" + d.description());
    } catch (DeviceUnavailableException e) {
      System.out.println("unavailable=" + e.getMessage().replace('\n', ' '));
    }
  }

  /** A hash of the bits of some operations, the same wherever the arithmetic is. */
  static int bits(Device device) {
    float[] data = new float[3 * 70 * 40];
    for (int i = 0; i < data.length; i++) {
      data[i] = (float) Math.floorMod(i * 2654435761L, 1000) / 256 - 2;
    }
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(device, data, 1, 3, 70, 40);
      Tensor y = Attention.apply(x, x, x, Attention.Options.causal(Attention.Alignment.TOP_LEFT));
      Tensor z = Gemm.matmul(Elementwise.gelu(y), x.transpose(2, 3));
      float[] all = z.toFloats();
      int[] raw = new int[all.length];
      Arrays.setAll(raw, i -> Float.floatToRawIntBits(all[i]));
      return Arrays.hashCode(raw);
    }
  }
}
