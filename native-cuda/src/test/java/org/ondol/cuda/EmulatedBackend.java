package org.ondol.cuda;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Assumptions;
import org.ondol.Device;
import org.ondol.DeviceUnavailableException;
import org.ondol.Devices;
import org.ondol.spi.Backend;
import org.ondol.spi.Kernels;

/**
 * The CUDA kernels compiled for the host (kernels/cuda/emulated) behind the backend's own Java code. Device emulated:0 is
 * always there; a test that breaks its device asks for another.
 */
public final class EmulatedBackend implements Backend {
  private static final String PROPERTY = "ondol.test.emulated";

  private static final List<EmulatedRuntime> RUNTIMES = new CopyOnWriteArrayList<>(List.of(new EmulatedRuntime(1L << 40)));

  private static final class Holder {
    static final String FAILURE = load();
  }

  /** The operations that were run on these devices since the process began. */
  static final Set<String> RUN = ConcurrentHashMap.newKeySet();

  /** Why the library cannot be had, or null once it is loaded. */
  private static String load() {
    String file = System.getProperty(PROPERTY);
    if (file == null || !Files.exists(Path.of(file))) {
      return "the kernels were not compiled for the host (no C++ compiler, or " + PROPERTY + " is not set): " + file;
    }
    if (new CudaBackend().devices().getFirst().available()) return "a real CUDA device is here, its kernels are loaded";
    System.load(file);
    String loaded = CudaKernels.architectures();
    return loaded.equals("emulated") ? null : "the kernels for " + loaded + " are loaded already";
  }

  /** Why there is no emulated device, or null where there is one. */
  static String failure() {
    return Holder.FAILURE;
  }

  /** The GPU where there is one, else the emulated device; ends a test that has neither. */
  static Device device() {
    boolean real = new CudaBackend().devices().getFirst().available();
    Assumptions.assumeTrue(real || failure() == null, failure());
    return Devices.get(real ? "cuda:0" : "emulated:0");
  }

  @Override
  public String name() {
    return "emulated";
  }

  @Override
  public int priority() {
    return -1;
  }

  @Override
  public List<Status> devices() {
    List<Status> devices = new ArrayList<>();
    for (int i = 0; i < RUNTIMES.size(); i++) {
      String text = Holder.FAILURE == null ? "host" : Holder.FAILURE;
      devices.add(new Status("emulated:" + i, Holder.FAILURE == null, text));
    }
    return devices;
  }

  @Override
  public Kernels open(String device) {
    if (Holder.FAILURE != null) throw new DeviceUnavailableException(device, Holder.FAILURE);
    Kernels kernels = new CudaKernels(device, RUNTIMES.get(Integer.parseInt(device.substring("emulated:".length()))));
    return (Kernels) Proxy.newProxyInstance(Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (p, m, args) -> {
      RUN.add(m.getName());
      try {
        return m.invoke(kernels, args);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    });
  }

  /** Opens a device of its own upon a runtime; the calling test is skipped where the kernels cannot be had. */
  static Device open(EmulatedRuntime runtime) {
    if (Holder.FAILURE != null) Assumptions.abort(Holder.FAILURE);
    synchronized (RUNTIMES) {
      RUNTIMES.add(runtime);
      return Devices.get("emulated:" + (RUNTIMES.size() - 1));
    }
  }
}
