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

  /**
   * A call that the device's kernels do not compute, although they compute others of the operation.
   *
   * @param reason the argument, its value and what was expected
   */
  public UnsupportedOnDeviceException(String op, String device, String reason) {
    super(op + " is not implemented on device \"" + device + "\" for this call: " + reason);
    this.op = op;
  }

  /** The operation's name. */
  public String op() {
    return op;
  }
}
