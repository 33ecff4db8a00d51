package org.ondol.vector;

import static org.ondol.vector.WinogradLoops.HALF;
import static org.ondol.vector.WinogradLoops.SLACK;
import static org.ondol.vector.WinogradLoops.TILE;

import java.util.Arrays;
import java.util.List;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * The transform of x: a channel's lines are dealt out to the grid of {@link WinogradLoops}, which its tiles are read
 * from.
 */
final class WinogradInput {
  /** Scratch arrays. */
  private static final int LINES = 8;
  private static final int GRID = 9;
  private static final int HALVES = 10;

  private final WinogradLoops loops;
  private final ConvShape s;
  private final Floats x;

  WinogradInput(WinogradLoops loops, ConvArgs args) {
    this.loops = loops;
    s = args.shape();
    x = Floats.of(args.x());
  }

  /** The lines and columns of x under a piece: their number, the first one, and which of them x has. */
  private record Window(int lines, long top, int lineBegin, int lineEnd, long left, int begin, int end) {
    static Window of(WinogradPlan.Piece piece, ConvShape s) {
      int lines = piece.rows() * TILE + 2;
      int columns = piece.tiles() * TILE + 2;
      long top = (long) piece.row() * TILE - s.padTop();
      long left = (long) piece.first() * TILE - s.padLeft();
      int lineBegin = (int) Math.clamp(-top, 0, lines);
      int begin = (int) Math.clamp(-left, 0, columns);
      return new Window(lines, top, lineBegin, (int) Math.clamp(s.xHeight() - top, lineBegin, lines), left, begin,
          (int) Math.clamp(s.xWidth() - left, begin, columns));
    }

    int width() {
      return end - begin;
    }
  }

  /**
   * All channels of a block: value p of its tile i and channel c goes to {@code to[p * point + c * pitch + i]}. Whole
   * vectors are written, whose last lanes are written over by what follows: tile after tile of a channel, then the
   * next channel.
   */
  void transform(List<WinogradPlan.Piece> pieces, int pitch, int point, float[] to, Scratch scratch) {
    Window[] windows = new Window[pieces.size()];
    for (int i = 0; i < windows.length; i++) {
      windows[i] = Window.of(pieces.get(i), s);
    }
    float[] half = scratch.floats(HALVES, HALF);
    for (int c = 0; c < s.xChannels(); c++) {
      for (int i = 0; i < windows.length; i++) {
        channel(pieces.get(i), windows[i], c, to, c * pitch + pieces.get(i).at(), point, half, scratch);
      }
    }
  }

  private void channel(WinogradPlan.Piece piece, Window w, int c, float[] to, int at, int point, float[] half,
      Scratch scratch) {
    int cells = piece.tiles() + 1;
    int part = (piece.rows() + 1) * cells + SLACK;
    float[] lines = scratch.floats(LINES, 4L * SLACK + (long) (w.lineEnd - w.lineBegin) * w.width());
    float[] grid = scratch.floats(GRID, 16L * part + SLACK);
    read(piece.image(), c, w, lines);
    deal(w, lines, grid, part, cells);
    for (int r = 0; r < piece.rows(); r++) {
      loops.input(grid, r * cells, part, cells, piece.tiles(), to, at + r * piece.tiles(), point, half);
    }
  }

  /** What x has of a window, line after line behind some slack. */
  private void read(long image, int c, Window w, float[] to) {
    int width = w.width();
    int lines = w.lineEnd - w.lineBegin;
    long from = x.start + image * x.stride(0) + c * x.stride(1) + (w.top + w.lineBegin) * s.xWidth() + w.left + w.begin;
    boolean whole = width == s.xWidth();
    for (int r = 0; r < (whole ? Math.min(1, lines) : lines); r++) {
      x.read(from + r * s.xWidth(), to, SLACK + r * width, whole ? lines * width : width);
    }
  }

  private void deal(Window w, float[] lines, float[] grid, int part, int cells) {
    int first = w.begin / TILE;
    int last = Math.min(cells, (w.end + TILE - 1) / TILE);
    for (int r = 0; r < w.lines; r++) {
      int at = r % TILE * TILE * part + r / TILE * cells;
      if (r < w.lineBegin || r >= w.lineEnd || w.begin == w.end) {
        zero(grid, at, part, 0, cells);
        continue;
      }
      int from = SLACK + (r - w.lineBegin) * w.width() + first * TILE - w.begin;
      loops.deal(lines, from, last - first, grid, at + first, part);
      zero(grid, at, part, 0, first);
      zero(grid, at, part, last, cells);
      for (int j = first * TILE; j < w.begin; j++) {
        grid[at + j % TILE * part + j / TILE] = 0;
      }
      for (int j = w.end; j < last * TILE; j++) {
        grid[at + j % TILE * part + j / TILE] = 0;
      }
    }
  }

  private static void zero(float[] grid, int at, int part, int begin, int end) {
    if (begin == end) return;
    for (int j = 0; j < TILE; j++) {
      Arrays.fill(grid, at + j * part + begin, at + j * part + end, 0);
    }
  }
}
