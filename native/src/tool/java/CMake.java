import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The C++ toolchain: whether there is one, and configuring and building a CMake project with it. */
final class CMake {
  /** How a command ended, with what it printed on both streams. */
  record Outcome(int code, String log) {}

  private final Path source;
  private final Path build;

  CMake(Path source, Path build) {
    this.source = source;
    this.build = build;
  }

  Path build() {
    return build;
  }

  /** What is absent, as in "no CMake"; null if nothing is. */
  static String missing() {
    List<String> absent = new ArrayList<>();
    if (!onPath("cmake")) absent.add("CMake");
    String compiler = System.getenv("CXX");
    if (!onPath("c++") && !onPath("g++") && !onPath("clang++") && (compiler == null || !onPath(compiler))) {
      absent.add("C++ compiler");
    }
    return absent.isEmpty() ? null : "no " + String.join(" and no ", absent);
  }

  /** Configures with these definitions, NAME=VALUE each. */
  void configure(String what, List<String> definitions) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("cmake", "-S", source.toString(), "-B", build.toString()));
    for (String definition : definitions) command.add("-D" + definition);
    require(command, "configuring " + what);
  }

  void build(String what, String target) throws IOException, InterruptedException {
    String threads = String.valueOf(Math.max(1, Runtime.getRuntime().availableProcessors()));
    require(List.of("cmake", "--build", build.toString(), "--target", target, "-j", threads), "compiling " + what);
  }

  /** Runs a command, printing compiler warnings; on failure prints all of its output and ends this program. */
  private static void require(List<String> command, String what) throws IOException, InterruptedException {
    System.out.println("ondol: " + what);
    Outcome outcome = run(command, Map.of(), line -> {
      if (line.contains("warning:")) System.out.println(line);
    });
    if (outcome.code != 0) {
      System.out.print(outcome.log);
      System.out.println("ondol: " + String.join(" ", command) + " ended with exit code " + outcome.code);
      System.exit(1);
    }
  }

  /** Runs a command with these variables added to its environment, handing on each line of its output. */
  static Outcome run(List<String> command, Map<String, String> environment, Consumer<String> line)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
        .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    builder.environment().putAll(environment);
    Process process = builder.start();
    StringBuilder log = new StringBuilder();
    try (var reader = process.inputReader()) {
      for (String text = reader.readLine(); text != null; text = reader.readLine()) {
        log.append(text).append('\n');
        line.accept(text);
      }
    }
    return new Outcome(process.waitFor(), log.toString());
  }

  static boolean onPath(String program) {
    for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(folder, program))) return true;
    }
    return Files.isExecutable(Path.of(program));
  }
}
