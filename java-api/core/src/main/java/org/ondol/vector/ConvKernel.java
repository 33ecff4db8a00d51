package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * conv and deconv, see docs/arithmetic.md, Convolution. A task is a band of rows of some row phases of one image, for some
 * panels of output channels. It takes the input channels a block at a time: fills the block's {@link ConvPatch}, which all
 * panels and all column phases of the task read, and continues their sums over the block's entries; then the sums become
 * rows of y ({@link ConvStore}). Nothing depends on the cuts but the speed.
 */
final class ConvKernel {
  /** Columns of a phase that are computed at a time: wider maps (sound, text) are computed piece by piece. */
  private static final long COLUMNS = 2048;

  /** Scratch arrays of a task. */
  static final int PATCH = 1;
  static final int SUMS = 2;
  static final int PLANES = 3;
  static final int LINES = 4;
  static final int RESIDUAL = 5;
  static final int SQUARE = 6;

  final ConvArgs args;
  final ConvShape shape;
  final ConvTiles tiles;
  final ConvFilters filters;
  final ConvAxis[] rowPhases;
  final ConvAxis[] columnPhases;
  final ConvPlan plan;
  final ConvPatch patch;
  /** Floats between the sums of two panels of one column phase, and in planes between two channels. */
  final int panelSums;
  final int planePitch;

  private final boolean transposed;
  private final Floats x;
  private final ConvStore store;
  private final int blocks;
  /** By class: where its entries lie in a block's patch, and by bucket and block where they begin. */
  private final int[][] offsets;
  private final int[][] blockStarts;
  private float[] weights;
  private int weightsAt;

  private ConvKernel(Loops loops, ConvArgs args, ConvFilters filters) {
    this.args = args;
    this.shape = args.shape();
    this.filters = filters;
    this.transposed = filters.transposed;
    tiles = loops.convTiles();
    rowPhases = ConvAxis.rows(args, transposed);
    columnPhases = ConvAxis.columns(args, transposed);
    x = Floats.of(args.x());
    plan = ConvPlan.of(this);
    patch = plan.patch(this, plan.rows());
    int positions = plan.rows() * (plan.mostColumns() + 3);
    planePitch = plan.byPosition() ? Packing.padded(plan.rows() * patch.pitch) + ConvPatch.SLACK : Packing.padded(positions);
    panelSums = plan.byPosition() ? plan.mostChannels() * planePitch : PANEL * planePitch;
    blocks = (int) ceilDiv(shape.xGroup(), plan.channels());
    int lists = args.live() == null ? 1 : filters.classes;
    offsets = new int[lists][];
    blockStarts = new int[lists][];
    store = new ConvStore(loops, this);
  }

  static void conv(Loops loops, ConvArgs args) {
    if (ConvPlanesKernel.suits(args)) {
      ConvPlanesKernel.run(loops, args);
    } else {
      run(loops, args, false);
    }
  }

  static void deconv(Loops loops, ConvArgs args) {
    run(loops, args, true);
  }

  private static void run(Loops loops, ConvArgs a, boolean transposed) {
    if (a.shape().batch() == 0 || a.beginH() >= a.endH() || a.beginW() >= a.endW()) return;
    ConvFilters filters = new ConvFilters(a.shape(), a.live(), transposed);
    filters.sort();
    try (Scratch scratch = Scratch.borrow()) {
      // Its list of entries, and where they lie in a patch.
      scratch.beside(2L * Integer.BYTES * filters.listed());
      long[] at = new long[1];
      float[] weights = filters.panels(Floats.of(a.weight()), Floats.of(a.packed()), at, scratch);
      long width = COLUMNS * (transposed ? a.shape().strideW() : 1);
      for (long begin = a.beginW(); begin < a.endW(); begin += width) {
        ConvArgs piece = new ConvArgs(a.shape(), a.x(), a.weight(), a.packed(), a.y(), a.bias(), a.residual(), a.activation(),
            a.slope(), a.live(), a.beginH(), a.endH(), begin, Math.min(a.endW(), begin + width), a.precision());
        new ConvKernel(loops, piece, filters).run(weights, (int) at[0]);
      }
    }
  }

