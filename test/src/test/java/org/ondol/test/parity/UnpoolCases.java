package org.ondol.test.parity;

import static org.ondol.test.parity.ParityCase.results;

import java.util.Arrays;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.ops.Unpool;
import org.ondol.test.oracle.Bound;
import org.ondol.test.page.PagePool;
import org.ondol.test.support.Operands;
import org.ondol.test.support.Operands.Freedom;

/** Unpooling and its gradient, with both index types and repeated indices. Nothing is rounded, so there is no bound. */
final class UnpoolCases implements ParityCase {
  private final boolean backward;
  private final int batch;
  private final int channels;
  private final int height;
  private final int width;
  private final int outHeight;
  private final int outWidth;
  private final int[] indices;
  private final boolean wide;
  private final float[] data;

  UnpoolCases(Draw d, boolean backward) {
    this.backward = backward;
    batch = d.sizeOrZero(3);
    channels = d.sizeOrZero(4);
    height = d.size(12);
    width = d.size(40);
    outHeight = d.size(20);
    outWidth = d.size(80);
    int size = outHeight * outWidth;
    indices = d.random().ints((long) batch * channels * height * width, 0, size).toArray();
    wide = d.oneIn(2);
    data = d.floats(d.fill(), batch * channels * (backward ? size : height * width));
  }

  @Override
  public String describe() {
    return (backward ? "gradient of " : "") + "unpool [" + batch + ", " + channels + ", " + height + ", " + width + "] to "
        + outHeight + " x " + outWidth + (wide ? " INT64" : " INT32");
  }

  @Override
  public Map<String, float[]> page() {
    int planes = batch * channels;
    return backward ? results("dx", PagePool.unpoolBackward(data, indices, planes, height * width, outHeight * outWidth))
        : results("y", PagePool.unpool(data, indices, planes, height * width, outHeight * outWidth));
  }

  @Override
  public Map<String, Bound.Values> oracle() {
    return Map.of();
  }

  @Override
  public Map<String, float[]> run(Operands o) {
    long[] small = {batch, channels, height, width};
    long[] large = {batch, channels, outHeight, outWidth};
    Tensor at = wide ? o.longs(Arrays.stream(indices).asLongStream().toArray(), small) : o.ints(indices, small);
    Tensor t = o.input("data", data, Freedom.ANY, backward ? large : small);
    o.poison(backward ? small : large);
    return backward ? results("dx", o.adopt(Unpool.backward(t, at)))
        : results("y", o.adopt(Unpool.apply(t, at, outHeight, outWidth)));
  }
}
