package org.ondol.vector;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.ops.Activation;
import org.ondol.ops.Elementwise.Op;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * winograd: F(4 x 4, 3 x 3) with the products on {@link Tiles}. A task is a row of tiles of one image: its transformed
 * inputs become quads of tiles, each of the 36 values a left operand of its own, and a panel of filters at a time gives 16
 * channels of all tiles.
 */
final class WinogradKernel {
  private static final int TILE = 4;
  private static final int SIDE = 6;
  private static final int POINTS = SIDE * SIDE;
  private static final int PANEL = Tiles.PANEL;
  private static final int QUAD = Tiles.QUAD;

  private final Loops loops;
  private final ConvArgs args;
  private final ConvShape s;
  private final Floats x;
  private final Floats packed;
  private final Floats y;
  private final Floats bias;
  private final Floats residual;
  private final int tiles;
  private final int quads;
  private final int channels;

  private WinogradKernel(Loops loops, ConvArgs args) {
    this.loops = loops;
    this.args = args;
    s = args.shape();
    x = Floats.of(args.x());
    packed = Floats.of(args.packed());
    y = Floats.of(args.y());
    bias = Floats.of(args.bias());
    residual = Floats.of(args.residual());
    tiles = Math.toIntExact((s.yWidth() + TILE - 1) / TILE);
    quads = (tiles + QUAD - 1) / QUAD;
    channels = (int) s.xChannels();
  }

