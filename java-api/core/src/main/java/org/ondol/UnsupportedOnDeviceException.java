package org.ondol;

/** An operation that a device does not implement. Nothing falls back to another device by itself. */
public class UnsupportedOnDeviceException extends OndolException {
  private final String op;

  public UnsupportedOnDeviceException(String op, String device) {
    super(op + " is not implemented on device \"" + device + "\"");
    this.op = op;
  }

  /**
   * A way of computing that the device lacks.
   *
   * @param way what the operation was asked for, such as "in precision TF32"
   * @param advice what to do instead
   */
  public UnsupportedOnDeviceException(String op, String device, String way, String advice) {
    super(op + " " + way + " is not implemented on device \"" + device + "\"; " + advice);
    this.op = op;
  }

  /** The operation's name. */
  public String op() {
    return op;
  }
}
