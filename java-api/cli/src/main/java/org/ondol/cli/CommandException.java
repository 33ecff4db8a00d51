package org.ondol.cli;

/** What a command cannot do; the message is all that the user needs. */
final class CommandException extends RuntimeException {
  CommandException(String message) {
    super(message);
  }

  CommandException(String message, Throwable cause) {
    super(message, cause);
  }
}
