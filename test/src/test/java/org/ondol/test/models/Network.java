package org.ondol.test.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensors;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * What the networks of these tests have in common: weights from a file, and as plain loops over host memory what is no
 * convolution.
 */
final class Network {
  /** A function of an element and its channel. */
  interface PerChannel {
    double apply(int channel, double value);
  }

  private final Device device;
  private final SafeTensors weights;

  Network(Device device, SafeTensors weights) {
    this.device = device;
    this.weights = weights;
  }

  Device device() {
    return device;
  }

  /** The file, or an abort with the reason. */
  static SafeTensors open(String folder, String file) throws IOException {
    Path path = Path.of(System.getProperty("ondol.data", "../../shared/data"), folder, file + ".safetensors");
    if (!Files.exists(path)) {
      System.out.println("[skipped] " + folder + ": no file " + path.toAbsolutePath().normalize());
      Assumptions.abort("no file " + path);
    }
    return SafeTensors.open(path);
  }

  /** Runs a network on every device; all must give the same bits, which are returned. */
  static float[] everywhere(SafeTensors weights, Function<Network, Tensor> network) {
    Map<Device, float[]> results = new LinkedHashMap<>();
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        results.put(device, network.apply(new Network(device, weights)).toFloats());
      }
    }
    float[] first = results.values().iterator().next();
    results.forEach((device, values) -> Assertions.assertNull(Bits.difference(values, first), device.toString()));
    return first;
  }

  static int[] unsigned(byte[] bytes) {
    int[] values = new int[bytes.length];
    for (int i = 0; i < values.length; i++) values[i] = bytes[i] & 0xFF;
    return values;
  }

  Tensor weight(String name) {
    return tensor(weights.floats(name), weights.shape(name));
  }

  float[] floats(String name) {
    return weights.floats(name);
  }

  Tensor tensor(float[] values, long... shape) {
    return Tensor.of(device, values, shape);
  }

  Tensor perChannel(Tensor x, PerChannel f) {
    float[] values = x.toFloats();
    int channels = (int) x.size(1);
    int plane = values.length / (int) (x.size(0) * channels);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) f.apply(i / plane % channels, values[i]);
    }
    return tensor(values, x.shape());
  }

  Tensor concat(Tensor... maps) {
    long[] shape = maps[0].shape();
    shape[1] = Arrays.stream(maps).mapToLong(t -> t.size(1)).sum();
    Tensor all = Tensor.empty(device, shape);
    long at = 0;
    for (Tensor t : maps) {
      all.slice(1, at, at + t.size(1)).assign(t);
      at += t.size(1);
    }
    return all;
  }

  /**
   * Windows of 3 x 3 at stride 2: the maximum, with a last window that may hang over the end (Caffe's way), or with
   * padding 1 the mean, zeros counting.
   */
  Tensor pool(Tensor x, boolean max) {
    int pad = max ? 0 : 1;
    int height = (int) x.size(2);
    int width = (int) x.size(3);
    int over = max ? 1 : 0;
    int rows = (height + 2 * pad + over - 3) / 2 + 1;
    int columns = (width + 2 * pad + over - 3) / 2 + 1;
    float[] from = x.toFloats();
    int planes = from.length / (height * width);
    float[] to = new float[planes * rows * columns];
    for (int i = 0; i < to.length; i++) {
      int top = i / columns % rows * 2 - pad;
      int left = i % columns * 2 - pad;
      double sum = 0;
      float best = Float.NEGATIVE_INFINITY;
      for (int y = Math.max(top, 0); y < Math.min(top + 3, height); y++) {
        for (int c = Math.max(left, 0); c < Math.min(left + 3, width); c++) {
          float v = from[(i / (rows * columns) * height + y) * width + c];
          sum += v;
          best = Math.max(best, v);
        }
      }
      to[i] = max ? best : (float) (sum / 9);
    }
    return tensor(to, x.size(0), x.size(1), rows, columns);
  }

  /** Batch norm with the statistics of the batch itself. */
  Tensor batchNorm(Tensor x, String name, double eps) {
    float[] gamma = floats(name + ".gamma");
    float[] beta = floats(name + ".beta");
    float[] values = x.toFloats();
    int channels = (int) x.size(1);
    int plane = values.length / (int) (x.size(0) * channels);
    double[] mean = new double[channels];
    double[] variance = new double[channels];
    double n = (double) values.length / channels;
    for (int i = 0; i < values.length; i++) {
      mean[i / plane % channels] += values[i] / n;
    }
    for (int i = 0; i < values.length; i++) {
      double d = values[i] - mean[i / plane % channels];
      variance[i / plane % channels] += d * d / n;
    }
    return perChannel(x, (c, v) -> (v - mean[c]) / Math.sqrt(variance[c] + eps) * gamma[c] + beta[c]);
  }

  /** The largest difference of two results. */
  static double distance(float[] actual, float[] expected) {
    Assertions.assertEquals(expected.length, actual.length);
    double worst = 0;
    for (int i = 0; i < actual.length; i++) {
      double d = Math.abs((double) actual[i] - expected[i]);
      worst = d <= worst ? worst : d; // a NaN stays
    }
    return worst;
  }

  /** Indices of the n largest values, largest first. */
  static int[] top(float[] values, int n) {
    Integer[] order = new Integer[values.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Float.compare(values[b], values[a]));
    return Arrays.stream(order).limit(n).mapToInt(i -> i).toArray();
  }
}
