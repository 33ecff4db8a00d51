package org.ondol.models.latent;

import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Layout;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Chain;
import org.ondol.models.layers.Statistics;
import org.ondol.ops.ConvGeometry;

/**
 * The deep convolutional GAN (A. Radford, L. Metz and S. Chintala, Unsupervised Representation Learning with Deep
 * Convolutional Generative Adversarial Networks, ICLR 2016):
 *
 * <pre>
 * G: h = relu(bn(z W)) as maps;  h = relu(bn(deconv(h))) ...;  tanh(deconv(h))
 * D: h = lrelu(conv(x));  h = lrelu(bn(conv(h))) ...;  sigmoid(h V)
 * </pre>
 *
 * with filters of 5 x 5 that double or halve the maps, slope 0.2, weights from N(0, 0.02²) and no biases. Each halving
 * doubles the channels. The paper's nets for faces and rooms have four halvings and no dense layer between maps and code
 * or logit. Digits of 28 x 28 have room for two, after which a unit sees 13 x 13 pixels: a dense layer of hidden units,
 * relu(bn(z W)) before G's maps and lrelu(bn(h V)) behind D's, lets both look at a digit as a whole. (X. Chen et al.,
 * InfoGAN, NIPS 2016, table 1 of the appendix, sets such nets for MNIST, with 1,024 units.)
 *
 * <p>Pictures are [N, C, H, W].
 */
public final class Dcgan implements Adversaries {
  private static final int KERNEL = 5;
  private static final double SLOPE = 0.2;
  private static final ConvGeometry HALF = ConvGeometry.UNIT.stride(2).padding(2);

  /**
   * Sizes.
   *
   * @param channels of pictures
   * @param side of pictures, a multiple of 2^levels
   * @param levels how often they are halved
   * @param width channels of the maps of half the size
   * @param hidden units of the dense layers; 0 for none, as in the paper
   * @param eps of batch norm
   */
  public record Sizes(int channels, int side, int levels, int width, int hidden, int codes, double eps) {
    public Sizes {
      atLeastOne("channels", channels);
      atLeastOne("side", side);
      atLeastOne("width", width);
      atLeastOne("codes", codes);
      if (hidden < 0) throw new InvalidArgumentException("hidden", hidden, "at least 0");
      if (levels < 1 || levels > 10) throw new InvalidArgumentException("levels", levels, "1 to 10");
      if (side % (1 << levels) != 0) throw new InvalidArgumentException("side", side, "a multiple of " + (1 << levels));
    }

    private static void atLeastOne(String name, int value) {
      if (value < 1) throw new InvalidArgumentException(name, value, "at least 1");
    }

    /** Channels after so many halvings. */
    private long channels(int level) {
      return level == 0 ? channels : (long) width << level - 1;
    }

    /** The side of the smallest maps. */
    private long least() {
      return side >> levels;
    }
  }

  private final Parameters parameters = new Parameters();
  private final Device device;
  private final Sizes sizes;
  private final Chain generator;
  private final Chain discriminator;

  /** First values. */
  public Dcgan(Device device, Sizes sizes, Generator random) {
    this.device = device;
    this.sizes = sizes;
    generator = generator(random);
    discriminator = discriminator(random);
  }

  private static Initializer weights(Layout layout) {
    return Initializer.normal(0, 0.02);
  }

  private Chain generator(Generator random) {
    long least = sizes.least();
    long top = sizes.channels(sizes.levels);
    Chain chain = new Chain(parameters, GENERATOR, device, random, Dcgan::weights);
    if (sizes.hidden > 0) {
      chain.linear("hidden", sizes.codes, sizes.hidden, false).batchNorm("bnhidden", sizes.hidden, sizes.eps, true);
    }
    chain.linear("fc", sizes.hidden > 0 ? sizes.hidden : sizes.codes, top * least * least, false)
        .batchNorm("bn0", top * least * least, sizes.eps, true)
        .maps(top, least, least);
    for (int level = sizes.levels; level > 0; level--) {
      int number = sizes.levels - level + 1;
      chain.deconv("deconv" + number, sizes.channels(level), sizes.channels(level - 1), KERNEL, HALF, 1, false);
      if (level > 1) chain.batchNorm("bn" + number, sizes.channels(level - 1), sizes.eps, true);
    }
    return chain.apply(Value::tanh);
  }

  private Chain discriminator(Generator random) {
    long least = sizes.least();
    long top = sizes.channels(sizes.levels);
    Chain chain = new Chain(parameters, DISCRIMINATOR, device, random, Dcgan::weights);
    for (int level = 1; level <= sizes.levels; level++) {
      chain.conv("conv" + level, sizes.channels(level - 1), sizes.channels(level), KERNEL, HALF, false);
      if (level > 1) chain.batchNorm("bn" + level, sizes.channels(level), sizes.eps, false);
      chain.apply(x -> x.leakyRelu(SLOPE));
    }
    chain.rows(top * least * least);
    if (sizes.hidden == 0) return chain.linear("fc", top * least * least, 1, false);
    return chain.linear("hidden", top * least * least, sizes.hidden, false)
        .batchNorm("bnhidden", sizes.hidden, sizes.eps, false)
        .apply(x -> x.leakyRelu(SLOPE))
        .linear("fc", sizes.hidden, 1, false);
  }

  @Override
  public Value generate(Tape tape, Value z, Statistics statistics) {
    return generator.forward(tape, z, statistics);
  }

  @Override
  public Value judge(Tape tape, Value x, Statistics statistics) {
    return discriminator.forward(tape, x, statistics);
  }

  public Sizes sizes() {
    return sizes;
  }

  @Override
  public int codes() {
    return sizes.codes;
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
