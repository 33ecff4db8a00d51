package org.ondol.models.latent;

import org.ondol.Device;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Chain;
import org.ondol.models.layers.Statistics;

/**
 * Generative adversarial nets of fully connected layers (I. Goodfellow et al. 2014, section 5), with leaky relus in the
 * place of the paper's maxout units:
 *
 * <pre>
 * G(z) = tanh(relu(relu(z W1 + b1) W2 + b2) W3 + b3)    D(x) = sigmoid(lrelu(lrelu(x V1 + c1) V2 + c2) V3 + c3)
 * </pre>
 *
 * <p>Pictures are rows [N, pixels].
 */
public final class Gan implements Adversaries {
  private static final double SLOPE = 0.2;

  private final Parameters parameters = new Parameters();
  private final Device device;
  private final int codes;
  private final Chain generator;
  private final Chain discriminator;

  /**
   * First values.
   *
   * @param hidden units in each hidden layer
   */
  public Gan(Device device, long pixels, int hidden, int codes, Generator random) {
    this.device = device;
    this.codes = codes;
    generator = new Chain(parameters, GENERATOR, device, random, layout -> Initializer.heNormal(layout, Fan.IN, 0))
        .linear("hidden1", codes, hidden).apply(Value::relu)
        .linear("hidden2", hidden, hidden).apply(Value::relu)
        .linear("pixels", hidden, pixels).apply(Value::tanh);
    discriminator = new Chain(parameters, DISCRIMINATOR, device, random,
        layout -> Initializer.heNormal(layout, Fan.IN, SLOPE))
        .linear("hidden1", pixels, hidden).apply(x -> x.leakyRelu(SLOPE))
        .linear("hidden2", hidden, hidden).apply(x -> x.leakyRelu(SLOPE))
        .linear("real", hidden, 1);
  }

  @Override
  public Value generate(Tape tape, Value z, Statistics statistics) {
    return generator.forward(tape, z, statistics);
  }

  @Override
  public Value judge(Tape tape, Value x, Statistics statistics) {
    return discriminator.forward(tape, x, statistics);
  }

  @Override
  public int codes() {
    return codes;
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
