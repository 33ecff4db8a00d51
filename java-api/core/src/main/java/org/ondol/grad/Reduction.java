package org.ondol.grad;

/** What becomes of the losses of single elements. */
public enum Reduction {
  /** They stay as they are. */
  NONE,
  /** Their sum, of rank 0. */
  SUM,
  /** Their mean, of rank 0; of class losses over the targets that count. */
  MEAN,
  /** Their sum divided by the size of dimension 0: the mean over a batch of sums over the rest. */
  BATCH_MEAN;

  Value of(Value losses) {
    return switch (this) {
      case NONE -> losses;
      case SUM -> losses.sum();
      case MEAN -> losses.mean();
      case BATCH_MEAN -> losses.sum().scale(1.0 / losses.size(0));
    };
  }
}