  private void run(float[] packed, int at) {
    weights = packed;
    weightsAt = at;
    int[] taps = tapOffsets();
    for (int i = 0; i < offsets.length; i++) {
      list(i, taps);
    }
    long bands = shape.batch() * (rowPhases.length / plan.phases()) * plan.bands();
    Threads.pool().run(bands * plan.groups(), (begin, end, thread) -> {
      try (Scratch own = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          task(task, own);
        }
      }
    });
  }

  /** Where each tap of the kernel's window lies in a channel of the patch; of those whose phase is outside y, anything. */
  private int[] tapOffsets() {
    int[] to = new int[filters.taps];
    for (ConvAxis h : rowPhases) {
      for (ConvAxis w : columnPhases) {
        int bucket = filters.bucket(h.residue(), w.residue());
        if (bucket < 0) continue;
        int[] order = filters.windowOrder();
        for (int i = filters.windowStart(bucket); i < filters.windowStart(bucket + 1); i++) {
          long ky = order[i] / shape.kernelW();
          long kx = order[i] % shape.kernelW();
          to[order[i]] = patch.offset(h.tap(ky, shape.dilationH(), transposed), w.tap(kx, shape.dilationW(), transposed));
        }
      }
    }
    return to;
  }

  private void list(int i, int[] taps) {
    int[] order = filters.order(i);
    int[] starts = filters.starts(i);
    int[] offset = new int[order.length];
    int[] blockStart = new int[(starts.length - 1) * (blocks + 1)];
    int entriesOfBlock = plan.channels() * filters.taps;
    for (int b = 0; b < starts.length - 1; b++) {
      int r = starts[b];
      for (int block = 0; block < blocks; block++) {
        blockStart[b * (blocks + 1) + block] = r;
        long first = (long) block * entriesOfBlock;
        long end = first + entriesOfBlock;
        int channel = 0;
        long channelAt = first;
        for (; r < starts[b + 1] && order[r] < end; r++) {
          while (order[r] >= channelAt + filters.taps) {
            channelAt += filters.taps;
            channel++;
          }
          offset[r] = channel * patch.plane + taps[(int) (order[r] - channelAt)];
        }
      }
      blockStart[b * (blocks + 1) + blocks] = r;
    }
    offsets[i] = offset;
    blockStarts[i] = blockStart;
  }

  /** A band of a row phase; the sums of its first column phase are the {@code slot}-th of its task. */
  record Band(long image, ConvAxis y, int first, int rows, int slot) {}

  private void task(long index, Scratch scratch) {
    int group = (int) (index % plan.groups());
    index /= plan.groups();
    int first = (int) (index % plan.bands()) * plan.rows();
    index /= plan.bands();
    int each = rowPhases.length / plan.phases();
    Band[] bands = new Band[plan.phases()];
    for (int i = 0; i < bands.length; i++) {
      ConvAxis y = rowPhases[(int) (index % each) * bands.length + i];
      int rows = (int) Math.max(0, Math.min(plan.rows(), y.count() - first));
      bands[i] = new Band(index / each, y, first, rows, i * columnPhases.length);
    }
    int end = Math.min((group + 1) * plan.panels(), filters.panels);
    int next;
    for (int p = group * plan.panels(); p < end; p = next) {
      long of = filters.group(filters.panelClass[p]);
      next = p + 1;
      while (next < end && filters.group(filters.panelClass[next]) == of) {
        next++;
      }
      compute(bands, of, p, next, scratch);
      for (Band band : bands) {
        for (int i = p; i < next && band.rows > 0; i++) {
          store.finish(band, i, i - p, scratch);
        }
      }
    }
  }

  /** The sums of panels [begin, end), all of one group of channels. */
  private void compute(Band[] bands, long group, int begin, int end, Scratch scratch) {
    float[] data = scratch.floats(PATCH, patch.floats(plan.channels()));
    int slots = bands.length * columnPhases.length;
    float[] sums = scratch.floats(SUMS, (long) slots * plan.panels() * panelSums + ConvPatch.SLACK);
    for (int j = 0; j < slots; j++) {
      int at = j * plan.panels() * panelSums;
      Arrays.fill(sums, at, at + (end - begin) * panelSums, 0);
    }
    long image = bands[0].image;
    long top = bands[0].y.origin() + bands[0].first * bands[0].y.stride();
    long left = columnPhases[0].origin();
    for (int block = 0; block < blocks; block++) {
      long from = (long) block * plan.channels();
      int channels = (int) Math.min(plan.channels(), shape.xGroup() - from);
      long at = x.start + image * x.stride(0) + (group * shape.xGroup() + from) * x.stride(1);
      patch.fill(tiles, x, at, x.stride(1), channels, top, left, shape.xHeight(), shape.xWidth(), data, scratch, LINES);
      for (Band band : bands) {
        for (int j = 0; j < columnPhases.length && band.rows > 0; j++) {
          columns(band, j, block, data, begin, end, sums);
        }
      }
    }
  }

  /** Continues the sums of one column phase over the entries of a block of channels. */
  private void columns(Band band, int j, int block, float[] data, int begin, int end, float[] sums) {
    ConvAxis axis = columnPhases[j];
    int bucket = filters.bucket(band.y.residue(), axis.residue());
    if (bucket < 0) return;
    int count;
    for (int p = begin; p < end; p += count) {
      int i = filters.panelClass[p];
      int list = args.live() == null ? 0 : i;
      int from = blockStarts[list][bucket * (blocks + 1) + block];
      int to = blockStarts[list][bucket * (blocks + 1) + block + 1];
      int w = weightsAt + (int) filters.panelAt[p] + from * PANEL;
      int at = ((band.slot + j) * plan.panels() + p - begin) * panelSums;
      count = 1;
      if (from == to) continue;
      if (plan.byPosition()) {
        byPosition(band, axis, from, to, offsets[list], data, w, filters.panelChannels[p], sums, at);
        continue;
      }
      count = sideBySide(p, end);
      byChannel(band, axis, from, to, offsets[list], data, w, count, filters.entries(i) * PANEL, sums, at);
    }
  }

  /** Panels from p on that are taken together, all of one class; three rather than two and one that is left alone. */
  private int sideBySide(int p, int end) {
    if (tiles.sideBySide() == 1) return 1;
    int run = 1;
    while (run < 4 && p + run < end && filters.panelClass[p + run] == filters.panelClass[p]) {
      run++;
    }
    return run == 3 ? 3 : Math.min(run, 2);
  }

  /** Whether a phase's positions lie behind one another without gaps. */
  boolean flat(ConvAxis axis) {
    return patch.pitch == axis.count();
  }

  private void byChannel(Band band, ConvAxis axis, int from, int to, int[] offset, float[] data, int w, int panels,
      int panelWeights, float[] sums, int at) {
    int count = (int) axis.count();
    int lines = flat(axis) ? 1 : band.rows;
    int width = flat(axis) ? band.rows * count : count;
    int step = tiles.padded(width) * PANEL;
    for (int r = 0; r < lines; r++) {
      tiles.channels(width, panels, from, to, offset, data, r * patch.pitch, weights, w, panelWeights, sums, at + r * step,
          panelSums);
    }
  }

  private void byPosition(Band band, ConvAxis axis, int from, int to, int[] offset, float[] data, int w, int channels,
      float[] sums, int at) {
    int positions = (band.rows - 1) * patch.pitch + (int) axis.count();
    int turns = (int) ceilDiv(channels, tiles.together());
    for (int t = 0; t < turns; t++) {
      int r = channels * t / turns;
      int n = channels * (t + 1) / turns - r;
      tiles.positions(positions, n, from, to, offset, data, 0, weights, w + r, sums, at + r * planePitch, planePitch);
    }
  }
}
