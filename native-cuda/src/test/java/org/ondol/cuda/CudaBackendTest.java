package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.ondol.DeviceUnavailableException;
import org.ondol.Devices;
import org.ondol.spi.Backend;

class CudaBackendTest {
  private static final boolean DRIVER = Files.exists(Path.of("/proc/driver/nvidia/version"));

  @Test
  void withoutADriverTheDeviceIsListedWithTheReason() {
    Assumptions.assumeFalse(DRIVER, "this machine has an NVIDIA driver");
    Backend.Status status = new CudaBackend().devices().getFirst();
    assertEquals("cuda:0", status.name());
    assertFalse(status.available());
    assertTrue(status.description().contains("no NVIDIA driver found (libcuda.so.1)"), status.description());
    assertTrue(status.description().contains("install"), status.description());
  }

  @Test
  void withoutADriverAForcedDeviceIsRefusedWithTheReason() {
    Assumptions.assumeFalse(DRIVER, "this machine has an NVIDIA driver");
    for (String name : new String[] {"cuda", "cuda:0", "cuda:3"}) {
      String message = assertThrows(DeviceUnavailableException.class, () -> Devices.get(name)).getMessage();
      assertTrue(message.contains("\"" + name + "\"") && message.contains("no NVIDIA driver"), message);
    }
  }

  @Test
  void withADriverADeviceCanBeOpened() {
    Assumptions.assumeTrue(DRIVER, "no NVIDIA driver");
    Backend.Status status = new CudaBackend().devices().getFirst();
    assertTrue(status.available(), status.description());
    assertEquals("cuda:0", Devices.get("cuda").name());
  }
}
