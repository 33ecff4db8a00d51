package org.ondol.vector;

import java.util.List;
import org.ondol.HostMemory;
import org.ondol.spi.Backend;
import org.ondol.spi.Kernels;
import org.ondol.spi.Memory;

/** The pure-Java backend: {@code java}, {@code java:vector} and {@code java:scalar}. */
public final class JavaBackend implements Backend {
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
    return List.of(new Status("java", true, "not finished"));
  }

  @Override
  public Kernels open(String device) {
    return new Kernels() {
      @Override
      public String device() {
        return device;
      }

      @Override
      public Memory memory() {
        return HostMemory.INSTANCE;
      }
    };
  }
}
