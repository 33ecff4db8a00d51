package org.ondol;

/** A shape or stride that does not fit the operation or the other operands. */
public class ShapeException extends InvalidArgumentException {
  public ShapeException(String argument, Object value, String expected) {
    super(argument, value, expected);
  }
}
