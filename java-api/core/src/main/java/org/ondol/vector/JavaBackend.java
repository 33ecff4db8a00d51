package org.ondol.vector;

import java.util.List;
import org.ondol.DeviceUnavailableException;
import org.ondol.spi.Backend;
import org.ondol.spi.Kernels;

/**
 * The pure-Java backend: {@code java:vector} needs the module jdk.incubator.vector, {@code java:scalar} runs
 * everywhere, {@code java} is the better one that can run. All give the same bits.
 */
public final class JavaBackend implements Backend {
  private static final String MODULE = "jdk.incubator.vector";
  private static final String HINT = "start the JVM with --add-modules " + MODULE;

  private static boolean vectorPresent() {
    return ModuleLayer.boot().findModule(MODULE).isPresent();
  }

  @Override
  public String name() {
    return "java";
  }

  @Override
  public int priority() {
    return 10;
  }

  @Override
  public List<Status> devices() {
    if (!vectorPresent()) {
      return List.of(
          new Status("java", true, "scalar code; for the Vector API, several times faster, " + HINT),
          new Status("java:vector", false, "the Vector API is not loaded; " + HINT),
          new Status("java:scalar", true, "scalar code"));
    }
    String vector = "Vector API, " + Lanes.describe();
    return List.of(
        new Status("java", true, vector),
        new Status("java:vector", true, vector),
        new Status("java:scalar", true, "scalar code"));
  }

  @Override
  public Kernels open(String device) {
    boolean vector = switch (device) {
      case "java" -> vectorPresent();
      case "java:vector" -> true;
      case "java:scalar" -> false;
      default -> throw new DeviceUnavailableException(device, "the java backend has no such variant");
    };
    if (vector && !vectorPresent()) {
      throw new DeviceUnavailableException(device, "the Vector API is not loaded; " + HINT);
    }
    return new JavaKernels(device, vector ? Loops.vector() : Loops.scalar());
  }

  /** Apart from the backend, which is loaded without the module too. */
  private static final class Lanes {
    static String describe() {
      return VectorMath.LANES + " lanes";
    }
  }
}
