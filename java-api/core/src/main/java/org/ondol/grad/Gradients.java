package org.ondol.grad;

import java.util.Arrays;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * Where an operation's backward pass puts the gradients of its inputs. A value that is used several times has its
 * gradients added in the order in which they arrive: uses from the last recorded to the first, within a use in the
 * order of the calls, {@code acc = acc + g}, the first one taken as it is.
 */
public final class Gradients {
  private final Value[] inputs;

  Gradients(Value[] inputs) {
    this.inputs = inputs;
  }

  /** Whether the gradient of an input is wanted. */
  public boolean needs(int input) {
    return inputs[input] != null && inputs[input].wanted;
  }

  /** Adds the gradient of an input, of its shape. Ignored where it is not wanted. */
  public void add(int input, Tensor g) {
    if (!needs(input)) return;
    check(inputs[input], g, inputs[input].shape());
    add(inputs[input], g);
  }

  /**
   * Adds a gradient of the elements from {@code from} on along a dimension; the others, +0 at first, stay as they are.
   */
  public void addSlice(int input, int dim, long from, Tensor g) {
    if (!needs(input)) return;
    Value v = inputs[input];
    long[] shape = v.shape();
    shape[dim] = g.size(dim);
    check(v, g, shape);
    if (v.gradient == null) {
      hold(v, Tensor.zeros(g.device(), v.shape()), true);
    } else if (!v.exclusive) {
      hold(v, v.gradient.copy(), true);
    }
    try (Tensor part = v.gradient.slice(dim, from, from + g.size(dim))) {
      Elementwise.run(Op.ADD, part, g, part, 0);
    }
  }

  static void add(Value v, Tensor g) {
    if (v.gradient == null) {
      hold(v, g.view(g.offset(), g.shape(), g.strides()), false);
    } else if (v.exclusive) {
      Elementwise.run(Op.ADD, v.gradient, g, v.gradient, 0);
    } else {
      hold(v, Elementwise.add(v.gradient, g), true);
    }
  }

  /** @param exclusive whether nothing else reads this memory, so that it may be written */
  private static void hold(Value v, Tensor g, boolean exclusive) {
    Scope.detach(g);
    v.dropGradient();
    v.gradient = g;
    v.exclusive = exclusive;
  }

  private static void check(Value v, Tensor g, long[] shape) {
    Require.floats("gradient", g);
    Require.on("gradient", g, v.tensor().device());
    if (!Arrays.equals(g.shape(), shape)) {
      throw new ShapeException("gradient", "of shape " + Arrays.toString(g.shape()), Arrays.toString(shape));
    }
  }
}
