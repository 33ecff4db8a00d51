package org.ondol.cuda;

import static org.bytedeco.cuda.global.cudart.cudaErrorInsufficientDriver;
import static org.bytedeco.cuda.global.cudart.cudaErrorNoDevice;
import static org.bytedeco.cuda.global.cudart.cudaGetDeviceCount;
import static org.bytedeco.cuda.global.cudart.cudaGetDeviceProperties;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.ondol.natives.NativeFile;
import org.ondol.spi.Backend.Status;

/**
 * Finds out which CUDA devices can run, and why others cannot. The steps come cheapest first: without a driver nothing
 * else is loaded, neither the kernels nor JavaCPP.
 */
final class Probe {
  private static final String LIBRARY = "jniondolcuda";
  private static final int OLDEST_MAJOR = 8;

  private Probe() {}

  static List<Status> devices() {
    String missing = missingDriver();
    if (missing == null) missing = missingKernels();
    if (missing == null) missing = missingRuntime();
    return missing != null ? unavailable(missing) : list();
  }

  private static List<Status> unavailable(String reason) {
    return List.of(new Status("cuda:0", false, reason));
  }

  private static String missingDriver() {
    String name = System.getProperty("os.name").startsWith("Windows") ? "nvcuda.dll" : "libcuda.so.1";
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(name, arena);
      return null;
    } catch (IllegalArgumentException e) {
      return "no NVIDIA driver found (" + name + "); on a machine with an NVIDIA GPU install its driver, 580 or later";
    }
  }

  private static String missingKernels() {
    try {
      Path file = NativeFile.extract(Probe.class, LIBRARY);
      if (file == null) {
        return "the jar holds no CUDA kernels for " + NativeFile.platform()
            + "; build it where nvcc is (the CUDA toolkit, 12 or later): mvn package";
      }
      System.load(file.toAbsolutePath().toString());
      CudaKernels.architectures(); // links the binding now rather than in a kernel call
      return null;
    } catch (IOException | LinkageError e) {
      return "the CUDA kernels could not be loaded: " + e.getMessage();
    }
  }

  private static String missingRuntime() {
    try {
      Loader.load(cudart.class);
      return null;
    } catch (LinkageError e) {
      return "the CUDA runtime could not be loaded (" + firstLine(e) + "); install the CUDA 13 toolkit or its runtime"
          + " package (libcudart.so.13), or add org.bytedeco:cuda-platform-redist to the class path";
    }
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private static List<Status> list() {
    int[] count = new int[1];
    int code = cudaGetDeviceCount(count);
    if (code == cudaErrorNoDevice) {
      return unavailable("the NVIDIA driver reports no device; is one visible (CUDA_VISIBLE_DEVICES)?");
    }
    if (code == cudaErrorInsufficientDriver) {
      return unavailable("the NVIDIA driver is too old for CUDA 13; install 580 or later");
    }
    if (code != cudaSuccess) return unavailable("counting the devices: " + PresetRuntime.describe(code));
    List<Status> devices = new ArrayList<>();
    for (int i = 0; i < count[0]; i++) devices.add(describe(i));
    return devices.isEmpty() ? unavailable("the NVIDIA driver reports no device") : List.copyOf(devices);
  }

  private static Status describe(int ordinal) {
    String name = "cuda:" + ordinal;
    try (cudaDeviceProp properties = new cudaDeviceProp(); BytePointer text = properties.name()) {
      int code = cudaGetDeviceProperties(properties, ordinal);
      if (code != cudaSuccess) {
        return new Status(name, false, "asking for its properties: " + PresetRuntime.describe(code));
      }
      String hardware = text.getString() + ", " + (properties.totalGlobalMem() >> 30) + " GiB, compute capability "
          + properties.major() + "." + properties.minor();
      boolean runs = properties.major() >= OLDEST_MAJOR;
      return new Status(name, runs, runs ? hardware + ", kernels " + CudaKernels.architectures()
          : hardware + "; the kernels need " + OLDEST_MAJOR + ".0 (A100, RTX 30) or later");
    }
  }
}
