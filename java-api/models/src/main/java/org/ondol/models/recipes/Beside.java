package org.ondol.models.recipes;

import org.ondol.Scope;
import org.ondol.Tensor;

/** Rows of two tensors in turn. */
final class Beside {
  private Beside() {}

  /** [2 N, n] of a and b [N, n]: a's first row, b's first row, a's second ... */
  static Tensor each(Tensor a, Tensor b) {
    try (Scope scope = Scope.open()) {
      Tensor both = Tensor.empty(a.device(), a.size(0), 2, a.size(1));
      both.select(1, 0).assign(a);
      both.select(1, 1).assign(b);
      return scope.keep(both.reshape(2 * a.size(0), a.size(1)));
    }
  }
}
