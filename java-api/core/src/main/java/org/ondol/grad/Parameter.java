package org.ondol.grad;

import org.ondol.ClosedException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Elementwise.Op;

/**
 * A tensor that is trained, with the gradient that backward passes add up. It outlives scopes and tapes and is closed
 * by its owner.
 *
 * <p>Several tapes, each on its own thread, may read a parameter and add to its gradient at once; the sum then depends
 * on who comes first. Whoever writes the parameter must be alone.
 */
public final class Parameter implements AutoCloseable {
  private final String name;
  private final Tensor tensor;
  private Tensor gradient;
  private volatile boolean trainable = true;
  private volatile long version;

  /**
   * Takes the tensor over, out of every scope.
   *
   * @param name unique within a model, for messages and checkpoints
   * @param tensor FLOAT32, contiguous
   */
  public Parameter(String name, Tensor tensor) {
    this.name = Require.present("name", name);
    Require.floats("tensor", tensor);
    if (!tensor.isContiguous()) throw new ShapeException("tensor", tensor, "a contiguous tensor; use contiguous()");
    this.tensor = Scope.detach(tensor);
  }

  public String name() {
    return name;
  }

  /** The values. Written through {@link #assign} or an optimiser, so that tapes notice. */
  public Tensor tensor() {
    return tensor;
  }

  /** The sum of the gradients since {@link #clearGradient}, which stays open until then; null where there was none. */
  public synchronized Tensor gradient() {
    return gradient;
  }

  /** Whether backward passes compute its gradient. */
  public boolean trainable() {
    return trainable;
  }

  /** Stops training: tapes opened from now on take it for a constant. */
  public void freeze() {
    trainable = false;
  }

  public void unfreeze() {
    trainable = true;
  }

  /** Frees the gradient. */
  public synchronized void clearGradient() {
    if (gradient != null) gradient.close();
    gradient = null;
  }

  /** Overwrites the values with those of a tensor of the same shape and device. */
  public void assign(Tensor values) {
    Require.floats("values", values);
    Require.shape("values", values, tensor.shape());
    checkOpen();
    tensor.assign(values);
    written();
  }

  /** Counts a change of the values; to be called by whoever writes {@link #tensor} directly. */
  public void written() {
    version++; // only ever by the one thread that writes
  }

  /** How often the values were changed: what is derived from them is out of date when it has grown. */
  public long version() {
    return version;
  }

  void checkOpen() {
    if (tensor.isClosed()) throw new ClosedException("the parameter " + name + " is closed");
  }

  /** gradient + g; the first gradient is taken as it is. */
  synchronized void accumulate(Tensor g) {
    checkOpen();
    if (gradient == null) {
      gradient = Scope.detach(g.copy());
    } else {
      Elementwise.run(Op.ADD, gradient, g, gradient, 0);
    }
  }

  /** Frees values and gradient. */
  @Override
  public void close() {
    clearGradient();
    tensor.close();
  }

  @Override
  public String toString() {
    return name + " " + tensor;
  }
}