  static void run(Loops loops, ConvArgs args) {
    WinogradKernel kernel = new WinogradKernel(loops, args);
    long rows = (kernel.s.yHeight() + TILE - 1) / TILE;
    Threads.pool().run(kernel.s.batch() * rows, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.row(task / rows, task % rows * TILE, scratch);
        }
      }
    });
  }

  private void row(long image, long top, Scratch scratch) {
    float[] inputs = scratch.floats(0, (long) POINTS * quads * QUAD * channels);
    for (int c = 0; c < channels; c++) {
      input(image, top, c, inputs, scratch);
    }
    int step = quads * QUAD * PANEL;
    float[] products = scratch.floats(1, (long) POINTS * step);
    long panels = (s.yChannels() + PANEL - 1) / PANEL;
    int depth = channels * PANEL;
    float[] shared = packed.array();
    float[] own = shared == null ? scratch.floats(2, depth) : null;
    for (long p = 0; p < panels; p++) {
      for (int point = 0; point < POINTS; point++) {
        long at = packed.start + (point * panels + p) * depth;
        if (shared == null) packed.read(at, own, 0, depth);
        loops.tiles().quads(inputs, point * quads * QUAD * channels, quads, shared == null ? own : shared,
            shared == null ? 0 : (int) at, channels, products, point * step, PANEL, true);
      }
      output(image, top, p, products, step, scratch);
    }
  }

  /** Transforms one channel of a row of tiles. */
  private void input(long image, long top, int c, float[] inputs, Scratch scratch) {
    int pitch = tiles * TILE + 2;
    float[] rows = scratch.floats(3, (long) SIDE * pitch);
    for (int i = 0; i < SIDE; i++) {
      line(image, c, top + i - s.padTop(), rows, i * pitch, pitch);
    }
    float[] d = scratch.floats(4, 2 * POINTS);
    for (int t = 0; t < tiles; t++) {
      for (int j = 0; j < SIDE; j++) {
        for (int i = 0; i < SIDE; i++) {
          d[i] = rows[i * pitch + t * TILE + j];
        }
        transform(d);
        for (int i = 0; i < SIDE; i++) {
          d[POINTS + i * SIDE + j] = d[i];
        }
      }
      int at = (t / QUAD * channels + c) * QUAD + t % QUAD;
      for (int i = 0; i < SIDE; i++) {
        System.arraycopy(d, POINTS + i * SIDE, d, 0, SIDE);
        transform(d);
        for (int j = 0; j < SIDE; j++) {
          inputs[(i * SIDE + j) * quads * QUAD * channels + at] = d[j];
        }
      }
    }
  }

  /** A padded row of x from the first tile's first column on. */
  private void line(long image, int c, long row, float[] to, int at, int n) {
    long left = -s.padLeft();
    long begin = Math.min(n, Math.max(0, -left));
    long end = row < 0 || row >= s.xHeight() ? begin : Math.max(begin, Math.min(n, s.xWidth() - left));
    Arrays.fill(to, at, at + n, 0);
    if (end > begin) {
      long from = x.start + image * x.stride(0) + c * x.stride(1) + row * s.xWidth() + left + begin;
      x.read(from, to, at + (int) begin, (int) (end - begin));
    }
  }

  private static void transform(float[] d) {
    float p = Math.fma(-4f, d[2], d[4]);
    float q = Math.fma(-4f, d[1], d[3]);
    float r = d[4] - d[2];
    float t = (d[3] - d[1]) * 2f;
    d[0] = Math.fma(4f, d[0], Math.fma(-5f, d[2], d[4]));
    d[5] = Math.fma(4f, d[1], Math.fma(-5f, d[3], d[5]));
    d[1] = p + q;
    d[2] = p - q;
    d[3] = r + t;
    d[4] = r - t;
  }

  /** 16 channels of a row of tiles: back from the 36 products and into y. */
  private void output(long image, long top, long panel, float[] products, int step, Scratch scratch) {
    int count = (int) Math.min(PANEL, s.yChannels() - panel * PANEL);
    int width = (tiles * TILE + 15) & -16;
    float[] lines = scratch.floats(5, (long) TILE * width);
    float[] m = scratch.floats(6, 64);
    for (int l = 0; l < count; l++) {
      for (int t = 0; t < tiles; t++) {
        for (int j = 0; j < SIDE; j++) {
          for (int i = 0; i < SIDE; i++) {
            m[i] = products[(i * SIDE + j) * step + t * PANEL + l];
          }
          reduce(m);
          for (int i = 0; i < TILE; i++) {
            m[8 + i * SIDE + j] = m[i];
          }
        }
        for (int i = 0; i < TILE; i++) {
          System.arraycopy(m, 8 + i * SIDE, m, 0, SIDE);
          reduce(m);
          System.arraycopy(m, 0, lines, i * width + t * TILE, TILE);
        }
      }
      for (int i = 0; i < TILE && top + i < s.yHeight(); i++) {
        store(image, panel * PANEL + l, top + i, lines, i * width, width, scratch);
      }
    }
  }

  private static void reduce(float[] m) {
    float s1 = m[1] + m[2];
    float d1 = m[1] - m[2];
    float s2 = m[3] + m[4];
    float d2 = m[3] - m[4];
    m[0] = (m[0] + s1) + s2;
    m[1] = Math.fma(2f, d2, d1);
    m[2] = Math.fma(4f, s2, s1);
    m[3] = Math.fma(8f, d2, d1) + m[5];
  }

  private void store(long image, long channel, long row, float[] line, int at, int n, Scratch scratch) {
    Elements e = loops.elements();
    int width = (int) s.yWidth();
    if (bias != null) {
      e.unary(Op.SHIFT, bias.get(bias.start + channel), line, at, n);
    }
    if (residual != null) {
      float[] added = scratch.floats(7, n);
      residual.read(residual.start + image * residual.stride(0) + channel * residual.stride(1) + row * width, added, 0, width);
      e.binary(Op.ADD, 0, line, at, added, 0, n);
    }
    if (args.activation() == Activation.RELU && args.slope() != 0) {
      for (int i = at; i < at + width; i++) {
        line[i] = line[i] < 0 ? line[i] * args.slope() : line[i];
      }
    } else if (args.activation() != Activation.NONE) {
      e.unary(Op.valueOf(args.activation().name()), 0, line, at, n);
    }
    y.write(line, at, y.start + image * y.stride(0) + channel * y.stride(1) + row * width, width);
  }
}
