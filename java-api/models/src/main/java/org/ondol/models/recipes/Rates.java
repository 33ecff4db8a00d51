package org.ondol.models.recipes;

import java.util.List;
import org.ondol.grad.Schedule;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;

/** How the learning rate falls in the course of a run, as a setting. */
final class Rates {
  /** The stages of Burda et al. (2016), section 5. */
  private static final int STAGES = 8;

  private Rates() {}

  static Settings setting(Settings s, String value) {
    return s.choice("schedule", value, List.of("constant", "cosine", "burda"), "of the learning rate");
  }

  static Schedule of(Settings s, Form form) {
    double rate = s.number("rate");
    long steps = Math.max(1, form.steps());
    return switch (s.choice("schedule")) {
      case "cosine" -> Schedule.cosine(rate, 0, steps);
      case "burda" -> burda(rate, steps);
      default -> Schedule.constant(rate);
    };
  }

  /** Stages 0 to 7 of 1, 3, 9 ... 3^7 parts of the run, with rate · 10^(-stage / 7). */
  private static Schedule burda(double rate, long steps) {
    double parts = (StrictMath.pow(3, STAGES) - 1) / 2;
    return step -> {
      int stage = 0;
      while (stage < STAGES - 1 && step >= steps * ((StrictMath.pow(3, stage + 1) - 1) / 2 / parts)) stage++;
      return rate * StrictMath.pow(10, -stage / (STAGES - 1.0));
    };
  }
}
