package org.ondol.grad;

import org.ondol.OndolException;

/**
 * A gradient that cannot be had: the tape is spent, values of two tapes were mixed, or nothing leads to a parameter.
 */
public class GradientException extends OndolException {
  public GradientException(String message) {
    super(message);
  }
}
