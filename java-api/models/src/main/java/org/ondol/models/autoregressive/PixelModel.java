package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Precision;
import org.ondol.ops.Softmax;

/**
 * A model that generates images pixel by pixel: p(x) = prod of p(x_i | x_1 .. x_i-1) with the pixels row by row and,
 * at each pixel, colour after colour (van den Oord, Kalchbrenner and Kavukcuoglu 2016, section 2). A colour of two
 * levels is a Bernoulli variable, one of more levels has a softmax over all of them.
 *
 * <p>Examples are [N, colours · height · width] in the layout [colours, height, width], which for more than one colour
 * is not the order of generation: {@link #order} is.
 */
public abstract class PixelModel implements Autoregressive {
  /** Gives the network's result pixel by pixel, for a batch of images that become known as it goes. */
  interface Stepper extends AutoCloseable {
    /** The result at a pixel, [N, colours · outputs], of the current scope; those of the next colour count. */
    Tensor step(int row, int column);

    /** Sets the next colour of the pixel to what the network reads, for each image. */
    void set(int row, int column, int colour, float[] values);

    @Override
    void close();
  }

  private final Device device;
  private final Canvas canvas;
  final Parameters parameters = new Parameters();

  PixelModel(Device device, Canvas canvas) {
    if (device == null) throw new InvalidArgumentException("device", "null", "a device");
    if (canvas == null) throw new InvalidArgumentException("canvas", "null", "a canvas");
    this.device = device;
    this.canvas = canvas;
  }

  /**
   * The network.
   *
   * @param images [N, colours, height, width], scaled as the canvas says
   * @return [N, colours · outputs, height, width]: the outputs of one colour lie together
   */
  abstract Value network(Tape tape, Value images);

  /** The same network, pixel by pixel, with the same bits. */
  abstract Stepper stepper(int batch);

  /** How many images are best drawn at once. */
  abstract int together();

  public Canvas canvas() {
    return canvas;
  }

  /** The order in which variables are generated: the pixels row by row, at each the colours. */
  public Ordering order() {
    int[] order = new int[canvas.variables()];
    int i = 0;
    for (int r = 0; r < canvas.height(); r++) {
      for (int c = 0; c < canvas.width(); c++) {
        for (int k = 0; k < canvas.colours(); k++) order[i++] = canvas.variable(k, r, c);
      }
    }
    return Ordering.of(order);
  }

  /**
   * The logits of each colour of each pixel.
   *
   * @param x [N, n]
   * @return [N, colours · outputs, height, width], where outputs is 1, the logit of a one, for two levels, and else as
   * many
   *     as there are levels
   */
  public Value logits(Tape tape, Tensor x) {
    check(x);
    float[] values = x.toFloats();
    for (int i = 0; i < values.length; i++) values[i] = canvas.read(values[i]);
    Tensor images = Tensor.of(device, values, x.size(0), canvas.colours(), canvas.height(), canvas.width());
    return network(tape, tape.constant(images));
  }

  /** @throws InvalidArgumentException for more than two levels, if x holds other numbers than 0 to levels - 1 */
  @Override
  public Value logLikelihood(Tape tape, Tensor x) {
    Value logits = logits(tape, x);
    long n = x.size(0);
    if (canvas.levels() == 2) {
      return Losses.bernoulli(logits.reshape(n, variables()), tape.constant(x), Reduction.NONE).sum(1).neg();
    }
    long pixels = (long) canvas.height() * canvas.width();
    Value classes = logits.reshape(n, canvas.colours(), canvas.levels(), pixels);
    Tensor targets = classes(x).reshape(n, canvas.colours(), pixels);
    return Losses.softmax(classes, targets, 2, Reduction.NONE).reshape(n, variables()).sum(1).neg();
  }

