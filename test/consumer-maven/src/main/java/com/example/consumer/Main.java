package com.example.consumer;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Attention;
import org.ondol.ops.Attention.Alignment;

/** Causal attention on every available device; the answers must have the same bits. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    boolean modular = Main.class.getModule().isNamed();
    float[] first = null;
    int devices = 0;
    for (var status : Devices.list()) {
      if (!status.available()) {
        System.out.println(status.name() + ": " + status.description());
        continue;
      }
      float[] out = attend(Device.of(status.name()));
      first = first == null ? out : first;
      if (!Arrays.equals(bits(first), bits(out))) {
        throw new AssertionError(status.name() + " gives other bits");
      }
      devices++;
    }
    System.out.println("consumer on the " + (modular ? "module" : "class") + " path: " + devices
        + " devices agree, best is " + Devices.best() + " in " + Device.class.getModule());
  }

  private static float[] attend(Device device) {
    float[] values = new float[2 * 4 * 33 * 16];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(i);
    }
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(device, values, 2, 4, 33, 16);
      return Attention.apply(x, x, x, Attention.Options.causal(Alignment.TOP_LEFT)).toFloats();
    }
  }

  private static int[] bits(float[] x) {
    int[] bits = new int[x.length];
    Arrays.setAll(bits, i -> Float.floatToIntBits(x[i]));
    return bits;
  }
}
