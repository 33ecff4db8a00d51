package org.ondol;

/**
 * A device whose state is lost, as after a kernel that touched memory which is not there. Every later call on the device
 * throws the same in this process; tensors of other devices are not touched, and closing those of the lost one is safe.
 */
public class DeviceLostException extends OndolException {
  public DeviceLostException(String device, String detail) {
    super("device \"" + device + "\" is lost: " + detail + "; its tensors cannot be read any more, and only a new process can use"
        + " it again");
  }
}
