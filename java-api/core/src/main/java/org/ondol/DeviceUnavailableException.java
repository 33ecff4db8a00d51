package org.ondol;

/** A device that was asked for by name and cannot be had here; the message says why and what to do. */
public class DeviceUnavailableException extends OndolException {
  public DeviceUnavailableException(String device, String reason) {
    super("device \"" + device + "\" is not available: " + reason);
  }
}
