package org.ondol.cuda;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.ondol.DeviceUnavailableException;
import org.ondol.spi.Backend;
import org.ondol.spi.Kernels;

/** The CUDA kernels compiled for the host (kernels/cuda/emulated) behind the backend's own Java code. */
public final class EmulatedBackend implements Backend {
  private static final String PROPERTY = "ondol.test.emulated";

  private static final class Holder {
    static final String FAILURE = load();
  }

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
    return List.of(new Status("emulated:0", Holder.FAILURE == null, Holder.FAILURE == null ? "host" : Holder.FAILURE));
  }

  @Override
  public Kernels open(String device) {
    if (Holder.FAILURE != null) throw new DeviceUnavailableException(device, Holder.FAILURE);
    return new CudaKernels(device, new EmulatedRuntime(Long.MAX_VALUE));
  }
}