  private Tensor classes(Tensor x) {
    float[] values = x.toFloats();
    int[] classes = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      classes[i] = (int) values[i];
      if (classes[i] != values[i] || classes[i] < 0 || classes[i] >= canvas.levels()) {
        throw new InvalidArgumentException("x", "with " + values[i], "whole numbers of 0 to " + (canvas.levels() - 1));
      }
    }
    return Tensor.of(device, classes, x.shape());
  }

  /**
   * Computes what each pixel changes rather than the network for each pixel; the result has the same bits. In another
   * precision than EXACT it is the network for each pixel.
   */
  @Override
  public Tensor complete(Tensor x, boolean[] known, Generator random) {
    check(x, known);
    int n = (int) x.size(0);
    float[] values = x.toFloats();
    float[] uniform;
    try (Scope scope = Scope.open()) {
      uniform = random.uniform(Device.of("java"), 0, 1, x.shape()).toFloats();
    }
    for (int from = 0; from < n; from += together()) {
      int to = Math.min(n, from + together());
      boolean exact = device.precision() == Precision.EXACT;
      try (Stepper stepper = exact ? stepper(to - from) : new Recomputed(this, to - from)) {
        complete(stepper, new Rows(from, to, known, values, uniform));
      }
    }
    return Tensor.of(device, values, x.shape());
  }

  /** Some of the examples on their way: [N, n] each. */
  private record Rows(int from, int to, boolean[] known, float[] values, float[] uniform) {
    /** A variable of each. */
    float[] column(float[] all, int variable) {
      float[] own = new float[to - from];
      for (int i = 0; i < own.length; i++) own[i] = all[(from + i) * known.length + variable];
      return own;
    }

    void draw(Tensor logits, int variable) {
      int[] drawn = PixelModel.draw(logits, column(uniform, variable));
      for (int i = 0; i < drawn.length; i++) values[(from + i) * known.length + variable] = drawn[i];
    }
  }

  private void complete(Stepper stepper, Rows rows) {
    for (int r = 0; r < canvas.height(); r++) {
      for (int c = 0; c < canvas.width(); c++) {
        for (int k = 0; k < canvas.colours(); k++) {
          int v = canvas.variable(k, r, c);
          if (!rows.known[v]) {
            try (Scope scope = Scope.open()) {
              rows.draw(stepper.step(r, c).slice(1, (long) k * canvas.outputs(), (k + 1L) * canvas.outputs()), v);
            }
          }
          float[] read = rows.column(rows.values, v);
          for (int i = 0; i < read.length; i++) read[i] = canvas.read(read[i]);
          stepper.set(r, c, k, read);
        }
      }
    }
  }

  /**
   * Draws a level for each row of logits.
   *
   * @param logits [N, 1] of a one, or [N, levels]
   * @param uniform a number of [0, 1) for each row. A one is drawn where it is below the probability; of more levels the
   *     first one that, with those before it, has more of the sum
   */
  static int[] draw(Tensor logits, float[] uniform) {
    int[] drawn = new int[uniform.length];
    if (logits.size(1) == 1) {
      float[] p = Elementwise.sigmoid(logits).toFloats();
      for (int i = 0; i < p.length; i++) drawn[i] = uniform[i] < p[i] ? 1 : 0;
      return drawn;
    }
    int levels = (int) logits.size(1);
    float[] p = Softmax.softmax(logits, 1).toFloats();
    for (int i = 0; i < drawn.length; i++) {
      double sum = 0;
      for (int l = 0; l < levels; l++) sum += p[i * levels + l];
      double left = uniform[i] * sum;
      int last = 0;
      for (int l = 0; l < levels; l++) {
        float own = p[i * levels + l];
        if (!(own > 0)) continue;
        last = l;
        left -= own;
        if (left < 0) break;
      }
      drawn[i] = last;
    }
    return drawn;
  }

  @Override
  public int variables() {
    return canvas.variables();
  }

  @Override
  public int levels() {
    return canvas.levels();
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public Parameters parameters() {
    return parameters;
  }
}
