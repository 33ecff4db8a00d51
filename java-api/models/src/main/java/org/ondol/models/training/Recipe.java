package org.ondol.models.training;

import org.ondol.Device;
import org.ondol.grad.Generator;

/** How to train one kind of model: what {@code ondol train NAME} runs. */
public interface Recipe {
  /** The name by which the command line knows it. */
  String title();

  /** In one line, what it is. */
  String summary();

  /** What can be chosen, with values that work. */
  Settings settings();

  /**
   * Makes the model with first values.
   *
   * @param form what the examples look like
   * @param random for the first values
   * @throws org.ondol.models.data.DataException if the model cannot have such examples
   */
  Experiment create(Device device, Form form, Settings settings, Generator random);

  /** The same for a run: measured with averages of the parameters where the setting "average" asks for them. */
  default Experiment forRun(Device device, Form form, Settings settings, Generator random) {
    Experiment e = create(device, form, settings, random);
    double decay = settings.number(Settings.AVERAGE);
    return decay > 0 ? new Averaged(e, decay) : e;
  }
}
