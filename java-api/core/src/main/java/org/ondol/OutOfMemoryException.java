package org.ondol;

/** Memory that a device could not give; the device stays usable. */
public class OutOfMemoryException extends OndolException {
  public OutOfMemoryException(String device, long bytes, String detail) {
    super("device \"" + device + "\" could not allocate " + bytes + " bytes: " + detail);
  }

  /** Where it is not known how much was asked for: memory that a driver takes for itself. */
  public OutOfMemoryException(String device, String detail) {
    super("device \"" + device + "\" is out of memory: " + detail);
  }
}
