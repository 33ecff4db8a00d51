package org.ondol.ops;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;

/**
 * The maps of a batch of images as {@link PixelProgram} keeps them: the images of a group lie side by side in each column,
 * [group][channel][row][column][image]. What a convolution reads for one pixel is then a run of numbers, one for each
 * image, and the batch is a part of the width over which filters step with a dilation: the same operation as on separate
 * images, with the same bits. Groups share no memory line, so that threads can take one each.
 */
final class PixelMaps {
  /** Images of a group that keep a thread's vector units busy; fewer are not worth a second thread. */
  private static final long FEWEST = 4;
  private static final long LINE = 16; // floats of a cache line

  final Device device;
  final long batch;
  final long height;
  final long width;
  final long groups;
  /** Images of a group; the last group's may be more than there are. */
  final long images;
  private final List<Tensor> data = new ArrayList<>();
  private final List<Long> channels = new ArrayList<>();

  PixelMaps(Device device, long batch, long height, long width, int threads) {
    this.device = device;
    this.batch = batch;
    this.height = height;
    this.width = width;
    long wanted = Math.max(1, Math.min(threads, batch / FEWEST));
    images = (batch + wanted - 1) / wanted;
    groups = (batch + images - 1) / images;
  }

  int count() {
    return data.size();
  }

  long channels(int map) {
    return channels.get(map);
  }

  /** Columns of a row, over all images of a group. */
  long pitch() {
    return width * images;
  }

  /** From one channel to the next: an odd number of cache lines, lest the channels of a pixel compete for a few of them. */
  private long plane() {
    long lines = (height * pitch() + LINE - 1) / LINE;
    return (lines | 1) * LINE;
  }

  /** Adds a map of zeros. */
  int add(long channelCount) {
    data.add(Scope.detach(Tensor.zeros(device, groups, channelCount, plane())));
    channels.add(channelCount);
    return data.size() - 1;
  }

  /** A group's part of a map as one wide image [1, C, H, columns * images]; the caller closes it. */
  Tensor group(int map, long group) {
    long c = channels(map);
    long[] shape = {1, c, height, pitch()};
    return Scope.detach(data.get(map).view(group * c * plane(), shape, new long[] {c * plane(), plane(), pitch(), 1}));
  }

  /** Some channels of a group's part of a map, of some columns of a row: [channels, columns * images]. */
  Tensor part(int map, long group, long channel, long count, long row, long begin, long end) {
    long at = (group * channels(map) + channel) * plane() + row * pitch() + begin * images;
    return data.get(map).view(at, new long[] {count, (end - begin) * images}, new long[] {plane(), 1});
  }

  /**
   * Memory for a step's results on the way, of so many channels; the caller closes it. A row's is enough; on a device that
   * moves recorded calls over the maps everything lies as in a map.
   */
  Tensor scratch(long channelCount) {
    return Scope.detach(Tensor.empty(device, groups, channelCount, host() ? pitch() : plane()));
  }

  /** All channels of a scratch, of some columns of a row. */
  Tensor scratchPart(Tensor scratch, long group, long row, long begin, long end) {
    long c = scratch.size(1);
    long stride = scratch.size(2);
    long at = group * c * stride + (host() ? 0 : row * pitch()) + begin * images;
    return scratch.view(at, new long[] {c, (end - begin) * images}, new long[] {stride, 1});
  }

  private boolean host() {
    return device.kernels().memory().isHost();
  }

  void zero(int map) {
    Elementwise.fill(data.get(map), 0);
  }

  /** Stores a number for each image. */
  void write(int map, long channel, long row, long column, float[] values) {
    Tensor t = data.get(map);
    for (long g = 0; g < groups; g++) {
      long first = g * images;
      int n = (int) Math.min(images, batch - first);
      long at = (g * channels(map) + channel) * plane() + row * pitch() + column * images;
      if (host()) {
        MemorySegment.copy(values, (int) first, t.segment(), ValueLayout.JAVA_FLOAT, 4 * at, n);
      } else {
        float[] part = Arrays.copyOfRange(values, (int) first, (int) first + n);
        device.kernels().memory().upload(MemorySegment.ofArray(part), t.address() + 4 * at, 4L * n);
      }
    }
  }

  /** A copy of one pixel: [N, C]. */
  Tensor read(int map, long row, long column) {
    long c = channels(map);
    Tensor out = Tensor.empty(device, batch, c);
    return Outputs.finish(out, () -> eachGroup((g, first, n) -> {
      long at = g * c * plane() + row * pitch() + column * images;
      copy(map, at, new long[] {n, c}, new long[] {1, plane()}, out, first, n);
    }));
  }

  /** A copy of a whole map: [N, C, H, W]. */
  Tensor read(int map) {
    long c = channels(map);
    Tensor out = Tensor.empty(device, batch, c, height, width);
    return Outputs.finish(out, () -> eachGroup((g, first, n) -> {
      long[] strides = {1, plane(), pitch(), images};
      copy(map, g * c * plane(), new long[] {n, c, height, width}, strides, out, first, n);
    }));
  }

  private void copy(int map, long at, long[] shape, long[] strides, Tensor out, long first, long n) {
    try (Scope scope = Scope.open()) {
      out.slice(0, first, first + n).assign(data.get(map).view(at, shape, strides));
    }
  }

  private interface GroupAction {
    void run(long group, long first, long count);
  }

  private void eachGroup(GroupAction action) {
    for (long g = 0; g < groups; g++) action.run(g, g * images, Math.min(images, batch - g * images));
  }

  void close() {
    for (Tensor t : data) t.close();
  }
}
