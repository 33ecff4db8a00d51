package org.ondol;

import org.ondol.spi.Kernels;
import org.ondol.spi.Memory;

/**
 * Where a tensor lives and its operations run. Devices are obtained by name from {@link Devices}; two devices are equal
 * when their names are.
 */
public final class Device {
  private final String name;
  private final String description;
  private final Kernels kernels;

  Device(String name, String description, Kernels kernels) {
    this.name = name;
    this.description = description;
    this.kernels = kernels;
  }

  /** The same as {@link Devices#get}. */
  public static Device of(String name) {
    return Devices.get(name);
  }

  /** The name, such as {@code cpu} or {@code cuda:0}. */
  public String name() {
    return name;
  }

  /** The hardware and the kernel variant in words. */
  public String description() {
    return description;
  }

  /** The operations of this device. For the operations' own code; arguments are not checked again. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * Gives memory that freed tensors left for the next ones back to the operating system or the driver, for others to use.
   * Host devices share their memory, so that it is trimmed for all of them.
   *
   * @return bytes that were given back
   */
  public long trim() {
    return memory().trim();
  }

  /**
   * Waits until every operation called so far has run; needed for timing only, since reading a tensor waits as well. Host
   * devices run each operation before its call returns.
   *
   * @throws DeviceLostException if an operation made the device unusable
   */
  public void synchronize() {
    kernels.synchronize();
  }

  Memory memory() {
    return kernels.memory();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Device device && device.name.equals(name);
  }

  @Override
  public int hashCode() {
    return name.hashCode();
  }

  @Override
  public String toString() {
    return name;
  }
}
