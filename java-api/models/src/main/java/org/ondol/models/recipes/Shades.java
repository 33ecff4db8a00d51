package org.ondol.models.recipes;

import java.util.List;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.models.data.Batch;
import org.ondol.models.training.Form;
import org.ondol.models.training.Settings;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * What shades of grey mean to a model of binary pixels: the probability of a 1, which is drawn anew each time that an
 * example is seen (Salakhutdinov and Murray 2008), or the pixel itself, whose cross-entropy is then no likelihood.
 */
final class Shades {
  private Shades() {}

  static Settings setting(Settings s) {
    return s.choice("shades", "drawn", List.of("drawn", "grey"), "how binary pixels come from grey ones");
  }

  /** Examples as rows [N, size] of 0 to 1. */
  static Tensor rows(Batch batch, Form form, Settings s, Generator random) {
    Tensor x = batch.inputs().reshape(batch.count(), form.size());
    if (form.levels() == 2 || s.choice("shades").equals("grey")) return x;
    try (Scope scope = Scope.open()) {
      Tensor above = Elementwise.sub(x, random.uniform(x.device(), 0, 1, x.shape()));
      Tensor one = Tensor.empty(x.device());
      Elementwise.fill(one, 1);
      return scope.keep(Elementwise.apply(Op.RELU_GRAD, above, one));
    }
  }
}
