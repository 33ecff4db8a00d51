package org.ondol;

/** Base of everything that Ondol throws on purpose. */
public class OndolException extends RuntimeException {
  public OndolException(String message) {
    super(message);
  }

  public OndolException(String message, Throwable cause) {
    super(message, cause);
  }
}
