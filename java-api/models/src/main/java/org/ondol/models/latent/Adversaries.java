package org.ondol.models.latent;

import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Losses;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Statistics;
import org.ondol.ops.Elementwise;

/**
 * A generator and a discriminator that learn from each other (I. Goodfellow et al., Generative Adversarial Nets, NIPS
 * 2014). With D(x) = sigmoid(judge(x)), the probability that x is real:
 *
 * <pre>
 * the discriminator descends  -E ln D(x) - E ln (1 - D(G(z)))
 * the generator descends      -E ln D(G(z))                        (the form that does not saturate, section 3)
 * </pre>
 *
 * <p>Pixels lie in -1 to 1, codes are z from N(0, I).
 */
public interface Adversaries extends AutoCloseable {
  /** Before the names of the generator's parameters. */
  String GENERATOR = "generator";
  /** Before the names of the discriminator's parameters. */
  String DISCRIMINATOR = "discriminator";

  /** Numbers in a code. */
  int codes();

  Device device();

  Parameters parameters();

  /** G: codes [N, codes] to pictures, [N, pixels] or [N, C, H, W] as {@link #judge} takes them. */
  Value generate(Tape tape, Value z, Statistics statistics);

  /** The logit of D for pictures: [N, 1]. */
  Value judge(Tape tape, Value x, Statistics statistics);

  /** Codes for so many pictures, [N, codes]. */
  default Tensor codes(int count, Generator random) {
    return random.normal(device(), 0, 1, count, codes());
  }

  /**
   * The discriminator's loss, in nats: a batch of real and one of generated pictures, each with its own statistics. No
   * gradient reaches the generator.
   *
   * @param z as many codes as there are real pictures, or any other number
   * @param sure the probability of being real that D is to give to real pictures: 1, or less so that it does not grow
   *     ever surer (one-sided label smoothing; T. Salimans et al., Improved Techniques for Training GANs, NIPS 2016, 3.4)
   */
  default Value discriminatorLoss(Tape tape, Tensor real, Tensor z, double sure) {
    Value fake = tape.frozen(() -> generate(tape, tape.constant(z), Statistics.BATCH));
    Value a = judge(tape, tape.constant(real), Statistics.MOVING);
    Value b = judge(tape, fake, Statistics.MOVING);
    return bernoulli(a, sure).add(bernoulli(b, 0));
  }

  /** The generator's loss, in nats; the discriminator's parameters get gradients only if backward is asked for them. */
  default Value generatorLoss(Tape tape, Tensor z) {
    Value fake = generate(tape, tape.constant(z), Statistics.MOVING);
    return bernoulli(judge(tape, fake, Statistics.BATCH), 1);
  }

  private static Value bernoulli(Value logits, double target) {
    try (Scope scope = Scope.open()) {
      Tensor t = Tensor.empty(logits.tensor().device(), logits.shape());
      Elementwise.fill(t, target);
      return Losses.bernoulli(logits, logits.tape().constant(t), Reduction.MEAN);
    }
  }

  /** Those parameters of one of the two that are trained. */
  default List<Parameter> trained(String which) {
    List<Parameter> all = new ArrayList<>(parameters().under(which + "."));
    all.removeIf(p -> !p.trainable());
    return all;
  }

  /** Pictures for codes, by the running statistics: each is its code's own. */
  default Tensor pictures(Tensor z) {
    return pictures(z, Statistics.RUNNING);
  }

  /** Pictures for codes. */
  default Tensor pictures(Tensor z, Statistics statistics) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      return scope.keep(tape.frozen(() -> generate(tape, tape.constant(z), statistics)).tensor().copy());
    }
  }

  /** Frees the parameters. */
  @Override
  default void close() {
    parameters().close();
  }
}
