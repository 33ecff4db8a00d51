package org.ondol.test.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.ondol.test.support.TestDevices;

/**
 * Two projects that use Ondol from outside: test/consumer-maven through installed artifacts, on the class path and on the
 * module path, and test/consumer-cmake through find_package(Ondol) in an installed prefix.
 */
class ConsumerTest {
  private static final Path ROOT = Path.of(System.getProperty("ondol.root", "..")).toAbsolutePath().normalize();
  private static final Path WORK = Path.of("target", "consumers").toAbsolutePath();

  private static void skip(String reason) {
    System.out.println("[skipped] consumer: " + reason);
    Assumptions.abort(reason);
  }

  private static String run(Path folder, String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), String.join(" ", command) + "\n" + output);
    return output;
  }

  private static Path emptied(String name) throws IOException {
    Path folder = WORK.resolve(name);
    if (Files.exists(folder)) {
      try (var files = Files.walk(folder)) {
        for (Path p : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(p);
        }
      }
    }
    return Files.createDirectories(folder);
  }

  @Test
  void mavenProjectOnClassPathAndModulePath() throws Exception {
    String version = System.getProperty("ondol.version");
    String mavenHome = System.getProperty("ondol.maven.home");
    if (version == null || mavenHome == null) {
      skip("Maven does not run this test, so where it and the artifacts are is not known");
    }
    Path repository = emptied("repository");
    install(repository, "ondol-parent", ROOT.resolve("pom.xml"), null, version);
    for (String[] module : new String[][] {{"ondol-core", "java-api/core"}, {"ondol-native", "native"}}) {
      Path jar = ROOT.resolve(module[1]).resolve("target").resolve(module[0] + "-" + version + ".jar");
      if (!Files.exists(jar)) {
        skip("no " + ROOT.relativize(jar) + "; run mvn verify, not mvn test");
      }
      install(repository, module[0], ROOT.resolve(module[1]).resolve("pom.xml"), jar, version);
    }
    Path project = copyOf(ROOT.resolve("test/consumer-maven"), emptied("maven"));
    Path settings = Files.writeString(WORK.resolve("settings.xml"), settings(repository));
    // A local repository of its own, so that artifacts of this build never reach the user's.
    String output = run(project, Path.of(mavenHome, "bin", "mvn").toString(), "-B", "-s", settings.toString(),
        "-Dmaven.repo.local=" + WORK.resolve("local"), "-Dondol.version=" + version, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "process-classes");
    output.lines().filter(l -> l.startsWith("consumer")).forEach(l -> System.out.println("[consumer] " + l));
    assertTrue(output.contains("consumer on the class path"), output);
    assertTrue(output.contains("consumer on the module path"), output);
  }

  /** What install:install does, into a repository that nobody else reads. */
  private static void install(Path repository, String artifact, Path pom, Path jar, String version) throws IOException {
    Path folder = Files.createDirectories(repository.resolve("org/ondol").resolve(artifact).resolve(version));
    Files.copy(pom, folder.resolve(artifact + "-" + version + ".pom"), StandardCopyOption.REPLACE_EXISTING);
    if (jar != null) {
      Files.copy(jar, folder.resolve(jar.getFileName()), StandardCopyOption.REPLACE_EXISTING);
    }
    Path stale = WORK.resolve("local/org/ondol").resolve(artifact);
    if (Files.exists(stale)) {
      try (var files = Files.walk(stale)) {
        for (Path p : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(p);
        }
      }
    }
  }

  private static Path copyOf(Path from, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path p : files.filter(f -> Files.isRegularFile(f) && !from.relativize(f).startsWith("target")).toList()) {
        Path target = to.resolve(from.relativize(p).toString());
        Files.createDirectories(target.getParent());
        Files.copy(p, target, StandardCopyOption.REPLACE_EXISTING);
      }
    }
    return to;
  }

  /** Ondol from the private repository; plugins and JavaCPP from what this build has downloaded already, then the network. */
  private static String settings(Path repository) {
    Path downloaded = Path.of(System.getProperty("ondol.repository",
        Path.of(System.getProperty("user.home"), ".m2", "repository").toString()));
    StringBuilder text = new StringBuilder("<settings><profiles><profile><id>here</id>");
    for (String kind : List.of("repositor", "pluginRepositor")) {
      text.append("<").append(kind).append("ies>");
      for (Path p : List.of(repository, downloaded)) {
        text.append("<%sy><id>%s</id><url>%s</url><releases><checksumPolicy>ignore</checksumPolicy></releases></%sy>".formatted(
            kind, p.equals(repository) ? "installed" : "downloaded", p.toUri(), kind));
      }
      text.append("</").append(kind).append("ies>");
    }
    return text.append("</profile></profiles><activeProfiles><activeProfile>here</activeProfile></activeProfiles></settings>")
        .toString();
  }

  @Test
  void cmakeProjectFromAnInstalledPrefix() throws Exception {
    String missing = TestDevices.missing("cpu:portable");
    if (missing != null) {
      skip(missing);
    }
    Path build = ROOT.resolve("native/target/cmake");
    if (!Files.isDirectory(build)) {
      skip("no " + ROOT.relativize(build) + "; the native module builds it");
    }
    Path prefix = emptied("prefix");
    Path consumer = emptied("cmake");
    run(ROOT, "cmake", "--build", build.toString(), "--target", "ondol");
    run(ROOT, "cmake", "--install", build.toString(), "--prefix", prefix.toString());
    run(ROOT, "cmake", "-S", ROOT.resolve("test/consumer-cmake").toString(), "-B", consumer.toString(),
        "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_PREFIX_PATH=" + prefix);
    run(ROOT, "cmake", "--build", consumer.toString());
    System.out.print("[consumer] " + run(ROOT, consumer.resolve("consumer").toString()));
  }
}
