package org.ondol.cuda;

import java.util.List;
import org.ondol.DeviceUnavailableException;
import org.ondol.spi.Backend;
import org.ondol.spi.Kernels;

/** NVIDIA devices: {@code cuda:0}, {@code cuda:1}, in the order of the CUDA runtime. */
public final class CudaBackend implements Backend {
  private static final class Holder {
    static final List<Status> DEVICES = Probe.devices();
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public int priority() {
    return 30;
  }

  @Override
  public List<Status> devices() {
    return Holder.DEVICES;
  }

  @Override
  public Kernels open(String device) {
    for (Status status : devices()) {
      if (!status.name().equals(device)) continue;
      if (!status.available()) throw new DeviceUnavailableException(device, status.description());
      return new CudaKernels(device, new PresetRuntime(Integer.parseInt(device.substring("cuda:".length()))));
    }
    throw new DeviceUnavailableException(device, "there are " + devices().size() + " CUDA devices");
  }
}
