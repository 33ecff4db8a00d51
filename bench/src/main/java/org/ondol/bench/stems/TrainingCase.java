package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.ondol.Device;
import org.ondol.bench.Case;
import org.ondol.bench.Check;

/**
 * Steps of training of one model: forward, backward and Adam's update, on examples that stay the same. The first steps
 * take their random numbers from here, so that losses can be compared; the steps that are timed draw their own. The
 * reference are libtorch's losses: a graph, gradients and an optimiser that share nothing with Ondol's.
 */
public final class TrainingCase implements Case {
  /** Steps that are compared. A wrong gradient shows in the second. */
  static final int COMPARED = 3;
  private static final double RELATIVE = 1e-4;

  /** A model in training. */
  interface Steps extends AutoCloseable {
    /**
     * One step.
     *
     * @param noise standard normal numbers, or null to draw some
     * @return its losses
     */
    float[] step(float[] noise);

    @Override
    void close();
  }

  private final String name;
  private final int noise;
  private final Function<Device, Steps> ondol;
  private final Supplier<Steps> torch;
  private float[] reference;

  /**
   * A case.
   *
   * @param noise how many numbers a step takes
   * @param ondol the model on a device, with first values that are always the same
   * @param torch the same on libtorch
   */
  TrainingCase(String name, int noise, Function<Device, Steps> ondol, Supplier<Steps> torch) {
    this.name = name;
    this.noise = noise;
    this.ondol = ondol;
    this.torch = torch;
  }

  Steps ondol(Device device) {
    return ondol.apply(device);
  }

  Steps torch() {
    return torch.get();
  }

  /** The losses of the first steps. */
  float[] losses(Steps steps) {
    List<float[]> all = new ArrayList<>();
    for (int i = 0; i < COMPARED; i++) all.add(steps.step(Inputs.normal(100 + i, noise)));
    float[] flat = new float[COMPARED * all.getFirst().length];
    for (int i = 0; i < flat.length; i++) flat[i] = all.get(i / all.getFirst().length)[i % all.getFirst().length];
    return flat;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public double flops() {
    return 0;
  }

  @Override
  public double bytes() {
    return 0;
  }

  @Override
  public String check(Map<String, float[]> answer) {
    if (reference == null) {
      try (Steps steps = torch()) {
        reference = losses(steps);
      }
    }
    float[] losses = answer.get("loss");
    for (int i = 0; i < reference.length; i++) {
      String wrong = Check.within("loss", i, reference[i], losses[i], RELATIVE * Math.abs(reference[i]));
      if (wrong != null) return wrong;
    }
    return null;
  }
}
