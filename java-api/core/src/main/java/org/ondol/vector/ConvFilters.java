package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;

import java.util.Arrays;
import org.ondol.InvalidArgumentException;
import org.ondol.Threads;
import org.ondol.spi.ConvShape;
import org.ondol.spi.LiveEntries;

/**
 * The filters of a convolution as {@link org.ondol.ops.PackedFilter} lays them out: classes of output channels (without
 * live entries: groups), their entries in the order of a panel's rows, and the panels of 16 channels.
 */
final class ConvFilters {
  final ConvShape shape;
  final LiveEntries live;
  final boolean transposed;
  final int classes;
  /** Entries of the kernel's window. */
  final int taps;
  final int panels;
  /** By panel: its class, its first channel within the class, how many, and where its rows begin. */
  final int[] panelClass;
  final int[] panelBegin;
  final int[] panelChannels;
  final long[] panelAt;
  final long floats;

  /** By ky and kx: the rank of k * dilation mod stride among those that occur; all 0 for conv. */
  private final long[] residuesH;
  private final long[] residuesW;
  private final int[] bucket;
  private final int[] windowOrder;
  private final int[] windowStart;
  private final int[][] order;
  private final int[][] starts;

  ConvFilters(ConvShape shape, LiveEntries live, boolean transposed) {
    this.shape = shape;
    this.live = live;
    this.transposed = transposed;
    classes = live == null ? Math.toIntExact(shape.groups()) : live.classes();
    taps = (int) (shape.kernelH() * shape.kernelW());
    residuesH = residues(shape.kernelH(), shape.dilationH(), transposed ? shape.strideH() : 1);
    residuesW = residues(shape.kernelW(), shape.dilationW(), transposed ? shape.strideW() : 1);
    bucket = new int[taps];
    for (int t = 0; t < taps; t++) {
      long h = t / shape.kernelW() * shape.dilationH() % (transposed ? shape.strideH() : 1);
      long w = t % shape.kernelW() * shape.dilationW() % (transposed ? shape.strideW() : 1);
      bucket[t] = bucket(h, w);
    }
    windowOrder = new int[taps];
    windowStart = new int[buckets() + 1];
    sortWindow();
    order = new int[live == null ? 1 : classes][];
    starts = new int[order.length][];
    int count = 0;
    for (int i = 0; i < classes; i++) {
      count += (int) ceilDiv(channels(i), PANEL);
    }
    panels = count;
    panelClass = new int[count];
    panelBegin = new int[count];
    panelChannels = new int[count];
    panelAt = new long[count];
    floats = listPanels();
  }

  private static long[] residues(long kernel, long dilation, long modulus) {
    long[] all = new long[(int) Math.min(kernel, modulus)];
    for (int k = 0; k < all.length; k++) {
      all[k] = k * dilation % modulus;
    }
    return Arrays.stream(all).sorted().distinct().toArray();
  }

  private long listPanels() {
    long at = 0;
    int p = 0;
    for (int i = 0; i < classes; i++) {
      int channels = channels(i);
      for (int begin = 0; begin < channels; begin += PANEL) {
        panelClass[p] = i;
        panelBegin[p] = begin;
        panelChannels[p] = Math.min(PANEL, channels - begin);
        panelAt[p++] = at;
        at += (long) PANEL * entries(i);
      }
    }
    return at;
  }

  /** Channels of a class. */
  int channels(int i) {
    return live == null ? (int) shape.yGroup() : live.channelStart()[i + 1] - live.channelStart()[i];
  }

  /** Channel j of class i, as y counts them. */
  long channel(int i, int j) {
    return live == null ? i * shape.yGroup() + j : live.channels()[live.channelStart()[i] + j];
  }

  /** The group that class i lies in. */
  long group(int i) {
    return live == null ? i : live.channels()[live.channelStart()[i]] / shape.yGroup();
  }

  /** Live entries of class i. */
  int entries(int i) {
    return live == null ? (int) shape.depth() : live.liveStart()[i + 1] - live.liveStart()[i];
  }

  int most() {
    int most = 0;
    for (int i = 0; i < order.length; i++) {
      most = Math.max(most, entries(i));
    }
    return most;
  }

  /** Entries of all lists, in which classes without live entries share one. */
  long listed() {
    long n = 0;
    for (int i = 0; i < order.length; i++) {
      n += entries(i);
    }
    return n;
  }

  int buckets() {
    return residuesH.length * residuesW.length;
  }

  /** The run of rows that a phase with these residues reads, or -1 where it has none. */
  int bucket(long residueH, long residueW) {
    int h = Arrays.binarySearch(residuesH, residueH);
    int w = Arrays.binarySearch(residuesW, residueW);
    return h < 0 || w < 0 ? -1 : h * residuesW.length + w;
  }

  /** The window's taps by bucket, each bucket's ascending. */
  int[] windowOrder() {
    return windowOrder;
  }

  /** Where a bucket's taps begin in {@link #windowOrder}. */
  int windowStart(int b) {
    return windowStart[b];
  }

