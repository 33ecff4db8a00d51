package org.ondol;

/** Operands that live on different devices; move them with {@link Tensor#to(Device)}. */
public class DeviceMismatchException extends InvalidArgumentException {
  public DeviceMismatchException(String argument, Device device, Device expected) {
    super(argument, "on device " + device, "device " + expected + " like the other operands; use to(\"" + expected + "\")");
  }
}
