package org.ondol.models.latent;

import java.util.function.UnaryOperator;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Parameters;
import org.ondol.grad.Value;
import org.ondol.models.layers.Chain;
import org.ondol.ops.ConvGeometry;

/**
 * A way from pictures to features and one from codes to pictures, of the same kind.
 *
 * @param encoder from rows [N, pixels] to [N, features]
 * @param decoder from codes [N, latents] to the logits of pixels [N, pixels]
 */
record Coders(Chain encoder, long features, Chain decoder) {
  private static final ConvGeometry HALF = ConvGeometry.UNIT.stride(2).padding(1);

  /** What all makers need. */
  record Site(Parameters parameters, Device device, Generator random) {
    Chain chain(String name, boolean relu) {
      return new Chain(parameters, name, device, random, layout ->
          relu ? Initializer.heUniform(layout, Fan.IN, 0) : Initializer.xavierUniform(layout, 1));
    }
  }

  /**
   * Fully connected layers.
   *
   * @param layers of hidden units on each side
   * @param activation after each of them, {@code Value::tanh} for instance
   * @param relu whether that is a relu
   */
  static Coders dense(Site site, long pixels, int layers, long hidden, long latents, UnaryOperator<Value> activation,
      boolean relu) {
    if (layers < 1) throw new InvalidArgumentException("layers", layers, "at least 1");
    Chain encoder = site.chain("encoder", relu);
    Chain decoder = site.chain("decoder", relu);
    for (int i = 1; i <= layers; i++) {
      encoder.linear("hidden" + i, i == 1 ? pixels : hidden, hidden).apply(activation);
    }
    for (int i = 1; i <= layers; i++) {
      decoder.linear("hidden" + i, i == 1 ? latents : hidden, hidden).apply(activation);
    }
    return new Coders(encoder, hidden, decoder.linear("pixels", hidden, pixels));
  }

  /**
   * Two convolutions that halve a picture, and two transposed ones that double it.
   *
   * @param picture channels, rows and columns, the latter two multiples of 4
   * @param width channels of the larger maps; the smaller ones have twice as many
   */
  static Coders conv(Site site, long[] picture, long width, long hidden, long latents) {
    long c = picture[0];
    long rows = picture[1] / 4;
    long columns = picture[2] / 4;
    if (picture[1] % 4 != 0 || picture[2] % 4 != 0) {
      throw new InvalidArgumentException("picture", "of " + picture[1] + " x " + picture[2], "multiples of 4");
    }
    long small = 2 * width * rows * columns;
    Chain encoder = site.chain("encoder", true).maps(c, picture[1], picture[2])
        .conv("conv1", c, width, 4, HALF, true).apply(Value::relu)
        .conv("conv2", width, 2 * width, 4, HALF, true).apply(Value::relu)
        .rows(small).linear("hidden", small, hidden).apply(Value::relu);
    Chain decoder = site.chain("decoder", true)
        .linear("hidden", latents, small).apply(Value::relu).maps(2 * width, rows, columns)
        .deconv("deconv1", 2 * width, width, 4, HALF, 0, true).apply(Value::relu)
        .deconv("deconv2", width, c, 4, HALF, 0, true).rows(c * picture[1] * picture[2]);
    return new Coders(encoder, hidden, decoder);
  }
}