  private void sortWindow() {
    for (int b : bucket) {
      windowStart[b + 1]++;
    }
    for (int b = 0; b < buckets(); b++) {
      windowStart[b + 1] += windowStart[b];
    }
    int[] at = windowStart.clone();
    for (int t = 0; t < taps; t++) {
      windowOrder[at[bucket[t]]++] = t;
    }
  }

  /** Prepares {@link #order} and {@link #starts} of all classes. */
  void sort() {
    for (int i = 0; i < order.length; i++) {
      sort(i);
    }
  }

  /** Sorts a class's entries by bucket, then ascending. */
  private void sort(int i) {
    int n = entries(i);
    int[] start = new int[buckets() + 1];
    int base = live == null ? 0 : live.liveStart()[i];
    int xGroup = (int) shape.xGroup();
    if (live == null) {
      for (int t = 0; t < taps; t++) {
        start[bucket[t] + 1] += xGroup;
      }
    } else {
      for (int k = 0; k < n; k++) {
        start[bucket[live.live()[base + k] % taps] + 1]++;
      }
    }
    for (int b = 0; b < buckets(); b++) {
      start[b + 1] += start[b];
    }
    int[] at = start.clone();
    int[] to = new int[n];
    if (live == null) {
      for (int c = 0, k = 0; c < xGroup; c++) {
        for (int t = 0; t < taps; t++) {
          to[at[bucket[t]]++] = k++;
        }
      }
    } else {
      for (int k = 0; k < n; k++) {
        int entry = live.live()[base + k];
        to[at[bucket[entry % taps]]++] = entry;
      }
    }
    order[i] = to;
    starts[i] = start;
  }

  /** The entries of class i in the order of a panel's rows. */
  int[] order(int i) {
    return order[live == null ? 0 : i];
  }

  /** Where each bucket's rows begin, and their end. */
  int[] starts(int i) {
    return starts[live == null ? 0 : i];
  }

  /** The panels as one array from {@code at[0]} on: those given, or packed now into scratch number 0. */
  float[] panels(Floats weight, Floats packed, long[] at, Scratch scratch) {
    if (floats > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException("weight", "of " + floats + " packed values", "at most " + (Integer.MAX_VALUE - 8));
    }
    at[0] = 0;
    if (packed == null) {
      float[] to = scratch.floats(0, floats);
      Threads.pool().run(panels, (begin, end, thread) -> {
        try (Scratch own = Scratch.borrow()) {
          for (long p = begin; p < end; p++) {
            pack((int) p, weight, to, own);
          }
        }
      });
      return to;
    }
    float[] array = packed.array();
    if (array != null && packed.start + floats <= array.length) {
      at[0] = packed.start;
      return array;
    }
    float[] to = scratch.floats(0, floats);
    packed.read(packed.start, to, 0, (int) floats);
    return to;
  }

  /** One panel, some input channels at a time. */
  private void pack(int p, Floats weight, float[] to, Scratch scratch) {
    int i = panelClass[p];
    int n = panelChannels[p];
    int[] rows = order(i);
    int[] at = starts(i).clone();
    int xGroup = (int) shape.xGroup();
    int block = Math.min(xGroup, Math.max(1, 256 / taps));
    float[] from = scratch.floats(0, (long) PANEL * block * taps);
    Arrays.fill(from, 0, PANEL * block * taps, 0);
    // A lane's filter is contiguous for conv; for deconv all lanes of one input channel are.
    int laneStep = transposed ? taps : block * taps;
    int channelStep = transposed ? PANEL * taps : taps;
    for (int c = 0; c < xGroup; c += block) {
      int channels = Math.min(block, xGroup - c);
      for (int lane = 0; lane < n; lane++) {
        read(weight, i, panelBegin[p] + lane, n - lane, c, channels, from, lane * laneStep, channelStep);
        if (transposed && live == null) break;
      }
      for (int b = 0; b < at.length - 1; b++) {
        int r = at[b];
        for (; r < starts(i)[b + 1] && rows[r] < (c + channels) * taps; r++) {
          int entry = rows[r] - c * taps;
          int source = transposed ? entry / taps * channelStep + entry % taps : entry;
          int target = (int) panelAt[p] + PANEL * r;
          for (int lane = 0; lane < PANEL; lane++) {
            to[target + lane] = from[source + lane * laneStep];
          }
        }
        at[b] = r;
      }
    }
  }

  /** The weights of a lane, or for deconv without classes of all lanes from it on, for some input channels. */
  private void read(Floats weight, int i, int j, int lanes, int c, int channels, float[] to, int toAt, int channelStep) {
    long o = channel(i, j);
    if (!transposed) {
      weight.read(weight.start + o * shape.depth() + (long) c * taps, to, toAt, channels * taps);
      return;
    }
    long yGroup = shape.yGroup();
    int run = live == null ? lanes * taps : taps;
    for (int k = 0; k < channels; k++) {
      long x = group(i) * shape.xGroup() + c + k;
      weight.read(weight.start + (x * yGroup + o % yGroup) * taps, to, toAt + k * channelStep, run);
    }
  }
}
