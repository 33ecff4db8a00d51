package org.ondol.models.latent;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Chain;
import org.ondol.ops.Elementwise;

/**
 * The autoencoder (G. Hinton and R. Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science
 * 2006), whose codes are real numbers:
 *
 * <pre>
 * z = encoder(x)    loss = the cross-entropy of x and sigmoid(decoder(z)), summed over pixels
 * </pre>
 *
 * <p>It is no generative model: nothing in its loss says where codes lie, so decoding random ones gives no pictures of
 * the kind that it was trained with. {@link Vae} adds what is missing.
 *
 * <p>Pictures are rows [N, pixels] of 0 to 1.
 */
public final class Autoencoder implements AutoCloseable {
  private final Parameters parameters;
  private final Device device;
  private final long pixels;
  private final int latents;
  private final Chain encoder;
  private final Chain code;
  private final Chain decoder;

  private Autoencoder(Coders.Site site, long pixels, int latents, Coders coders) {
    parameters = site.parameters();
    device = site.device();
    this.pixels = pixels;
    this.latents = latents;
    encoder = coders.encoder();
    decoder = coders.decoder();
    code = site.chain("code", false).linear("linear", coders.features(), latents);
  }

  /**
   * Fully connected.
   *
   * @param layers of relus in encoder and decoder
   * @param random for first values
   */
  public static Autoencoder dense(Device device, long pixels, int layers, int hidden, int latents, Generator random) {
    Coders.Site site = new Coders.Site(new Parameters(), device, random);
    Coders coders = Coders.dense(site, pixels, layers, hidden, latents, Value::relu, true);
    return new Autoencoder(site, pixels, latents, coders);
  }

  /**
   * Convolutions down and transposed convolutions up.
   *
   * @param picture channels, rows and columns, the latter two multiples of 4
   * @param width channels of the maps of half the size
   */
  public static Autoencoder conv(Device device, long[] picture, int width, int hidden, int latents, Generator random) {
    Coders.Site site = new Coders.Site(new Parameters(), device, random);
    Coders coders = Coders.conv(site, picture, width, hidden, latents);
    return new Autoencoder(site, picture[0] * picture[1] * picture[2], latents, coders);
  }

  /** Codes [N, latents] of pictures. */
  public Value encode(Tape tape, Tensor x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a tensor");
    if (x.rank() != 2 || x.size(1) != pixels) {
      throw new ShapeException("x", Arrays.toString(x.shape()), "[N, " + pixels + "]");
    }
    return code.forward(tape, encoder.forward(tape, tape.constant(x)));
  }

  /** The logits of pixels for codes. */
  public Value decode(Tape tape, Value z) {
    return decoder.forward(tape, z);
  }

  /** The loss of each picture in nats, [N]. */
  public Value loss(Tape tape, Tensor x) {
    return Losses.bernoulli(decode(tape, encode(tape, x)), tape.constant(x), Reduction.NONE).sum(-1);
  }

  /** The pixels [N, pixels] for codes [N, latents]. */
  public Tensor pictures(Tensor codes) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(Elementwise.sigmoid(tape.frozen(() -> decode(tape, tape.constant(codes))).tensor()));
    }
  }

  /** Pictures after coding and decoding, [N, pixels]. */
  public Tensor reconstruct(Tensor x) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(pictures(tape.frozen(() -> encode(tape, x)).tensor()));
    }
  }

  public Device device() {
    return device;
  }

  public int latents() {
    return latents;
  }

  public Parameters parameters() {
    return parameters;
  }

  /** Frees the parameters. */
  @Override
  public void close() {
    parameters.close();
  }
}
