import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
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
  private static String binding;
  private static String library;

  private NativeBuild() {}

  public static void main(String[] args) throws Exception {
    Path root = Path.of(args[0]);
    Path build = Path.of(args[1]);
    Path classes = Path.of(args[2]);
    binding = args[3];
    library = args[4];
    Path resources = classes.resolve("org/ondol/natives/" + platform());
    String missing = missing();
    if (missing != null) {
      Files.deleteIfExists(resources.resolve(System.mapLibraryName(library)));
      System.out.println("ondol: " + missing + " found; the cpu backend is left out and Ondol runs on the java backend");
      return;
    }
    Path jni = build.resolve("jni");
    Files.createDirectories(jni);
    generate(classes, jni);
    String threads = String.valueOf(Math.max(1, Runtime.getRuntime().availableProcessors()));
    run(List.of("cmake", "-S", root.toString(), "-B", build.resolve("cmake").toString(), "-DCMAKE_BUILD_TYPE=Release",
        "-DONDOL_TESTS=OFF", "-DONDOL_CUDA=OFF", "-DONDOL_JNI=" + jni,
        "-DONDOL_JNI_HOME=" + System.getProperty("java.home")), "configuring the native library");
    run(List.of("cmake", "--build", build.resolve("cmake").toString(), "--target", library, "-j", threads),
        "compiling the native kernels");
    Files.createDirectories(resources);
    Path made = build.resolve("cmake/native/" + System.mapLibraryName(library));
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

  private static String missing() {
    List<String> absent = new ArrayList<>();
    if (!onPath("cmake")) absent.add("CMake");
    String compiler = System.getenv("CXX");
    if (!onPath("c++") && !onPath("g++") && !onPath("clang++") && (compiler == null || !onPath(compiler))) absent.add("C++ compiler");
    return absent.isEmpty() ? null : "no " + String.join(" and no ", absent);
  }

  private static boolean onPath(String program) {
    for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(folder, program))) return true;
    }
    return Files.isExecutable(Path.of(program));
  }

  /** Runs JavaCPP's generator, only if the binding is newer than what it made last. */
  private static void generate(Path classes, Path jni) throws Exception {
    Path source = classes.resolve(binding.replace('.', '/') + ".class");
    Path made = jni.resolve(library + ".cpp");
    if (Files.exists(made) && Files.getLastModifiedTime(made).compareTo(Files.getLastModifiedTime(source)) > 0) return;
    System.out.println("ondol: generating the JNI functions");
    Builder.main(new String[] {"-classpath", classes.toString(), "-d", jni.toString(), "-o", library, "-nocompile",
        "-nodelete", binding});
  }

  private static void run(List<String> command, String what) throws IOException, InterruptedException {
    System.out.println("ondol: " + what);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectInput(ProcessBuilder.Redirect.from(
        new File("/dev/null"))).start();
    StringBuilder log = new StringBuilder();
    try (var reader = process.inputReader()) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        log.append(line).append('\n');
        if (line.contains("warning:")) System.out.println(line);
      }
    }
    int code = process.waitFor();
    if (code != 0) {
      System.out.print(log);
      System.out.println("ondol: " + String.join(" ", command) + " ended with exit code " + code);
      System.exit(1);
    }
  }
}
