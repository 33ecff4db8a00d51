package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.ConvShape;
import org.ondol.spi.ConvWeightArgs;

/**
 * convweight. A task owns the filters between some panels of output channels and a run of filter entries. For each image it
 * takes pieces of y: dy becomes rows of 16 channels a position, x a {@link ConvPatch}, and each entry's chain over the
 * positions goes on; at the end of an image the chain is added to the sum over images.
 */
final class ConvWeightKernel {
  /** Positions of a piece. */
  private static final int POSITIONS = 384;
  /** Positions that a tile passes at a time: 24 KB of dy, for a first-level cache. */
  private static final int TOGETHER = 96;
  /** Of a task's channels together, where one has fewer. */
  private static final int ENTRIES = 256;
  /** Of a channel in one task: every further task of the channel fills the patch again. */
  private static final int MOST_ENTRIES = 4096;
  private static final int PATCH_FLOATS = 64 << 10;
  private static final int DY_FLOATS = 32 << 10;
  private static final int MOST_PANELS = 8;

  private static final int PATCH = 1;
  private static final int DY = 2;
  private static final int CHAIN = 3;
  private static final int SUMS = 4;
  private static final int LINES = 5;
  private static final int BASES = 0;

  private final ConvShape shape;
  private final ConvTiles tiles;
  private final Elements elements;
  private final ConvFilters filters;
  private final Floats x;
  private final Floats dy;
  private final Floats dw;
  private final ConvAxis rowAxis;
  private final ConvAxis columnAxis;
  /** Rows and columns of y in a piece; many rows only where a piece has all columns. */
  private final int rows;
  private final int columns;
  private final ConvPatch patch;
  /** Where a position of a piece lies in the patch. */
  private final int[] place;
  /** Where each tap of the kernel's window lies in a channel of the patch. */
  private final int[] tapOffsets;
  /** Consecutive entries of a task: some channels, or a part of one. */
  private final int entries;
  private final int blocks;
  private final int blocksOfChannel;
  /** Groups of panels, each of one class: their first panels, and the end. */
  private final int[] groups;

  private ConvWeightKernel(Loops loops, ConvWeightArgs args) {
    shape = args.shape();
    tiles = loops.convTiles();
    elements = loops.elements();
    filters = new ConvFilters(shape, args.live(), false);
    filters.sort();
    x = Floats.of(args.x());
    dy = Floats.of(args.dy());
    dw = Floats.of(args.dw());
    rowAxis = ConvAxis.conv(0, shape.yHeight(), shape.kernelH(), shape.strideH(), shape.dilationH(), shape.padTop());
    columnAxis = ConvAxis.conv(0, shape.yWidth(), shape.kernelW(), shape.strideW(), shape.dilationW(), shape.padLeft());
    columns = (int) Math.min(shape.yWidth(), 2 * POSITIONS);
    rows = columns < shape.yWidth() ? 1 : (int) Math.max(1, Math.min(shape.yHeight(), POSITIONS / columns));
    patch = new ConvPatch(rowAxis, columnAxis, rows, columns, shape.kernelH(), shape.kernelW(), shape.dilationH(),
        shape.dilationW());
    place = new int[rows * columns];
    for (int i = 0; i < place.length; i++) {
      place[i] = i / columns * patch.pitch + i % columns;
    }
    tapOffsets = new int[filters.taps];
    for (int t = 0; t < filters.taps; t++) {
      tapOffsets[t] = patch.offset(t / shape.kernelW() * shape.dilationH(), t % shape.kernelW() * shape.dilationW());
    }
    int taps = filters.taps;
    int channels = Math.max(1, Math.min((int) shape.xGroup(), Math.min(ENTRIES / taps, PATCH_FLOATS / patch.plane)));
    // A patch serves all panels of its task.
    int side = tiles.entryPanels();
    int together = Math.clamp(DY_FLOATS / (rows * columns * PANEL) / side * side, side, MOST_PANELS);
    int wanted = Threads.count() == 1 ? 1 : 3 * Threads.count();
    while (count(together) * ceilDiv(shape.xGroup(), channels) < wanted && (channels > 1 || together > 1)) {
      if (together > side) {
        together = Math.max(side, together / 2 / side * side);
      } else if (channels > 1 && (channels * taps >= 64 || together == 1)) {
        channels = (int) ceilDiv(channels, 2);
      } else {
        together /= 2;
      }
    }
    blocksOfChannel = (int) ceilDiv(taps, MOST_ENTRIES);
    entries = blocksOfChannel == 1 ? channels * taps : (int) ceilDiv(taps, blocksOfChannel);
    blocks = (int) (blocksOfChannel == 1 ? ceilDiv(shape.xGroup(), channels) : shape.xGroup() * blocksOfChannel);
    groups = groups(together);
  }

