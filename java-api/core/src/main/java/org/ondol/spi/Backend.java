package org.ondol.spi;

import java.util.List;

/**
 * A way to run Ondol's operations, found by {@link java.util.ServiceLoader}. A backend never throws from
 * {@link #devices}: what cannot run is listed with the reason.
 */
public interface Backend {
  /**
   * A device that a backend could offer.
   *
   * @param name as a user writes it: {@code java}, {@code cpu}, {@code cpu:avx2}, {@code cuda:0}
   * @param available whether {@link #open} will succeed
   * @param description the hardware and the variant if available, else why not and what to do about it
   */
  record Status(String name, boolean available, String description) {}

  /** The part of a device name before the colon. */
  String name();

  /** How far to the front {@code best} looks at this backend: the highest available wins. */
  int priority();

  /** The devices, the default one first. */
  List<Status> devices();

  /**
   * Opens a device. Called once per name and JVM.
   *
   * @param device one of the names in {@link #devices}
   * @throws org.ondol.DeviceUnavailableException if it cannot be had
   */
  Kernels open(String device);
}
