package org.ondol;

/** An argument that an operation cannot accept; the message names it, its value and what was expected. */
public class InvalidArgumentException extends OndolException {
  private final String argument;

  public InvalidArgumentException(String argument, Object value, String expected) {
    super(argument + " is " + value + ", expected " + expected);
    this.argument = argument;
  }

  /** The name of the refused argument as it stands in the operation's documentation. */
  public String argument() {
    return argument;
  }
}
