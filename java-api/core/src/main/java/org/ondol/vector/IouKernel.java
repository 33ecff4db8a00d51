package org.ondol.vector;

import static org.ondol.vector.Packing.ceilDiv;
import static org.ondol.vector.Packing.padded;
import static org.ondol.vector.ScalarOverlaps.area;
import static org.ondol.vector.ScalarOverlaps.ratio;
import static org.ondol.vector.ScalarOverlaps.relu;

import org.ondol.Threads;
import org.ondol.ops.Iou;
import org.ondol.spi.IouArgs;
import org.ondol.spi.IouBackwardArgs;

/**
 * Overlaps of boxes. For all pairs the second list is laid out coordinate by coordinate, and vectors run along it; pairs and
 * their gradients, of which there are few, go one at a time.
 */
final class IouKernel {
  /** Values of a task, about. */
  private static final long TASK = 1 << 14;

  private IouKernel() {}

  static void run(Loops loops, IouArgs args) {
    if (args.paired()) {
      pairs(args);
    } else {
      matrix(loops.overlaps(), args);
    }
  }

  private static void matrix(Overlaps overlaps, IouArgs args) {
    Floats a = Floats.of(args.a());
    Floats out = Floats.of(args.out());
    int m = Math.toIntExact(args.m());
    int stride = padded(m);
    float[] others = columns(Floats.of(args.b()), m, stride, args.pixel());
    long perTask = Math.max(1, TASK / m);
    Threads.pool().run(ceilDiv(args.n(), perTask), (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        float[] boxes = scratch.floats(0, 4 * perTask);
        float[] box = scratch.floats(1, 5);
        float[] rows = scratch.floats(2, perTask * m + stride - m); // a row spills over the next one, which comes later
        for (long task = begin; task < end; task++) {
          long first = task * perTask;
          int count = (int) Math.min(perTask, args.n() - first);
          a.read(a.start + 4 * first, boxes, 0, 4 * count);
          for (int i = 0; i < count; i++) {
            System.arraycopy(boxes, 4 * i, box, 0, 4);
            box[4] = area(box[0], box[1], box[2], box[3], args.pixel());
            overlaps.row(args.kind(), box, others, stride, args.pixel(), rows, i * m, stride);
          }
          out.write(rows, 0, out.start + first * m, count * m);
        }
      }
    });
  }

  /** x1, y1, x2, y2 and areas, each padded with zeros. */
  private static float[] columns(Floats b, int m, int stride, float pixel) {
    float[] to = new float[Math.multiplyExact(5, stride)];
    float[] boxes = new float[Math.multiplyExact(4, m)];
    b.read(b.start, boxes, 0, 4 * m);
    for (int j = 0; j < m; j++) {
      for (int k = 0; k < 4; k++) {
        to[k * stride + j] = boxes[4 * j + k];
      }
      to[4 * stride + j] = area(boxes[4 * j], boxes[4 * j + 1], boxes[4 * j + 2], boxes[4 * j + 3], pixel);
    }
    return to;
  }

  private static void pairs(IouArgs args) {
    Floats a = Floats.of(args.a());
    Floats b = Floats.of(args.b());
    Floats out = Floats.of(args.out());
    Overlaps one = new ScalarOverlaps();
    Threads.pool().run(ceilDiv(args.n(), TASK), (begin, end, thread) -> {
      float[] first = new float[5];
      float[] second = new float[5];
      float[] value = new float[1];
      for (long i = begin * TASK; i < Math.min(end * TASK, args.n()); i++) {
        a.read(a.start + 4 * i, first, 0, 4);
        b.read(b.start + 4 * i, second, 0, 4);
        first[4] = area(first[0], first[1], first[2], first[3], args.pixel());
        second[4] = area(second[0], second[1], second[2], second[3], args.pixel());
        one.row(args.kind(), first, second, 1, args.pixel(), value, 0, 1);
        out.set(out.start + i, value[0]);
      }
    });
  }

  static void backward(IouBackwardArgs args) {
    Floats a = Floats.of(args.a());
    Floats b = Floats.of(args.b());
    Floats dout = Floats.of(args.dout());
    Floats da = Floats.of(args.da());
    Floats db = Floats.of(args.db());
    Threads.pool().run(ceilDiv(args.n(), TASK), (begin, end, thread) -> {
      float[] first = new float[4];
      float[] second = new float[4];
      float[] d = new float[4];
      for (long i = begin * TASK; i < Math.min(end * TASK, args.n()); i++) {
        a.read(a.start + 4 * i, first, 0, 4);
        b.read(b.start + 4 * i, second, 0, 4);
        Pair pair = new Pair(first, second, args.pixel(), args.kind() == Iou.Kind.GIOU, dout.get(dout.start + i));
        pair.corners(first, second, d);
        da.write(d, 0, da.start + 4 * i, 4);
        pair.corners(second, first, d);
        db.write(d, 0, db.start + 4 * i, 4);
      }
    });
  }

  /** What both boxes' gradients share; index 0 is the width, 1 the height. */
  private static final class Pair {
    private final float pixel;
    private final float u;
    private final float[] inner = new float[2];
    private final float[] outer = new float[2];

    Pair(float[] a, float[] b, float pixel, boolean giou, float dy) {
      this.pixel = pixel;
      float[] in = new float[2];
      float[] out = new float[2];
      for (int k = 0; k < 2; k++) {
        in[k] = (Math.min(a[2 + k], b[2 + k]) - Math.max(a[k], b[k])) + pixel;
        out[k] = (Math.max(a[2 + k], b[2 + k]) - Math.min(a[k], b[k])) + pixel;
      }
      float both = relu(in[0]) * relu(in[1]);
      float either = (area(a[0], a[1], a[2], a[3], pixel) + area(b[0], b[1], b[2], b[3], pixel)) - both;
      float q = ratio(dy, either);
      float own = -(q * ratio(both, either));
      float c = 0;
      if (giou) {
        float around = relu(out[0]) * relu(out[1]);
        float r = ratio(dy, around);
        own += r;
        c = -(r * ratio(either, around));
      }
      this.u = own;
      for (int k = 0; k < 2; k++) {
        inner[k] = passed(in[k], (q - own) * relu(in[1 - k]));
        outer[k] = passed(out[k], c * relu(out[1 - k]));
      }
    }

    /** The gradient of the corners of a, whichever of the two boxes it is. */
    void corners(float[] a, float[] b, float[] d) {
      for (int k = 0; k < 2; k++) {
        float other = relu((a[3 - k] - a[1 - k]) + pixel);
        float span = passed((a[2 + k] - a[k]) + pixel, u * other);
        d[k] = -((span + share(b[k], a[k], inner[k])) + share(a[k], b[k], outer[k]));
        d[2 + k] = (span + share(a[2 + k], b[2 + k], inner[k])) + share(b[2 + k], a[2 + k], outer[k]);
      }
    }

    /** d where the extent was not cut. */
    private static float passed(float extent, float d) {
      return extent > 0 ? d : 0;
    }

    /** The part of d, the gradient of min(u, v), that goes to u. */
    private static float share(float u, float v, float d) {
      return u < v ? d : u == v ? 0.5f * d : 0;
    }
  }
}
