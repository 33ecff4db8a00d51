package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.ondol.bench.peers.TorchTraining;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;

/** The parameters of a model in training and their Adam, as {@link TorchTraining} is libtorch's. */
final class OndolTraining implements AutoCloseable {
  private final Parameters parameters;
  private final Adam adam;
  private final Generator random = new Generator(2);

  OndolTraining(Parameters parameters, double rate, double beta1) {
    this.parameters = parameters;
    adam = new Adam(parameters, Schedule.constant(rate), Adam.Options.ADAM.betas(beta1, 0.999));
  }

  /** Gives the other side parameters of the same names and values; the matrices of linear layers turned. */
  static void copy(Parameters from, TorchTraining to) {
    for (Parameter p : from) {
      long[] shape = p.tensor().shape();
      if (shape.length == 2) to.addMatrix(p.name(), p.tensor().toFloats(), shape[0], shape[1]);
      else to.add(p.name(), p.tensor().toFloats(), shape);
    }
  }

  /**
   * Descends a loss with some of the parameters; no gradient is computed for the others.
   *
   * @param gradients takes the gradients by name; may be null
   */
  float descend(String prefix, Map<String, float[]> gradients, Function<Tape, Value> loss) {
    List<Parameter> chosen = new ArrayList<>();
    for (Parameter p : parameters) if (p.trainable() && p.name().startsWith(prefix)) chosen.add(p);
    float value;
    try (Tape tape = Tape.open(random)) {
      Value l = loss.apply(tape);
      tape.backward(l, chosen);
      value = l.item();
    }
    if (gradients != null) for (Parameter p : chosen) gradients.put(p.name(), p.gradient().toFloats());
    adam.step();
    parameters.clearGradients();
    return value;
  }

  @Override
  public void close() {
    adam.close();
  }
}
