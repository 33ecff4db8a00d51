package org.ondol.cuda;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.ondol.DeviceLostException;
import org.ondol.OndolException;
import org.ondol.OutOfMemoryException;
import org.ondol.natives.Family;

/**
 * What went wrong on one device, in Ondol's words. A kernel's fault comes out in a later call, so the last operations that
 * were queued are kept for the message; once the device is lost, every call is answered with the same exception.
 */
final class CudaErrors {
  /** Operations named in a message. */
  private static final int NAMED = 16;

  private final String device;
  /** The last operations in a ring. Threads may overwrite each other's: it is a hint, and a lock would cost every call. */
  private final Object[] queued = new Object[NAMED];
  private int next;
  private volatile String lost;

  CudaErrors(String device) {
    this.device = device;
  }

  String device() {
    return device;
  }

  /** Throws if the device is lost. */
  void check() {
    String reason = lost;
    if (reason != null) throw new DeviceLostException(device, reason);
  }

  boolean isLost() {
    return lost != null;
  }

  /**
   * An operation was queued.
   *
   * @param operation a {@link Family} or a text
   */
  void queued(Object operation) {
    int at = next;
    queued[at & NAMED - 1] = operation;
    next = at + 1;
  }

  /** Everything queued has run. */
  void passed() {
    next = 0;
  }

  /**
   * The exception for a failure.
   *
   * @param during what was being done, such as "copying 64 bytes from the device"
   */
  OndolException of(CudaFailure failure, String during) {
    return switch (failure.kind()) {
      case MEMORY -> new OutOfMemoryException(device, during + ": " + failure.getMessage());
      case REFUSED -> new OndolException("device \"" + device + "\", " + during + ": " + failure.getMessage());
      case LOST -> lose(during + ": " + failure.getMessage());
    };
  }

  private synchronized DeviceLostException lose(String reason) {
    if (lost == null) {
      String operations = operations();
      lost = reason + (operations.isEmpty() ? "" : "; last queued: " + operations
          + " (CUDA_LAUNCH_BLOCKING=1 in the environment finds the one that failed)");
    }
    return new DeviceLostException(device, lost);
  }

  /** "conv x 3, elementwise": the last operations since the device was known to be well. */
  private String operations() {
    Map<String, Integer> counts = new LinkedHashMap<>();
    int end = next;
    for (int i = Math.max(0, end - NAMED); i < end; i++) {
      Object operation = queued[i & NAMED - 1];
      if (operation == null) continue;
      counts.merge(operation instanceof Family family ? family.spelling() : operation.toString(), 1, Integer::sum);
    }
    return counts.entrySet().stream().map(e -> e.getValue() == 1 ? e.getKey() : e.getKey() + " x " + e.getValue())
        .collect(Collectors.joining(", "));
  }
}
