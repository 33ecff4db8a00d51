package org.ondol;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;
import org.ondol.ops.Precision;
import org.ondol.spi.Backend;

/**
 * Finds and selects devices. A name is a backend ({@code java}, {@code cpu}, {@code cuda:0}), optionally with the kernel
 * variant it must use ({@code cpu:avx2}, {@code cpu:portable}, {@code java:scalar}), or {@code best}; a precision may
 * follow ({@code cuda:0:tf32}, see {@link Device#precision(Precision)}).
 */
public final class Devices {
  /**
   * What {@link #prefer} chose.
   *
   * @param device the first available device of the wish list
   * @param report one line that says which wishes could not be met and why; empty if the first one was
   */
  public record Selection(Device device, String report) {}

  private static final Map<String, Device> OPEN = new ConcurrentHashMap<>();

  private Devices() {}

  private static final class Holder {
    static final List<Backend> BACKENDS = load();

    private static List<Backend> load() {
      List<Backend> found = new ArrayList<>();
      var loader = ServiceLoader.load(Backend.class, Devices.class.getClassLoader()).iterator();
      while (true) {
        try {
          if (!loader.hasNext()) break;
          found.add(loader.next());
        } catch (ServiceConfigurationError e) {
          System.getLogger("org.ondol").log(System.Logger.Level.WARNING, "a backend could not be loaded: " + e.getMessage());
        }
      }
      found.sort(Comparator.comparingInt(Backend::priority).reversed());
      return List.copyOf(found);
    }
  }

  /** Every device of every backend, the fastest kind first, with the reason where one is not available. */
  public static List<Backend.Status> list() {
    List<Backend.Status> all = new ArrayList<>();
    for (Backend backend : Holder.BACKENDS) all.addAll(backend.devices());
    return all;
  }

  /**
   * The device of this name and no other.
   *
   * @throws DeviceUnavailableException if it cannot be had; nothing is substituted
   * @throws UnsupportedOnDeviceException if the name ends in a precision that the device lacks
   */
  public static Device get(String name) {
    if (name == null) throw new InvalidArgumentException("device", "null", "a name such as java, cpu, cuda:0 or best");
    if (name.equals("best")) return best();
    Device open = OPEN.get(name);
    if (open != null) return open;
    for (Precision p : Precision.values()) {
      String suffix = ":" + p.label();
      if (name.endsWith(suffix)) return get(name.substring(0, name.length() - suffix.length())).precision(p);
    }
    return OPEN.computeIfAbsent(name, Devices::open);
  }

  /** The one device of a precision. */
  static Device variant(Device exact, Precision precision) {
    Device made = new Device(exact, precision);
    Device known = OPEN.putIfAbsent(made.name(), made);
    return known != null ? known : made;
  }

  /** The fastest available device; {@code java} at the least. */
  public static Device best() {
    for (Backend backend : Holder.BACKENDS) {
      for (Backend.Status status : backend.devices()) {
        if (status.available()) return get(status.name());
      }
    }
    throw new DeviceUnavailableException("best", "no backend was found; is ondol-core on the class or module path?");
  }

  /** The first of several devices that can be had, with a report on those before it. */
  public static Selection prefer(String... names) {
    StringBuilder report = new StringBuilder();
    for (String name : names) {
      try {
        Device device = get(name);
        return new Selection(device, report.isEmpty() ? "" : report + "using " + device);
      } catch (DeviceUnavailableException e) {
        report.append(e.getMessage()).append("; ");
      }
    }
    throw new DeviceUnavailableException(String.join(", ", names), report.isEmpty() ? "no name was given" : report.toString());
  }

  private static Device open(String name) {
    String kind = name.contains(":") ? name.substring(0, name.indexOf(':')) : name;
    List<String> known = new ArrayList<>();
    for (Backend backend : Holder.BACKENDS) {
      for (Backend.Status status : backend.devices()) {
        known.add(status.name());
        if (!status.name().equals(name) && !(status.name().equals(name + ":0"))) continue;
        if (!status.available()) throw new DeviceUnavailableException(name, status.description());
        return new Device(status.name(), status.description(), backend.open(status.name()));
      }
      if (backend.name().equals(kind) && !backend.devices().isEmpty() && !backend.devices().getFirst().available()) {
        throw new DeviceUnavailableException(name, backend.devices().getFirst().description());
      }
    }
    String hint = kind.equals("cpu") || kind.equals("cuda") ? "; is the backend's jar (ondol-" + (kind.equals("cpu") ? "native" : "cuda")
        + ") on the class or module path?" : "";
    throw new DeviceUnavailableException(name, "no such device; known: " + String.join(", ", known) + hint);
  }
}
