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
  /** Positions of a piece: 24 KB of dy a panel. */
  private static final int POSITIONS = 384;
  private static final int ENTRIES = 256;
  private static final int PATCH_FLOATS = 64 << 10;

  private static final int PATCH = 1;
  private static final int DY = 2;
  private static final int CHAIN = 3;
  private static final int SUMS = 4;
  private static final int LINES = 5;

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
    tapOffsets = new int[filters.taps];
    for (int t = 0; t < filters.taps; t++) {
      tapOffsets[t] = patch.offset(t / shape.kernelW() * shape.dilationH(), t % shape.kernelW() * shape.dilationW());
    }
    int taps = filters.taps;
    int channels = Math.max(1, Math.min((int) shape.xGroup(), Math.min(ENTRIES / taps, PATCH_FLOATS / patch.plane)));
    int together = tiles.sideBySide();
    int wanted = Threads.count() == 1 ? 1 : 4 * Threads.count();
    while (count(together) * ceilDiv(shape.xGroup(), channels) < wanted && (channels > 1 || together > 1)) {
      if (channels * taps >= 64 && channels > 1 || together == 1) {
        channels = (int) ceilDiv(channels, 2);
      } else {
        together = 1;
      }
    }
    blocksOfChannel = (int) ceilDiv(taps, ENTRIES);
    entries = channels > 1 ? channels * taps : (int) ceilDiv(taps, blocksOfChannel);
    blocks = (int) (channels > 1 ? ceilDiv(shape.xGroup(), channels) : shape.xGroup() * blocksOfChannel);
    groups = groups(together);
  }

  static void run(Loops loops, ConvWeightArgs args) {
    ConvWeightKernel kernel = new ConvWeightKernel(loops, args);
    Threads.pool().run((long) (kernel.groups.length - 1) * kernel.blocks, (begin, end, thread) -> {
      try (Scratch own = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.task(task, own);
        }
      }
    });
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
    int rounded = (int) ceilDiv(n, tiles.rows()) * tiles.rows();
    int channel = part.from / filters.taps;
    int[] base = new int[rounded];
    for (int e = 0; e < n; e++) {
      int entry = order[first + e];
      base[e] = (entry / filters.taps - channel) * patch.plane + tapOffsets[entry % filters.taps];
    }
    int panelSums = rounded * PANEL;
    float[] sums = scratch.floats(SUMS, (long) part.panels() * panelSums);
    Arrays.fill(sums, 0, part.panels() * panelSums, 0);
    for (long image = 0; image < shape.batch() && n > 0; image++) {
      float[] chain = scratch.floats(CHAIN, (long) part.panels() * panelSums);
      Arrays.fill(chain, 0, part.panels() * panelSums, 0);
      chains(image, part, base, chain, scratch);
      elements.binary(Op.ADD, 0, sums, 0, chain, 0, part.panels() * panelSums);
    }
    write(part, order, first, n, sums, panelSums, scratch);
  }

  private static int lower(int[] order, int entry) {
    int at = Arrays.binarySearch(order, entry);
    return at < 0 ? -at - 1 : at;
  }

  /** One image's chains. */
  private void chains(long image, Part part, int[] base, float[] chain, Scratch scratch) {
    float[] data = scratch.floats(PATCH, patch.floats(1 + (part.to - 1) / filters.taps - part.from / filters.taps));
    int dyPanel = rows * columns * PANEL;
    float[] values = scratch.floats(DY, (long) part.panels() * dyPanel);
    int channel = part.from / filters.taps;
    int channels = 1 + (part.to - 1) / filters.taps - channel;
    long map = x.start + image * x.stride(0) + (filters.group(part.type) * shape.xGroup() + channel) * x.stride(1);
    int[] place = new int[rows * columns];
    for (long r = 0; r < shape.yHeight(); r += rows) {
      for (long j = 0; j < shape.yWidth(); j += columns) {
        int height = (int) Math.min(rows, shape.yHeight() - r);
        int width = (int) Math.min(columns, shape.yWidth() - j);
        patch.fill(x, map, x.stride(1), channels, rowAxis.origin() + r * rowAxis.stride(),
            columnAxis.origin() + j * columnAxis.stride(), shape.xHeight(), shape.xWidth(), data, scratch, LINES);
        for (int i = 0; i < height * width; i++) {
          place[i] = i / width * patch.pitch + i % width;
        }
        for (int p = part.begin; p < part.end; p++) {
          gather(image, p, r * shape.yWidth() + j, height * width, values, (p - part.begin) * dyPanel, scratch);
        }
        for (int e = 0; e < base.length; e += tiles.rows()) {
          tiles.entries(part.panels(), height * width, place, data, base, e, values, 0, dyPanel, chain, e * PANEL,
              base.length * PANEL);
        }
      }
    }
  }

  /** dy of a panel's channels as rows of 16 a position; zeros beyond the class. */
  private void gather(long image, int p, long position, int n, float[] to, int at, Scratch scratch) {
    int pitch = Packing.padded(n);
    float[] planes = scratch.floats(LINES, (long) PANEL * pitch);
    int channels = filters.panelChannels[p];
    for (int i = 0; i < channels; i++) {
      long o = filters.channel(filters.panelClass[p], filters.panelBegin[p] + i);
      dy.read(dy.start + image * dy.stride(0) + o * dy.stride(1) + position, planes, i * pitch, n);
    }
    Arrays.fill(planes, channels * pitch, PANEL * pitch, 0);
    tiles.interleave(planes, pitch, n, to, at);
  }

  /** The sums as filters; what is dead becomes zero. */
  private void write(Part part, int[] order, int first, int n, float[] sums, int panelSums, Scratch scratch) {
    float[] line = scratch.floats(LINES, part.to - part.from);
    for (int p = part.begin; p < part.end; p++) {
      for (int i = 0; i < filters.panelChannels[p]; i++) {
        Arrays.fill(line, 0, part.to - part.from, 0);
        int from = (p - part.begin) * panelSums + i;
        for (int e = 0; e < n; e++) {
          line[order[first + e] - part.from] = sums[from + e * PANEL];
        }
        long o = filters.channel(part.type, filters.panelBegin[p] + i);
        dw.write(line, 0, dw.start + o * shape.depth() + part.from, part.to - part.from);
      }
    }
  }
}
