package org.ondol.models.recipes;

import java.util.List;
import org.ondol.grad.Schedule;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;

/** How the learning rate falls, as a setting. */
final class Rates {
  private Rates() {}

  /** @param value constant or cosine */
  static Settings setting(Settings s, String value) {
    return s.choice("schedule", value, List.of("constant", "cosine"),
        "of the rate; cosine falls to nothing at the last step");
  }

  static Schedule of(Settings s, Form form) {
    double rate = s.number("rate");
    boolean falls = s.choice("schedule").equals("cosine") && form.steps() > 0;
    return falls ? Schedule.cosine(rate, 0, form.steps()) : Schedule.constant(rate);
  }
}
