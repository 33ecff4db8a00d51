package org.ondol;

/** A tensor or scope that was used after it was closed. */
public class ClosedException extends OndolException {
  public ClosedException(String message) {
    super(message);
  }
}
