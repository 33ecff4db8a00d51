package org.ondol.bench.stems;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.ondol.Device;
import org.ondol.bench.Case;
import org.ondol.bench.Check;

/**
 * Steps of training of one model: forward, backward and Adam's update, on examples that stay the same. The first steps
 * take their random numbers from here, so that they can be compared: the gradients of the first step, parameter by
 * parameter, and the losses of all of them, which show what the updates did. The steps that are timed draw their own.
 * The reference is libtorch: a graph, gradients and an optimiser that share nothing with Ondol's.
 */
public final class TrainingCase implements Case {
  /** Steps that are compared. A wrong update shows in the second. */
  static final int COMPARED = 3;
  /** Of the largest of a tensor. Seen on Zen 5: losses 3e-5, where batches are normalised, and gradients 3e-5. */
  private static final double BOUND = 1e-4;

  /** A model in training. */
  interface Steps extends AutoCloseable {
    /**
     * One step.
     *
     * @param noise standard normal numbers, or null to draw some
     * @param gradients takes the gradients of the parameters by their names, linear layers' as [in, out]; may be null
     * @return its losses
     */
    float[] step(float[] noise, Map<String, float[]> gradients);

    /** A step as it is timed. */
    default void step() {
      step(null, null);
    }

    @Override
    void close();
  }

  private final String name;
  private final int noise;
  private final Function<Device, Steps> ondol;
  private final Supplier<Steps> torch;
  private Map<String, float[]> reference;

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

  /** What is compared of a model that has made no step. */
  Map<String, float[]> firstSteps(Steps steps) {
    Map<String, float[]> answer = new TreeMap<>();
    for (int i = 0; i < COMPARED; i++) {
      answer.put("loss of step " + i, steps.step(Inputs.normal(100 + i, noise), i == 0 ? answer : null));
    }
    return answer;
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
        reference = firstSteps(steps);
      }
    }
    if (!answer.keySet().equals(reference.keySet())) {
      return "answers %s, expected %s".formatted(answer.keySet(), reference.keySet());
    }
    for (var entry : answer.entrySet()) {
      String tensor = entry.getKey();
      String wrong = Check.same(Map.of(tensor, reference.get(tensor)), Map.of(tensor, entry.getValue()), BOUND);
      if (wrong != null) return wrong;
    }
    return null;
  }
}
