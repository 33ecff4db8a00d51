package org.ondol.models.latent;

import java.util.Arrays;
import java.util.function.UnaryOperator;
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
import org.ondol.ops.Reduce;

/**
 * The variational autoencoder (D. Kingma and M. Welling, Auto-Encoding Variational Bayes, ICLR 2014) of pixels in 0 to
 * 1:
 *
 * <pre>
 * p(z) = N(0, I)    p(x | z) = Bernoulli(sigmoid(decoder(z)))    q(z | x) = N(m(x), diag exp s(x))
 * z = m(x) + exp(s(x) / 2) eps,  eps from N(0, I)                                    (the reparameterisation)
 * ln p(x) >= E_q ln p(x | z) - KL(q(z | x) || p(z))                                  (reconstruction, prior fitting)
 * ln p(x) >= E ln 1/k sum over i of p(x, z_i) / q(z_i | x)                           (Burda et al., ICLR 2016)
 * </pre>
 *
 * The second bound, importance weighted, rises to ln p(x) with k; for k = 1 it is one draw of the first.
 *
 * <p>Pictures are rows [N, pixels].
 */
public final class Vae implements AutoCloseable {
  /** q(z | x): mean and logarithm of the variance, [N, latents]. */
  public record Posterior(Value mean, Value logVariance) {}

  /**
   * The bound's two terms for each picture, [N], in nats.
   *
   * @param reconstruction -ln p(x | z) for one z
   * @param divergence KL(q(z | x) || p(z)), exact
   */
  public record Terms(Value reconstruction, Value divergence) {
    /** Minus the bound, averaged over the pictures, with so much of the divergence. A value of rank 0. */
    public Value loss(double share) {
      return reconstruction.add(divergence.scale(share)).mean();
    }
  }

  private final Parameters parameters;
  private final Device device;
  private final long pixels;
  private final int latents;
  private final Chain encoder;
  private final Chain mean;
  private final Chain logVariance;
  private final Chain decoder;

  private Vae(Coders.Site site, long pixels, int latents, Coders coders) {
    parameters = site.parameters();
    device = site.device();
    this.pixels = pixels;
    this.latents = latents;
    encoder = coders.encoder();
    decoder = coders.decoder();
    mean = site.chain("posterior", false).linear("mean", coders.features(), latents);
    logVariance = site.chain("posterior", false).linear("variance", coders.features(), latents);
  }

  /**
   * Fully connected, as in the paper.
   *
   * @param layers of hidden units in encoder and decoder
   * @param relu whether hidden units are relus, else tanh
   * @param random for first values
   */
  public static Vae dense(Device device, long pixels, int layers, int hidden, int latents, boolean relu,
      Generator random) {
    Coders.Site site = new Coders.Site(new Parameters(), device, random);
    UnaryOperator<Value> activation = relu ? Value::relu : Value::tanh;
    return new Vae(site, pixels, latents, Coders.dense(site, pixels, layers, hidden, latents, activation, relu));
  }

  /**
   * Convolutions down and transposed convolutions up.
   *
   * @param picture channels, rows and columns, the latter two multiples of 4
   * @param width channels of the maps of half the size
   */
  public static Vae conv(Device device, long[] picture, int width, int hidden, int latents, Generator random) {
    Coders.Site site = new Coders.Site(new Parameters(), device, random);
    Coders coders = Coders.conv(site, picture, width, hidden, latents);
    return new Vae(site, picture[0] * picture[1] * picture[2], latents, coders);
  }

  /** q(z | x) for pictures. */
  public Posterior encode(Tape tape, Tensor x) {
    if (x == null) throw new InvalidArgumentException("x", "null", "a tensor");
    if (x.rank() != 2 || x.size(1) != pixels) {
      throw new ShapeException("x", Arrays.toString(x.shape()), "[N, " + pixels + "]");
    }
    Value h = encoder.forward(tape, tape.constant(x));
    return new Posterior(mean.forward(tape, h), logVariance.forward(tape, h));
  }

  /** The logits of pixels [N, pixels] for codes [N, latents]. */
  public Value decode(Tape tape, Value z) {
    if (z.rank() != 2 || z.size(1) != latents) {
      throw new ShapeException("z", Arrays.toString(z.shape()), "[N, " + latents + "]");
    }
    return decoder.forward(tape, z);
  }

  /** Codes from q(z | x), one for each row of eps [N, latents] or [k, N, latents]. */
  private static Value draw(Posterior q, Value eps) {
    return q.logVariance().scale(0.5).exp().mul(eps).add(q.mean());
  }

