import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.tools.Builder;

/**
 * Builds the native library of one binding class: JavaCPP writes the JNI source, CMake compiles it with the kernels, and
 * the result goes into the jar. Without a C++ compiler or CMake it says so and succeeds: Ondol then runs on the java
 * backend.
 *
 * <p>Arguments: project root, build folder, classes folder, binding class, library name.
 */
final class NativeBuild {
  private NativeBuild() {}

  public static void main(String[] args) throws Exception {
    Path root = Path.of(args[0]);
    Path build = Path.of(args[1]);
    Path classes = Path.of(args[2]);
    String binding = args[3];
    String library = args[4];
    Path resources = resources(classes, binding);
    String missing = CMake.missing();
    if (missing != null) {
      Files.deleteIfExists(resources.resolve(System.mapLibraryName(library)));
      System.out.println("ondol: " + missing + " found; the cpu backend is left out and Ondol runs on the java backend");
      return;
    }
    Path jni = generate(classes, build, binding, library);
    CMake cmake = new CMake(root, build.resolve("cmake"));
    // With the tests configured, NativeTest builds them in the same folder and compiles no kernel again.
    cmake.configure("the native library", List.of("CMAKE_BUILD_TYPE=Release", "ONDOL_TESTS=ON", "ONDOL_CUDA=OFF",
        "ONDOL_JNI=" + jni, "ONDOL_JNI_HOME=" + System.getProperty("java.home")));
    cmake.build("the native kernels", library);
    install(cmake.build().resolve("native").resolve(System.mapLibraryName(library)), resources, library);
  }

  /** Where the jar keeps the library of a binding. */
  static Path resources(Path classes, String binding) {
    return classes.resolve(binding.substring(0, binding.lastIndexOf('.')).replace('.', '/')).resolve(platform());
  }

  /** Puts a library and its hash where the jar takes them from. */
  static void install(Path made, Path resources, String library) throws Exception {
    Files.createDirectories(resources);
    byte[] bytes = Files.readAllBytes(made);
    Path target = resources.resolve(System.mapLibraryName(library));
    Files.write(target, bytes);
    String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    Files.writeString(resources.resolve(library + ".sha256"), hash);
    System.out.printf("ondol: %s, %d KiB, for %s%n", target.getFileName(), bytes.length / 1024, platform());
  }

  /** Named like JavaCPP's platforms, linux-x86_64 for one. */
  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    return (os.contains("mac") ? "macosx" : os.contains("win") ? "windows" : "linux") + "-"
        + (arch.equals("amd64") ? "x86_64" : arch.equals("aarch64") ? "arm64" : arch);
  }

  /** Runs JavaCPP's generator, only if the binding is newer than what it made last; returns its folder. */
  static Path generate(Path classes, Path build, String binding, String library) throws Exception {
    Path jni = build.resolve("jni");
    Files.createDirectories(jni);
    Path source = classes.resolve(binding.replace('.', '/') + ".class");
    Path made = jni.resolve(library + ".cpp");
    if (Files.exists(made) && Files.getLastModifiedTime(made).compareTo(Files.getLastModifiedTime(source)) > 0) return jni;
    System.out.println("ondol: generating the JNI functions");
    Builder.main(new String[] {"-classpath", classes.toString(), "-d", jni.toString(), "-o", library, "-nocompile",
        "-nodelete", binding});
    return jni;
  }
}
