package org.ondol.grad;

/** A gradient was asked for through an operation that has none. */
public class NoGradientException extends GradientException {
  private final String operation;

  NoGradientException(String operation) {
    super(operation + " has no gradient; use detach() where none shall pass");
    this.operation = operation;
  }

  /** The operation's name. */
  public String operation() {
    return operation;
  }
}