  static void run(Loops loops, ConvWeightArgs args) {
    ConvWeightKernel kernel = new ConvWeightKernel(loops, args);
    try (Scratch scratch = Scratch.borrow()) {
      scratch.beside((long) Integer.BYTES * (kernel.filters.listed() + kernel.place.length + kernel.tapOffsets.length));
      Threads.pool().run((long) (kernel.groups.length - 1) * kernel.blocks, (begin, end, thread) -> {
        try (Scratch own = Scratch.borrow()) {
          for (long task = begin; task < end; task++) {
            kernel.task(task, own);
          }
        }
      });
    }
  }

  private long count(int together) {
    long n = 0;
    for (int i = 0; i < filters.classes; i++) {
      n += ceilDiv(ceilDiv(filters.channels(i), PANEL), together);
    }
    return n;
  }

  private int[] groups(int together) {
    int[] to = new int[(int) count(together) + 1];
    int n = 0;
    for (int p = 0; p < filters.panels; n++) {
      to[n] = p;
      int of = filters.panelClass[p];
      for (int i = 0; i < together && p < filters.panels && filters.panelClass[p] == of; i++) {
        p++;
      }
    }
    to[n] = filters.panels;
    return to;
  }

  /** What a task computes: panels [begin, end) and the entries [from, to) of their class. */
  private record Part(int begin, int end, int type, int from, int to) {
    int panels() {
      return end - begin;
    }
  }

  private Part part(long task) {
    int group = (int) (task / blocks);
    int block = (int) (task % blocks);
    int taps = filters.taps;
    int from = entries >= taps ? block * entries : block / blocksOfChannel * taps + block % blocksOfChannel * entries;
    int limit = entries >= taps ? (int) shape.depth() : (block / blocksOfChannel + 1) * taps;
    return new Part(groups[group], groups[group + 1], filters.panelClass[groups[group]], from, Math.min(limit, from + entries));
  }

  private void task(long index, Scratch scratch) {
    Part part = part(index);
    int[] order = filters.order(part.type);
    int first = lower(order, part.from);
    int n = lower(order, part.to) - first;
    int channel = part.from / filters.taps;
    // Tiles are whole: the last one's surplus entries read something and mean nothing.
    int[] base = scratch.ints(BASES, n + ConvTiles.MOST_ENTRIES);
    Arrays.fill(base, n, n + ConvTiles.MOST_ENTRIES, 0);
    for (int e = 0; e < n; e++) {
      int entry = order[first + e];
      base[e] = (entry / filters.taps - channel) * patch.plane + tapOffsets[entry % filters.taps];
    }
    int row = part.panels() * PANEL;
    float[] sums = scratch.floats(SUMS, (long) (n + ConvTiles.MOST_ENTRIES) * row);
    Arrays.fill(sums, 0, n * row, 0);
    for (long image = 0; image < shape.batch() && n > 0; image++) {
      float[] chain = scratch.floats(CHAIN, (long) (n + ConvTiles.MOST_ENTRIES) * row);
      Arrays.fill(chain, 0, (n + ConvTiles.MOST_ENTRIES) * row, 0);
      chains(image, part, base, n, chain, scratch);
      elements.binary(Op.ADD, 0, sums, 0, chain, 0, n * row);
    }
    write(part, order, first, n, sums, scratch);
  }

