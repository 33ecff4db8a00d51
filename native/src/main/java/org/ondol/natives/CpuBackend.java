package org.ondol.natives;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.ondol.Threads;
import org.ondol.DeviceUnavailableException;
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
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment why = arena.allocate(ValueLayout.ADDRESS);
      for (long i = 0; ; i++) {
        String variant = OndolLibrary.ondol_variant_name("elementwise", i);
        if (variant == null) break;
        boolean available = OndolLibrary.ondol_variant_available("elementwise", i, why.address()) != 0;
        if (available && best == null) best = variant;
        devices.add(new Status("cpu:" + variant, available, available ? "kernels for " + variant : reason(why)));
      }
    }
    devices.addFirst(new Status("cpu", true, processor() + ", " + best + " kernels, " + Threads.count() + " threads"));
    return new Loaded(null, List.copyOf(devices));
  }

  private static String reason(MemorySegment why) {
    return why.get(ValueLayout.ADDRESS, 0).reinterpret(256).getString(0);
  }

  /** Loads the library; the reason if that fails. */
  private static String tryLoad() {
    try {
      Path file = NativeFile.extract(LIBRARY);
      if (file == null) {
        return "the jar holds no native library for " + NativeFile.platform() + "; build it there with g++ and CMake (mvn package)";
      }
      System.load(file.toAbsolutePath().toString());
      OndolLibrary.ondol_version();
      return null;
    } catch (Exception | LinkageError e) {
      return "the native library could not be loaded: " + e.getMessage();
    }
  }

  private static String processor() {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines.filter(l -> l.startsWith("model name")).findFirst().map(l -> l.substring(l.indexOf(':') + 1).strip())
          .orElse(System.getProperty("os.arch"));
    } catch (Exception e) {
      return System.getProperty("os.arch");
    }
  }
}
