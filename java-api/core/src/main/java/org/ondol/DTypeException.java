package org.ondol;

/** An operand of a data type that the operation does not take. */
public class DTypeException extends InvalidArgumentException {
  public DTypeException(String argument, Object value, String expected) {
    super(argument, value, expected);
  }
}
