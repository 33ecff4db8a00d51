package org.ondol.models.recipes;

import java.util.List;
import org.ondol.models.autoregressive.Autoregressive;
import org.ondol.models.autoregressive.Ordered;
import org.ondol.models.autoregressive.Ordering;
import org.ondol.models.training.Settings;

/** The order in which a model takes its variables, as a setting. */
final class Orderings {
  private static final long SEED = 1;

  private Orderings() {}

  static Settings setting(Settings s) {
    return s.choice("order", "raster", List.of("raster", "reversed", "random"), "of the variables");
  }

  static Autoregressive apply(Settings s, Autoregressive model) {
    int n = model.variables();
    return switch (s.choice("order")) {
      case "reversed" -> new Ordered(model, Ordering.reversed(n));
      case "random" -> new Ordered(model, Ordering.random(n, SEED));
      default -> model;
    };
  }
}