  /**
   * The evidence lower bound.
   *
   * @param x [N, pixels]
   */
  public Terms bound(Tape tape, Tensor x) {
    try (Tensor eps = tape.generator().normal(device, 0, 1, x.size(0), latents)) {
      return bound(tape, x, eps);
    }
  }

  /** The same with given noise [N, latents]. */
  public Terms bound(Tape tape, Tensor x, Tensor eps) {
    Posterior q = encode(tape, x);
    Value logits = decode(tape, draw(q, tape.constant(eps)));
    return new Terms(Losses.bernoulli(logits, tape.constant(x), Reduction.NONE).sum(-1),
        Losses.gaussianKl(q.mean(), q.logVariance(), Reduction.NONE).sum(-1));
  }

  /**
   * ln p(x, z) - ln q(z | x) for k codes of each picture, [k, N].
   *
   * @param x [N, pixels]
   */
  public Value logWeights(Tape tape, Tensor x, int k) {
    if (k < 1) throw new InvalidArgumentException("k", k, "at least 1");
    return logWeights(tape, x, encode(tape, x), k);
  }

  private Value logWeights(Tape tape, Tensor x, Posterior q, int k) {
    long n = x.size(0);
    try (Scope scope = Scope.open()) {
      Value eps = tape.constant(tape.generator().normal(device, 0, 1, k, n, latents));
      Value z = draw(q, eps);
      Value logits = decode(tape, z.reshape(k * n, latents)).reshape(k, n, pixels);
      Value likelihood = Losses.bernoulli(logits, tape.constant(x.expand(k, n, pixels)), Reduction.NONE).sum(-1).neg();
      // ln p(z) - ln q(z | x) = (|eps|² - |z|² + the sum of s) / 2: the constants are the same.
      Value prior = eps.square().sub(z.square()).add(q.logVariance()).sum(-1).scale(0.5);
      return likelihood.add(prior);
    }
  }

  /**
   * The importance-weighted bound of k samples for each picture, [N], in nats.
   *
   * @param x [N, pixels]
   */
  public Value importanceBound(Tape tape, Tensor x, int k) {
    Value w = logWeights(tape, x, k);
    Value top = w.reduce(Reduce.Op.MAX, 0, true).detach();
    return w.sub(top).exp().mean(0).log().add(top.squeeze(0));
  }

  /**
   * The same without a gradient, for many samples: weights are added up in double. [N]
   *
   * @param rows codes that are decoded at once
   */
  public double[] importanceBound(Tensor x, int k, int rows, Generator random) {
    if (k < 1) throw new InvalidArgumentException("k", k, "at least 1");
    if (rows < 1) throw new InvalidArgumentException("rows", rows, "at least 1");
    int n = Math.toIntExact(x.size(0));
    double[] top = new double[n];
    double[] sum = new double[n];
    Arrays.fill(top, Double.NEGATIVE_INFINITY);
    int most = Math.max(1, rows / Math.max(1, n));
    for (int done = 0; done < k; done += most) {
      int now = Math.min(most, k - done);
      try (Scope scope = Scope.open(); Tape tape = Tape.open(random)) {
        float[] w = tape.frozen(() -> logWeights(tape, x, now)).tensor().toFloats();
        for (int i = 0; i < w.length; i++) add(w[i], i % n, top, sum);
      }
    }
    double[] bound = new double[n];
    for (int i = 0; i < n; i++) bound[i] = top[i] + Math.log(sum[i] / k);
    return bound;
  }

  /** sum += exp(w - top), with top moved to the greatest. */
  private static void add(double w, int i, double[] top, double[] sum) {
    if (w > top[i]) {
      sum[i] = sum[i] * Math.exp(top[i] - w) + 1;
      top[i] = w;
    } else {
      sum[i] += Math.exp(w - top[i]);
    }
  }

  /** The pixels' probabilities [N, pixels] for codes [N, latents]. */
  public Tensor pictures(Tensor codes) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(Elementwise.sigmoid(tape.frozen(() -> decode(tape, tape.constant(codes))).tensor()));
    }
  }

  /** Pictures of codes from the prior, [N, pixels]. */
  public Tensor sample(int count, Generator random) {
    try (Tensor z = random.normal(device, 0, 1, count, latents)) {
      return pictures(z);
    }
  }

  /** What is left of pictures after coding by the mean and decoding: [N, pixels]. */
  public Tensor reconstruct(Tensor x) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(pictures(tape.frozen(() -> encode(tape, x).mean()).tensor()));
    }
  }

  public Device device() {
    return device;
  }

  public long pixels() {
    return pixels;
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
