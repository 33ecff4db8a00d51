package org.ondol.grad;

import org.ondol.Tensor;

/** The forward half of an operation on a tape; see {@link Tape#apply}. */
@FunctionalInterface
public interface Operation {
  /** What happens to the gradient of the result. */
  @FunctionalInterface
  interface Backward {
    /**
     * @param dy the gradient of the result, of its shape and of any strides; must not be written
     * @param gradients takes the gradients of the inputs
     */
    void run(Tensor dy, Gradients gradients);
  }

  /** What an operation tells the tape. */
  interface Recording {
    /** Whether a gradient may be asked for: else there is no need to save anything. */
    boolean needed();

    /** Keeps tensors of the forward pass for backward. */
    void save(Tensor... tensors);

    /** Says how to go back. An operation that never calls this has no gradient. */
    void backward(Backward backward);
  }

  /** Computes the result, a new tensor. Everything else that is made meanwhile is closed unless it is saved. */
  Tensor run(Recording recording);
}
