package org.ondol.bench.stems;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.ondol.bench.peers.PeerNet;
import org.ondol.bench.stems.ReferenceNet.Plain;
import org.ondol.models.layers.ConvUnit;
import org.ondol.ops.Activation;
import org.ondol.ops.PoolGeometry;

/** A network of Ondol's for one image in float64: a row at a time, so that 15 thousand million products take seconds. */
final class ReferenceNet extends PeerNet<Plain> {
  /** A map of one image. */
  record Plain(int channels, int height, int width, double[] values) {
    static Plain of(float[] image, int channels, int height, int width) {
      double[] values = new double[channels * height * width];
      for (int i = 0; i < values.length; i++) values[i] = image[i];
      return new Plain(channels, height, width, values);
    }
  }

  @Override
  public Plain conv(Plain x, ConvUnit unit) {
    var g = unit.geometry();
    long[] shape = unit.weight().tensor().shape();
    int out = (int) shape[0];
    int kh = (int) shape[2];
    int kw = (int) shape[3];
    int h = (int) ((x.height + g.padTop() + g.padBottom() - kh) / g.strideH()) + 1;
    int w = (int) ((x.width + g.padLeft() + g.padRight() - kw) / g.strideW()) + 1;
    float[] weight = unit.weight().tensor().toFloats();
    float[] bias = unit.bias().tensor().toFloats();
    double[] y = new double[out * h * w];
    boolean relu = unit.activation() == Activation.RELU;
    IntStream.range(0, out).parallel().forEach(o -> {
      for (int c = 0; c < x.channels; c++) {
        for (int k = 0; k < kh * kw; k++) {
          double f = weight[(o * x.channels + c) * kh * kw + k];
          for (int i = 0; i < h; i++) {
            int row = (int) (i * g.strideH() - g.padTop()) + k / kw;
            if (row < 0 || row >= x.height) continue;
            int shift = k % kw - (int) g.padLeft();
            add(f, x.values, (c * x.height + row) * x.width, x.width, shift, (int) g.strideW(), y, (o * h + i) * w, w);
          }
        }
      }
      for (int i = o * h * w; i < (o + 1) * h * w; i++) {
        y[i] += bias[o];
        if (relu) y[i] = Math.max(0, y[i]);
      }
    });
    return new Plain(out, h, w, y);
  }

  /** y[j] += f x[j stride + shift], where that lies in the row of x. */
  private static void add(double f, double[] x, int at, int width, int shift, int stride, double[] y, int to, int count) {
    int first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    int end = Math.min(count, (width - 1 - shift) / stride + 1);
    if (stride == 1) {
      for (int j = first; j < end; j++) y[to + j] += f * x[at + shift + j];
    } else {
      for (int j = first; j < end; j++) y[to + j] += f * x[at + shift + j * stride];
    }
  }

  @Override
  public Plain maxPool(Plain x, PoolGeometry g) {
    int kernel = (int) g.kernelH();
    int stride = (int) g.strideH();
    int more = g.ceil() ? stride - 1 : 0;
    int h = (x.height - kernel + more) / stride + 1;
    int w = (x.width - kernel + more) / stride + 1;
    double[] y = new double[x.channels * h * w];
    for (int i = 0; i < y.length; i++) {
      double most = Double.NEGATIVE_INFINITY;
      for (int k = 0; k < kernel * kernel; k++) {
        int row = i / w % h * stride + k / kernel;
        int column = i % w * stride + k % kernel;
        if (row < x.height && column < x.width) {
          most = Math.max(most, x.values[(i / (h * w) * x.height + row) * x.width + column]);
        }
      }
      y[i] = most;
    }
    return new Plain(x.channels, h, w, y);
  }

  @Override
  public Plain globalAverage(Plain x) {
    int plane = x.height * x.width;
    double[] y = new double[x.channels];
    for (int i = 0; i < x.values.length; i++) y[i / plane] += x.values[i] / plane;
    return new Plain(x.channels, 1, 1, y);
  }

  @Override
  public Plain concat(List<Plain> maps) {
    double[] all = maps.stream().flatMapToDouble(m -> Arrays.stream(m.values)).toArray();
    Plain first = maps.getFirst();
    return new Plain(maps.stream().mapToInt(Plain::channels).sum(), first.height, first.width, all);
  }

  @Override
  public long size(Plain x, int dim) {
    return switch (dim < 0 ? dim + 4 : dim) {
      case 0 -> 1;
      case 1 -> x.channels;
      case 2 -> x.height;
      default -> x.width;
    };
  }
}
