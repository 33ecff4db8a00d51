package org.ondol.test.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.ondol.Device;
import org.ondol.DeviceUnavailableException;
import org.ondol.Devices;
import org.ondol.UnsupportedOnDeviceException;
import org.opentest4j.TestAbortedException;

/**
 * Every kernel variant that a test must cover. What this machine cannot run is skipped with the reason; what it can run but
 * the library does not offer is a failure. Whether it can is decided here, from the operating system's own words, not asked
 * of the library.
 */
public final class TestDevices {
  private static final String CHOSEN = System.getProperty("ondol.test.devices");

  /**
   * Every variant; -Dondol.test.devices=java:scalar,cuda:0 looks at some of them only, and these must be there: one that
   * cannot be had fails instead of being skipped.
   */
  public static final List<String> NAMES = List.of((CHOSEN != null ? CHOSEN
      : "java:scalar,java:vector,cpu:portable,cpu:avx2,cpu:avx512,cuda:0").split(","));

  private static final Set<String> REPORTED = new TreeSet<>();

  private TestDevices() {}

  /** The device, or an abort with the reason where the machine cannot have it. */
  public static Device require(String name) {
    String missing = missing(name);
    if (missing == null) {
      return Devices.get(name);
    }
    if (REPORTED.add(name)) {
      System.out.println("[skipped] device " + name + ": " + missing);
    }
    throw new TestAbortedException(name + ": " + missing);
  }

  /** The devices that this machine can have; throws where the library lacks one of them. */
  public static List<Device> available() {
    return NAMES.stream().filter(n -> missing(n) == null).map(Devices::get).toList();
  }

  /**
   * An operation that a device lacks: a gap to be named on cuda, which has the products, attention and convolutions, a
   * failure elsewhere.
   */
  public static void incomplete(Device device, UnsupportedOnDeviceException e) {
    if (!device.name().startsWith("cuda") && !device.name().startsWith("emulated")) {
      throw new AssertionError(device + " must have every operation: " + e.getMessage(), e);
    }
    if (REPORTED.add(e.getMessage())) {
      System.out.println("[skipped] " + e.getMessage());
    }
    throw new TestAbortedException(e.getMessage());
  }

  /** Why this machine cannot run the device, or null if it can. */
  public static String missing(String name) {
    if (CHOSEN != null && NAMES.contains(name)) return null;
    return switch (name) {
      case "java", "java:scalar" -> null;
      case "java:vector" -> ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() ? null
          : "started without --add-modules jdk.incubator.vector";
      case "cpu", "cpu:portable" -> compiler();
      case "cpu:avx2" -> cpu("avx2", "fma");
      case "cpu:avx512" -> cpu("avx512f", "avx512bw", "avx512dq", "avx512vl");
      case "cuda:0" -> cuda();
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** The library's own word on a device, for messages. */
  public static String status(String name) {
    try {
      return Devices.get(name).description();
    } catch (DeviceUnavailableException e) {
      return e.getMessage();
    }
  }

  private static String cpu(String... flags) {
    String compiler = compiler();
    if (compiler != null) {
      return compiler;
    }
    String line = "";
    try {
      line = Files.readAllLines(Path.of("/proc/cpuinfo")).stream().filter(l -> l.startsWith("flags")).findFirst().orElse("");
    } catch (IOException e) {
      return "no /proc/cpuinfo to read the CPU's instruction sets from";
    }
    List<String> have = Arrays.asList(line.split("\\s+"));
    List<String> lacking = Arrays.stream(flags).filter(f -> !have.contains(f)).toList();
    return lacking.isEmpty() ? null : "the CPU lacks " + String.join(", ", lacking);
  }

  /** The native library is part of the build exactly where a C++ compiler and CMake are. */
  private static String compiler() {
    boolean cxx = onPath("c++") || onPath("g++") || onPath("clang++");
    return !cxx ? "no C++ compiler to build the native library" : !onPath("cmake") ? "no CMake to build the native library" : null;
  }

  private static String cuda() {
    if (!Files.exists(Path.of("/proc/driver/nvidia/version")) && !Files.exists(Path.of("/dev/nvidiactl"))) {
      return "no NVIDIA driver";
    }
    boolean nvcc = onPath("nvcc") || Files.isExecutable(Path.of("/usr/local/cuda/bin/nvcc"));
    return nvcc ? null : "no nvcc to build the CUDA library";
  }

  public static boolean onPath(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
        .anyMatch(dir -> Files.isExecutable(Path.of(dir, program)));
  }
}
