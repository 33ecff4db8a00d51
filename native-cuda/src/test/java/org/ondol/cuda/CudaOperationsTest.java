package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.natives.Family;
import org.ondol.spi.Kernels;

/** The operations of the backend interface, one after the other: each has a kernel, or is refused with its name. */
class CudaOperationsTest {
  /** What is refused. */
  private static final Set<String> MISSING = Set.of("winograd");

  private static Kernels kernels;

  @BeforeAll
  static void open() {
    String failure = EmulatedBackend.failure();
    Assumptions.assumeTrue(failure == null, failure);
    kernels = new CudaKernels("cuda:0", new EmulatedRuntime(Long.MAX_VALUE));
  }

  static Set<String> operations() {
    Set<String> names = new TreeSet<>();
    for (Method m : Kernels.class.getMethods()) {
      if (m.getParameterCount() == 1 && m.getParameterTypes()[0].getSimpleName().endsWith("Args")) names.add(m.getName());
    }
    return names;
  }

  /** Without arguments an operation that is there fails when it reads them; one that is not says so first. */
  @Test
  void everyOperationIsImplementedOrRefusedWithItsName() throws IllegalAccessException {
    Set<String> refused = new TreeSet<>();
    for (Method m : Kernels.class.getMethods()) {
      if (!operations().contains(m.getName())) continue;
      try {
        m.invoke(kernels, (Object) null);
        fail(m.getName() + " did nothing");
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof UnsupportedOnDeviceException u) {
          assertEquals(m.getName(), u.op());
          assertTrue(u.getMessage().contains(m.getName()) && u.getMessage().contains("\"cuda:0\""), u.getMessage());
          refused.add(m.getName());
        } else {
          assertTrue(e.getCause() instanceof NullPointerException, m.getName() + ": " + e.getCause());
        }
      }
    }
    assertEquals(MISSING, refused);
  }

  /** The library that was compiled knows the arguments of each. */
  @Test
  void everyOperationIsInTheLibrary() {
    List<String> missing = new ArrayList<>();
    for (Family family : Family.values()) {
      try (Arena arena = Arena.ofConfined()) {
        long words = OndolCudaLibrary.ondol_cuda_args_words(arena.allocateFrom(family.spelling()).address());
        if (words <= 0) missing.add(family.spelling());
      }
    }
    assertEquals(List.copyOf(MISSING), missing);
    assertEquals(operations().size(), Family.values().length);
  }
}
