import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Builds the libraries of the cuda backend: the kernels for the device, which go into the jar, and the same kernels for
 * the host, which only the module's tests load. Without nvcc the first is left out, without a C++ compiler both.
 *
 * <p>Arguments: project root, build folder, the build folder of the native library, classes folder, binding class, library
 * name.
 */
final class CudaBuild {
  private CudaBuild() {}

  public static void main(String[] args) throws Exception {
    Path root = Path.of(args[0]);
    Path build = Path.of(args[1]);
    Path host = Path.of(args[2]);
    Path classes = Path.of(args[3]);
    String binding = args[4];
    String library = args[5];
    Path resources = NativeBuild.resources(classes, binding);
    String missing = CMake.missing();
    boolean kernels = missing == null && nvcc();
    if (!kernels) {
      Files.deleteIfExists(resources.resolve(System.mapLibraryName(library)));
      System.out.println("ondol: " + (missing != null ? missing : "no nvcc") + " found; the cuda backend has no kernels"
          + (missing != null ? "" : " (install the CUDA toolkit, 12 or later, or set CUDACXX)"));
    }
    if (missing != null) return;
    Path jni = NativeBuild.generate(classes, build, binding, library);
    List<String> definitions = List.of("CMAKE_BUILD_TYPE=Release", "ONDOL_CUDA_JNI=" + jni.resolve(library + ".cpp"),
        "ONDOL_JNI_HOME=" + System.getProperty("java.home"));
    // In the folder of the native library, where NativeTest tests the same kernels: they are compiled once.
    CMake emulated = new CMake(root, host.resolve("cmake"));
    emulated.configure("the CUDA kernels for the host", with(definitions, "ONDOL_TESTS=ON", "ONDOL_CUDA=OFF"));
    emulated.build("the CUDA kernels for the host, for the tests", library + "_emulated");
    if (!kernels) return;
    CMake cmake = new CMake(root, build.resolve("cmake"));
    cmake.configure("the CUDA library", with(definitions, "ONDOL_TESTS=OFF", "ONDOL_CUDA=ON"));
    cmake.build("the CUDA kernels, some minutes", library);
    Path use = cmake.build().resolve("kernels/cuda/CMakeFiles/ondolcuda.dir/kernel-use.txt");
    if (Files.exists(use)) System.out.print(Files.readString(use));
    Path made = cmake.build().resolve("kernels/cuda").resolve(System.mapLibraryName(library));
    NativeBuild.install(made, resources, library);
  }

  private static List<String> with(List<String> definitions, String... more) {
    return Stream.concat(definitions.stream(), Stream.of(more)).toList();
  }

  /** Where CMake looks: CUDACXX, the PATH, the toolkit's usual folder. */
  private static boolean nvcc() {
    String chosen = System.getenv("CUDACXX");
    String path = System.getenv().getOrDefault("PATH", "") + File.pathSeparator + "/usr/local/cuda/bin";
    return chosen != null ? CMake.onPath(chosen)
        : Stream.of(path.split(File.pathSeparator)).anyMatch(folder -> Files.isExecutable(Path.of(folder, "nvcc")));
  }
}
