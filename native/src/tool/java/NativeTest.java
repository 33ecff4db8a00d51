import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Builds and runs the native tests and prints a line for each test program. Without a C++ compiler or CMake it says so
 * and succeeds.
 *
 * <p>Arguments: project root, build folder, and which builds to test: {@code release} has the kernels that go
 * into the jar; {@code avx512} has the AVX-512 kernels on emulated instructions, on machines without them;
 * {@code sanitize} has the portable and AVX2 kernels under the address and undefined-behaviour sanitizers,
 * {@code sanitize-all} those with AVX-512 and the emulated CUDA kernels too.
 */
final class NativeTest {
  private final Path root;
  private final Path build;
  private int passed;
  private int failed;
  private int skipped;

  private NativeTest(Path root, Path build) {
    this.root = root;
    this.build = build;
  }

  public static void main(String[] args) throws Exception {
    String missing = CMake.missing();
    if (missing != null) {
      System.out.println("ondol: " + missing + " found; the native tests are skipped");
      return;
    }
    NativeTest tests = new NativeTest(Path.of(args[0]).toAbsolutePath().normalize(), Path.of(args[1]).toAbsolutePath());
    for (String which : List.of(args).subList(2, args.length)) tests.test(which);
    System.out.printf("ondol: native tests: %d passed, %d failed, %d skipped%n", tests.passed, tests.failed,
        tests.skipped);
    if (tests.failed > 0) System.exit(1);
  }

  private void test(String which) throws Exception {
    switch (which) {
      // The folder that NativeBuild configured: the kernels are compiled once for the jar and the tests.
      case "release" -> run(project("cmake", which), which);
      case "avx512" -> {
        if (hasAvx512()) {
          System.out.println("ondol: the tests on emulated AVX-512 are skipped: this CPU ran the kernels themselves");
          return;
        }
        // Emulated instructions compile three times as fast at -O1, and are slow at any level.
        run(project("cmake-avx512", which, "CMAKE_BUILD_TYPE=None", "CMAKE_CXX_FLAGS=-O1", "ONDOL_EMULATE_AVX512=ON"),
            which);
      }
      // Debug, so -O0: with the sanitizers -O3 compiles for ten minutes to run little faster.
      // The bodies are the same for all instruction sets, and AVX-512 takes longest to compile: a third of the time. The
      // emulated CUDA kernels find their operands before pages that cannot be touched, in every build.
      case "sanitize" -> run(project("cmake-sanitize", which, "CMAKE_BUILD_TYPE=Debug",
          "ONDOL_SANITIZE=address,undefined", "ONDOL_AVX512=OFF", "ONDOL_CUDA_TESTS=OFF"), which);
      case "sanitize-all" -> run(project("cmake-sanitize-all", which, "CMAKE_BUILD_TYPE=Debug",
          "ONDOL_SANITIZE=address,undefined"), which);
      default -> throw new IllegalArgumentException("no build " + which
          + "; release, avx512, sanitize or sanitize-all expected");
    }
  }

  /** Whether the kernels' AVX-512 variants run here; what they need is in native/src/cpu.cpp. */
  private static boolean hasAvx512() throws IOException {
    Path cpus = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(cpus)) return false;
    try (var lines = Files.lines(cpus)) {
      return lines.filter(line -> line.startsWith("flags")).findFirst().map(line -> List.of(line.split("\\s+")))
          .filter(flags -> flags.containsAll(List.of("avx512f", "avx512dq", "avx512bw", "avx512vl"))).isPresent();
    }
  }

  private CMake project(String folder, String which, String... definitions) throws IOException, InterruptedException {
    CMake cmake = new CMake(root, build.resolve(folder));
    List<String> all = new ArrayList<>(List.of(definitions));
    all.add("ONDOL_CUDA=OFF");
    cmake.configure("the native tests (" + which + ")", all);
    cmake.build("the native tests (" + which + ")", "all");
    return cmake;
  }

  private void run(CMake cmake, String which) throws Exception {
    Path report = cmake.build().resolve("tests.xml");
    Files.deleteIfExists(report);
    // Emulated or checked, a case costs some ten times as much.
    Map<String, String> environment = which.equals("release") ? Map.of()
        : Map.of("ONDOL_TEST_PART", "6", "UBSAN_OPTIONS", "print_stacktrace=1");
    CMake.Outcome outcome = CMake.run(List.of("ctest", "--test-dir", cmake.build().toString(), "--output-on-failure",
        "--output-junit", report.toString(), "--timeout", "300", "--no-tests=error", "--parallel",
        String.valueOf(Runtime.getRuntime().availableProcessors())), environment, line -> {});
    int before = failed;
    if (Files.exists(report)) {
      NodeList cases = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile())
          .getElementsByTagName("testcase");
      for (int i = 0; i < cases.getLength(); i++) show((Element) cases.item(i), which);
    }
    if (outcome.code() != 0) {
      System.out.print(outcome.log());
      if (failed == before) failed++;
    }
  }

  /** One line for a test program, and one for whatever it left out. */
  private void show(Element test, String which) {
    String status = switch (test.getAttribute("status")) {
      case "run" -> "passed";
      case "notrun", "disabled" -> "skipped";
      default -> "failed";
    };
    switch (status) {
      case "passed" -> passed++;
      case "skipped" -> skipped++;
      default -> failed++;
    }
    System.out.printf(Locale.ROOT, "ondol: %s (%s) %s, %.1f s%n", test.getAttribute("name"), which, status,
        Double.parseDouble(test.getAttribute("time")));
    NodeList output = test.getElementsByTagName("system-out");
    if (output.getLength() == 0) return;
    output.item(0).getTextContent().lines().filter(line -> line.contains("skipped:"))
        .forEach(line -> System.out.println("  " + line.strip()));
  }
}
