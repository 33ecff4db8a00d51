package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.WinogradLoops.HALF;
import static org.ondol.vector.WinogradLoops.POINTS;
import static org.ondol.vector.WinogradLoops.SLACK;
import static org.ondol.vector.WinogradLoops.TILE;

import java.util.Arrays;
import java.util.List;
import org.ondol.Threads;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * winograd: F(4 x 4, 3 x 3) with the products on {@link ConvTiles#channels}. A task is some rows of tiles and some
 * panels of output channels: it transforms the inputs of its tiles, and for a few panels at a time computes all 36
 * products of all tiles, so that filters are read once a task, and transforms these into y.
 */
final class WinogradKernel {
  /** Scratch arrays of a task. */
  private static final int INPUTS = 0;
  private static final int SUMS = 1;
  private static final int FILTERS = 2;
  private static final int RESULTS = 3;
  private static final int PLANES = 4;
  private static final int RESIDUAL = 5;
  private static final int HALVES = 6;
  private static final int SQUARE = 7;

  private final Loops loops;
  private final ConvArgs args;
  private final ConvShape s;
  private final Floats packed;
  private final Floats y;
  private final Floats residual;
  private final ConvEpilogue epilogue;
  private final WinogradPlan plan;
  private final WinogradInput input;
  private final int channels;
  private final int panels;

  private WinogradKernel(Loops loops, ConvArgs args) {
    this.loops = loops;
    this.args = args;
    s = args.shape();
    packed = Floats.of(args.packed());
    y = Floats.of(args.y());
    residual = Floats.of(args.residual());
    epilogue = new ConvEpilogue(loops, args);
    plan = WinogradPlan.of(s, Threads.pool().available());
    input = new WinogradInput(loops.winograd(), args);
    channels = (int) s.xChannels();
    panels = (int) ceilDiv(s.yChannels(), PANEL);
  }

  static void run(Loops loops, ConvArgs args) {
    if (args.shape().batch() == 0) return;
    WinogradKernel kernel = new WinogradKernel(loops, args);
    WinogradPlan plan = kernel.plan;
    Threads.pool().run(plan.blocks() * plan.groups(), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.task(task / plan.groups(), (int) (task % plan.groups()), scratch);
        }
      }
    });
  }

  private void task(long block, int group, Scratch scratch) {
    List<WinogradPlan.Piece> pieces = plan.pieces(block);
    int tiles = pieces.getLast().end();
    int pitch = tiles;
    int point = oddLines((long) channels * pitch + 2 * SLACK);
    float[] inputs = scratch.floats(INPUTS, (long) POINTS * point);
    input.transform(pieces, pitch, point, inputs, scratch);
    int[] offsets = scratch.ints(0, channels);
    for (int c = 0; c < channels; c++) {
      offsets[c] = c * pitch;
    }
    int sums = loops.convTiles().padded(tiles) * PANEL;
    int sumsPoint = oddLines((long) loops.convTiles().sideBySide() * sums);
    float[] products = scratch.floats(SUMS, (long) POINTS * sumsPoint);
    int end = panels * (group + 1) / plan.groups();
    int count;
    for (int p = panels * group / plan.groups(); p < end; p += count) {
      count = Math.min(loops.convTiles().sideBySide(), end - p);
      for (int i = 0; i < POINTS; i++) {
        multiply(i, p, count, inputs, i * point, tiles, offsets, products, i * sumsPoint, sums, scratch);
      }
      for (int i = 0; i < count; i++) {
        for (WinogradPlan.Piece piece : pieces) {
          output(piece, p + i, products, i * sums + piece.at() * PANEL, sumsPoint, scratch);
        }
      }
    }
  }

  /** Neighbouring points do not compete for the same sets of a cache. */
  private static int oddLines(long floats) {
    return Math.toIntExact((ceilDiv(floats, 16) | 1) * 16);
  }

  /** The products of one point for some panels from p on. */
  private void multiply(int i, int p, int count, float[] inputs, int at, int tiles, int[] offsets, float[] products,
      int to, int sums, Scratch scratch) {
    int depth = channels * PANEL;
    long from = packed.start + ((long) i * panels + p) * depth;
    float[] filters = packed.array();
    if (filters == null) {
      filters = scratch.floats(FILTERS, (long) count * depth);
      packed.read(from, filters, 0, count * depth);
      from = 0;
    }
    Arrays.fill(products, to, to + count * sums, 0);
    loops.convTiles().channels(tiles, count, 0, channels, offsets, inputs, at, filters, (int) from, depth, products, to,
        sums);
  }

  /** A panel of a piece: back from the 36 products, which lie {@code point} apart, and into y. */
  private void output(WinogradPlan.Piece piece, int panel, float[] products, int at, int point, Scratch scratch) {
    int left = piece.first() * TILE;
    int width = (int) Math.min(piece.tiles() * TILE, s.yWidth() - left);
    float[] results = scratch.floats(RESULTS, ((long) piece.rows() * TILE * width + TILE) * PANEL);
    float[] half = scratch.floats(HALVES, HALF);
    for (int r = 0; r < piece.rows(); r++) {
      loops.winograd().output(products, at + r * piece.tiles() * PANEL, point, piece.tiles(), results,
          r * TILE * width * PANEL, width, half);
    }
    long top = (long) piece.row() * TILE;
    int lines = (int) Math.min(piece.rows() * TILE, s.yHeight() - top);
    int positions = lines * width;
    int pitch = oddLines(positions);
    float[] planes = scratch.floats(PLANES, (long) PANEL * pitch + SLACK);
    loops.turns().turn(results, 0, PANEL, positions, PANEL, planes, 0, pitch, scratch.floats(SQUARE, Turns.SQUARE));
    int count = (int) Math.min(PANEL, s.yChannels() - (long) panel * PANEL);
    for (int i = 0; i < count; i++) {
      store(piece.image(), (long) panel * PANEL + i, top * s.yWidth() + left, lines, width, planes, i * pitch, scratch);
    }
  }

  /** Lines of one channel of y from a place in it on. */
  private void store(long image, long channel, long place, int lines, int width, float[] plane, int at,
      Scratch scratch) {
    boolean whole = width == s.yWidth();
    int runs = whole ? 1 : lines;
    int n = whole ? lines * width : width;
    float[] added = null;
    if (residual != null) {
      added = scratch.floats(RESIDUAL, Packing.padded(lines * width));
      long from = residual.start + image * residual.stride(0) + channel * residual.stride(1) + place;
      for (int r = 0; r < runs; r++) {
        residual.read(from + r * s.yWidth(), added, r * width, n);
      }
    }
    epilogue.apply(channel, plane, at, lines * width, added);
    long to = y.start + image * y.stride(0) + channel * y.stride(1) + place;
    for (int r = 0; r < runs; r++) {
      y.write(plane, at + r * width, to + r * s.yWidth(), n);
    }
  }
}
