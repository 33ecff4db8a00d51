package org.ondol;

/** An operation that a device does not implement. Nothing falls back to another device by itself. */
public class UnsupportedOnDeviceException extends OndolException {
  private final String op;

  public UnsupportedOnDeviceException(String op, String device) {
    super(op + " is not implemented on device \"" + device + "\"");
    this.op = op;
  }

  /** The operation's name. */
  public String op() {
    return op;
  }
}
