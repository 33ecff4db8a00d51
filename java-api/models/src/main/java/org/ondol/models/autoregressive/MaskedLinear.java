package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.layers.Linear;
import org.ondol.ops.Elementwise;

/** x W + b of features in the last dimension, of which some do not see some others: a 1 x 1 convolution with a mask. */
final class MaskedLinear implements AutoCloseable {
  /** Whether a feature sees another one. */
  @FunctionalInterface
  interface Sight {
    boolean sees(int out, int in);
  }

  final Parameter weight;
  final Parameter bias;
  /** 1 where a feature is seen; null where all are. */
  private final Tensor mask;

  /**
   * With first values: normal with the variance gain / n, n being how many features one sees on average, and zeros.
   *
   * @param name of its parameters, which are name.weight [in, out] and name.bias [out]
   */
  MaskedLinear(Parameters parameters, String name, Device device, int in, int out, double gain, Sight sight,
      Generator random) {
    float[] live = new float[in * out];
    int count = 0;
    for (int i = 0; i < in; i++) {
      for (int o = 0; o < out; o++) {
        if (!sight.sees(o, i)) continue;
        live[i * out + o] = 1;
        count++;
      }
    }
    double each = Math.max(1, (double) count / out);
    weight = parameters.add(name + ".weight",
        Initializer.normal(0, StrictMath.sqrt(gain / each)).create(device, random, in, out));
    bias = parameters.add(name + ".bias", Initializer.zeros().create(device, random, out));
    mask = count == live.length ? null : Scope.detach(Tensor.of(device, live, in, out));
  }

  /** Which features of several colours see which: those of the same colour and of earlier ones (mask B). */
  static Sight colours(int colours, int in, int out) {
    return (o, i) -> (long) i * colours / in <= (long) o * colours / out;
  }

  /** Adds to a part of the bias. */
  MaskedLinear bias(int from, int to, double value) {
    try (Tensor part = bias.tensor().slice(0, from, to)) {
      Elementwise.fill(part, value);
    }
    return this;
  }

  Value apply(Tape tape, Value x) {
    Value w = tape.parameter(weight);
    return x.linear(mask == null ? w : w.mul(tape.constant(mask)), tape.parameter(bias));
  }

  /** With its parameters as they are now. */
  Linear packed() {
    try (Scope scope = Scope.open()) {
      Tensor w = weight.tensor();
      return Linear.of(mask == null ? w : Elementwise.mul(w, mask), bias.tensor());
    }
  }

  long inputs() {
    return weight.tensor().size(0);
  }

  /** Frees the mask; the parameters are the model's. */
  @Override
  public void close() {
    if (mask != null) mask.close();
  }
}
