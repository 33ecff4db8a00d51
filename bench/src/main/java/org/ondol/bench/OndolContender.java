package org.ondol.bench;

import org.ondol.Device;
import org.ondol.DeviceUnavailableException;
import org.ondol.UnsupportedOnDeviceException;

/** An operation of Ondol on one device. Subclasses make their tensors in {@link #load} and compute in {@link #run}. */
public abstract class OndolContender<C extends Case> implements Contender<C> {
  private final String deviceName;
  private final String variant;
  protected Device device;

  protected OndolContender(String deviceName, String variant) {
    this.deviceName = deviceName;
    this.variant = variant;
  }

  @Override
  public final String name() {
    return deviceName;
  }

  @Override
  public final String variant() {
    return variant;
  }

  @Override
  public final boolean peer() {
    return false;
  }

  /** Puts the case's operands on {@link #device}. */
  protected abstract void load(C testCase) throws Exception;

  @Override
  public final void prepare(C testCase) throws Exception {
    try {
      device = Device.of(deviceName);
      load(testCase);
      run();
    } catch (DeviceUnavailableException | UnsupportedOnDeviceException e) {
      throw new Unavailable(e.getMessage());
    }
  }
}
