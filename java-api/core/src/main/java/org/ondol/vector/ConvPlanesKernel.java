package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Tiles.PANEL;

import java.util.Arrays;
import org.ondol.Threads;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;

/**
 * Depthwise conv with 3 x 3 or 5 x 5 filters at stride 1 or 2: plane by plane, lanes are positions of a row. A plane's rows are
 * copied between borders of zeros; at stride 2 the even and the odd columns apart, so that neighbours in y are neighbours here. The
 * borders are zeroed once a task: planes of a task have them in the same place.
 */
final class ConvPlanesKernel {
  private static final int PATCH_FLOATS = 8 << 10;
  /** Of y in a task: some microseconds. */
  private static final int TASK_FLOATS = 16 << 10;
  private static final int MOST_WIDTH = 4096;
  private static final int MOST_PADDING = 64;

  private static final int PATCH = 1;
  private static final int SUMS = 2;
  private static final int LINES = 3;
  private static final int FILTER = 4;
  private static final int RESIDUAL = 5;

  private final ConvShape shape;
  private final ConvTiles tiles;
  private final ConvEpilogue epilogue;
  private final Floats x;
  private final Floats y;
  private final Floats residual;
  private final Floats weight;
  /** From one filter to the next, and from one of its taps to the next. */
  private final int filterStep;
  private final int tapStep;
  private final int kernel;
  private final int stride;
  /** Floats of a row of the patch's even columns, or of all at stride 1. */
  private final int part;
  /** Rows of y in a band, and of the patch under it. */
  private final int rows;
  private final int patchRows;
  private final long bands;
  private final long planes;

  private ConvPlanesKernel(Loops loops, ConvArgs args) {
    shape = args.shape();
    tiles = loops.convTiles();
    epilogue = new ConvEpilogue(loops, args);
    x = Floats.of(args.x());
    y = Floats.of(args.y());
    residual = Floats.of(args.residual());
    weight = Floats.of(args.packed() != null ? args.packed() : args.weight());
    kernel = (int) shape.kernelH();
    stride = (int) shape.strideH();
    tapStep = args.packed() != null ? PANEL : 1;
    filterStep = kernel * kernel * tapStep;
    part = Packing.padded((int) shape.yWidth() + (stride == 1 ? kernel - 1 : kernel / 2)) + ConvTiles.PLANE_SLACK;
    int most = Math.max(4, PATCH_FLOATS / (stride * stride * part));
    rows = (int) ceilDiv(shape.yHeight(), ceilDiv(shape.yHeight(), most));
    patchRows = (rows - 1) * stride + kernel;
    bands = ceilDiv(shape.yHeight(), rows);
    long all = shape.batch() * shape.groups();
    long each = Math.max(1, TASK_FLOATS / (rows * shape.yWidth()));
    planes = Threads.count() == 1 ? each : Math.clamp(ceilDiv(all, 4L * Threads.count()), 1, each);
  }

  /** Whether a conv is one of these. */
  static boolean suits(ConvArgs a) {
    ConvShape s = a.shape();
    boolean depthwise = a.live() == null && s.groups() == s.xChannels() && s.groups() == s.yChannels();
    boolean kernel = s.kernelH() == s.kernelW() && (s.kernelH() == 3 || s.kernelH() == 5);
    boolean steps = s.strideH() == s.strideW() && s.strideH() <= 2 && s.dilationH() == 1 && s.dilationW() == 1;
    boolean whole = a.beginH() == 0 && a.endH() == s.yHeight() && a.beginW() == 0 && a.endW() == s.yWidth();
    boolean small = s.xWidth() <= MOST_WIDTH && s.yWidth() <= MOST_WIDTH && s.padLeft() <= MOST_PADDING && s.padTop() <= MOST_PADDING;
    return depthwise && kernel && steps && whole && small && s.yWidth() >= 4;
  }

  static void run(Loops loops, ConvArgs args) {
    ConvPlanesKernel kernel = new ConvPlanesKernel(loops, args);
    long all = kernel.shape.batch() * kernel.shape.groups();
    Threads.pool().run(kernel.bands * ceilDiv(all, kernel.planes), (begin, end, thread) -> {
      try (Scratch own = Scratch.borrow()) {
        for (long task = begin; task < end; task++) {
          kernel.task(task, own);
        }
      }
    });
  }

  private void task(long index, Scratch scratch) {
    int first = (int) (index % bands) * rows;
    int height = (int) Math.min(rows, shape.yHeight() - first);
    long begin = index / bands * planes;
    long end = Math.min(begin + planes, shape.batch() * shape.groups());
    int width = (int) shape.yWidth();
    int size = patchRows * stride * part;
    float[] patch = scratch.floats(PATCH, size + ConvTiles.PLANE_SLACK);
    float[] sums = scratch.floats(SUMS, (long) height * width + ConvTiles.PLANE_SLACK);
    float[] filter = scratch.floats(FILTER, kernel * kernel);
    Arrays.fill(patch, 0, size + ConvTiles.PLANE_SLACK, 0);
    for (long plane = begin; plane < end; plane++) {
      long image = plane / shape.groups();
      long channel = plane % shape.groups();
      fill(x.start + image * x.stride(0) + channel * x.stride(1), first, patch, scratch);
      weight.read(weight.start + channel * filterStep, tapStep, filter, 0, kernel * kernel);
      tiles.plane(kernel, stride, height, width, patch, part, filter, sums);
      finish(image, channel, first, height * width, sums, scratch);
    }
  }

  /** Rows of x under a band; what lies outside x stays zero. */
  private void fill(long plane, int first, float[] patch, Scratch scratch) {
    long top = (long) first * stride - shape.padTop();
    int left = (int) shape.padLeft();
    int begin = (int) Math.max(0, -top);
    int end = (int) Math.min(patchRows, shape.xHeight() - top);
    int width = (int) shape.xWidth();
    int columns = Math.min(width, stride * part - left);
    if (end <= begin || columns <= 0) return;
    float[] lines = scratch.floats(LINES, (long) (end - begin) * width);
    x.read(plane + (top + begin) * width, lines, 0, (end - begin) * width);
    for (int r = begin; r < end; r++) {
      int from = (r - begin) * width;
      int to = r * stride * part;
      if (stride == 1) {
        System.arraycopy(lines, from, patch, to + left, columns);
      } else {
        halves(lines, from, columns, patch, to + left / 2 + left % 2 * part, to + (left + 1) / 2 + (left + 1) % 2 * part);
      }
    }
  }

  private static void halves(float[] from, int at, int n, float[] to, int even, int odd) {
    for (int i = 0; i < n / 2; i++) {
      to[even + i] = from[at + 2 * i];
      to[odd + i] = from[at + 2 * i + 1];
    }
    if (n % 2 == 1) to[even + n / 2] = from[at + n - 1];
  }

  private void finish(long image, long channel, int first, int n, float[] sums, Scratch scratch) {
    long at = first * shape.yWidth();
    float[] added = null;
    if (residual != null) {
      added = scratch.floats(RESIDUAL, Packing.padded(n));
      residual.read(residual.start + image * residual.stride(0) + channel * residual.stride(1) + at, added, 0, n);
    }
    epilogue.apply(channel, sums, 0, n, added);
    y.write(sums, 0, y.start + image * y.stride(0) + channel * y.stride(1) + at, n);
  }
}
