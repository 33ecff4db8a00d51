package org.ondol.natives;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.ondol.DeviceUnavailableException;
import org.ondol.Threads;
import org.ondol.spi.Backend;
import org.ondol.spi.Kernels;

/** The native backend: {@code cpu} with the best kernels of this processor, {@code cpu:VARIANT} with named ones. */
public final class CpuBackend implements Backend {
  private static final String LIBRARY = "jniondol";

  private record Loaded(String failure, List<Status> devices) {}

  private static final class Holder {
    static final Loaded LOADED = load();
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public int priority() {
    return 20;
  }

  @Override
  public List<Status> devices() {
    return Holder.LOADED.devices;
  }

  @Override
  public Kernels open(String device) {
    if (Holder.LOADED.failure != null) throw new DeviceUnavailableException(device, Holder.LOADED.failure);
    return new CpuKernels(device, device.equals("cpu") ? null : device.substring("cpu:".length()));
  }

  private static Loaded load() {
    String failure = tryLoad();
    if (failure != null) return new Loaded(failure, List.of(new Status("cpu", false, failure)));
    List<Status> devices = new ArrayList<>();
    String best = null;
    for (Variant variant : Variant.of("elementwise")) {
      boolean available = variant.why() == null;
      if (available && best == null) best = variant.name();
      devices.add(new Status("cpu:" + variant.name(), available, available ? "the " + variant.name() + " kernels" : variant.why()));
    }
    devices.addFirst(new Status("cpu", true, processor() + ", " + best + " kernels, " + Threads.count() + " threads"));
    return new Loaded(null, List.copyOf(devices));
  }

  /** Loads the library; the reason if that fails. */
  private static String tryLoad() {
    try {
      Path file = NativeFile.extract(CpuBackend.class, LIBRARY);
      if (file == null) {
        return "the jar holds no native library for " + NativeFile.platform() + "; build it there with g++ and CMake (mvn package)";
      }
      System.load(file.toAbsolutePath().toString());
      OndolLibrary.ondol_args_words(0); // links the binding now rather than in a kernel call
      return null;
    } catch (Exception | LinkageError e) {
      return "the native library could not be loaded: " + e.getMessage();
    }
  }

  private static String processor() {
    try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc/cpuinfo"))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (line.startsWith("model name")) return line.substring(line.indexOf(':') + 1).strip();
      }
    } catch (IOException e) {
      // Not Linux: the architecture has to do.
    }
    return System.getProperty("os.arch");
  }
}