  private static int lower(int[] order, int entry) {
    int at = Arrays.binarySearch(order, entry);
    return at < 0 ? -at - 1 : at;
  }

  /** One image's chains. */
  private void chains(long image, Part part, int[] base, int n, float[] chain, Scratch scratch) {
    int channel = part.from / filters.taps;
    int channels = 1 + (part.to - 1) / filters.taps - channel;
    float[] data = scratch.floats(PATCH, patch.floats(channels));
    int row = part.panels() * PANEL;
    float[] values = scratch.floats(DY, (long) rows * columns * row);
    long map = x.start + image * x.stride(0) + (filters.group(part.type) * shape.xGroup() + channel) * x.stride(1);
    for (long r = 0; r < shape.yHeight(); r += rows) {
      for (long j = 0; j < shape.yWidth(); j += columns) {
        int height = (int) Math.min(rows, shape.yHeight() - r);
        int width = (int) Math.min(columns, shape.yWidth() - j);
        patch.fill(tiles, x, map, x.stride(1), channels, rowAxis.origin() + r * rowAxis.stride(),
            columnAxis.origin() + j * columnAxis.stride(), shape.xHeight(), shape.xWidth(), data, scratch, LINES);
        for (int p = 0, count; p < part.panels(); p += count) {
          count = sideBySide(part.panels() - p);
          for (int i = 0; i < count; i++) {
            int at = (p * rows * columns + i) * PANEL;
            gather(image, part.begin + p + i, r * shape.yWidth() + j, height * width, values, at, count * PANEL, scratch);
          }
        }
        piece(part.panels(), height * width, data, base, n, values, chain);
      }
    }
  }

  /** Continues all chains of a task over the positions of a piece. */
  private void piece(int panels, int positions, float[] data, int[] base, int n, float[] values, float[] chain) {
    int row = panels * PANEL;
    for (int p = 0, count; p < panels; p += count) {
      count = sideBySide(panels - p);
      int dyAt = p * rows * columns * PANEL;
      for (int from = 0; from < positions; from += TOGETHER) {
        int to = Math.min(positions, from + TOGETHER);
        for (int e = 0; e < n; e += tiles.entries(count)) {
          tiles.entries(count, from, to, place, data, base, e, values, dyAt, chain, e * row + p * PANEL, row);
        }
      }
    }
  }

  private int sideBySide(int panels) {
    return Integer.highestOneBit(Math.min(panels, tiles.entryPanels()));
  }

  /** dy of a panel's channels as parts of rows, one a position; zeros beyond the class. */
  private void gather(long image, int p, long position, int n, float[] to, int at, int row, Scratch scratch) {
    int pitch = Packing.padded(n);
    float[] planes = scratch.floats(LINES, (long) PANEL * pitch);
    int channels = filters.panelChannels[p];
    for (int i = 0; i < channels; i++) {
      long o = filters.channel(filters.panelClass[p], filters.panelBegin[p] + i);
      dy.read(dy.start + image * dy.stride(0) + o * dy.stride(1) + position, planes, i * pitch, n);
    }
    Arrays.fill(planes, channels * pitch, PANEL * pitch, 0);
    tiles.interleave(planes, pitch, n, to, at, row);
  }

  /** The sums as filters; what is dead becomes zero. */
  private void write(Part part, int[] order, int first, int n, float[] sums, Scratch scratch) {
    float[] line = scratch.floats(LINES, part.to - part.from);
    int row = part.panels() * PANEL;
    for (int p = part.begin; p < part.end; p++) {
      for (int i = 0; i < filters.panelChannels[p]; i++) {
        Arrays.fill(line, 0, part.to - part.from, 0);
        int from = (p - part.begin) * PANEL + i;
        for (int e = 0; e < n; e++) {
          line[order[first + e] - part.from] = sums[from + e * row];
        }
        long o = filters.channel(part.type, filters.panelBegin[p] + i);
        dw.write(line, 0, dw.start + o * shape.depth() + part.from, part.to - part.from);
      }
    }
  }
}
