package org.ondol.models.autoregressive;

import org.ondol.Device;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Sequences;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/**
 * An LSTM along the rows of an image: what goes into its gates from the input (input-to-state) and from the row of
 * states before (state-to-state; van den Oord, Kalchbrenner and Kavukcuoglu 2016, section 3).
 */
final class Gates implements AutoCloseable {
  final MaskedLinear input;
  final Parameter weight;
  final Parameter bias;

  /**
   * With first values. Forget gates begin open, with a bias of 1 (Jozefowicz, Zaremba and Sutskever 2015).
   *
   * @param name of its parameters
   * @param in features of the input
   * @param hidden features of the state, H
   * @param taps positions of the state before that one sees
   */
  Gates(Parameters parameters, String name, Device device, int in, int hidden, int taps, MaskedLinear.Sight sight,
      Generator random) {
    input = new MaskedLinear(parameters, name + ".input", device, in, 4 * hidden, 1, sight, random)
        .bias(hidden, 2 * hidden, 1);
    weight = parameters.add(name + ".state.weight", Initializer.normal(0, StrictMath.sqrt(1.0 / (taps * hidden)))
        .create(device, random, taps, hidden, 4 * hidden));
    bias = parameters.add(name + ".state.bias", Initializer.zeros().create(device, random, 4 * hidden));
  }

  /** The steps of z [T, N, W, 4H], which is what the input gives to the gates: [T, N, W, H]. */
  Value steps(Tape tape, Value z, boolean reverse) {
    return Sequences.lstm(z, tape.parameter(weight), tape.parameter(bias), null, null, 1, reverse);
  }

  int hidden() {
    return (int) weight.tensor().size(1);
  }

  @Override
  public void close() {
    input.close();
  }
}
