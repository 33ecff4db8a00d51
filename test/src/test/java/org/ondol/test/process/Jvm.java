package org.ondol.test.process;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.stream.Collectors;

/** A JVM of its own that runs {@link Child}. */
final class Jvm {
  /** How it ended: exit code and everything it printed. */
  record Outcome(int code, String output) {
    /** The value of a line name=value. */
    String value(String name) {
      return output.lines().filter(l -> l.startsWith(name + "=")).map(l -> l.substring(name.length() + 1)).findFirst()
          .orElseThrow(() -> new AssertionError("no " + name + " in:\n" + output));
    }
  }

  private final List<String> options = new ArrayList<>(List.of("-Xmx512m"));
  private final Map<String, String> environment = new java.util.TreeMap<>();
  private List<String> classPath = classPath();
  private String before;

  static Jvm withVectorApi() {
    return new Jvm().option("--add-modules", "jdk.incubator.vector").option("--enable-native-access=ALL-UNNAMED");
  }

  static Jvm withoutVectorApi() {
    return new Jvm().option("--enable-native-access=ALL-UNNAMED");
  }

  Jvm option(String... option) {
    options.addAll(List.of(option));
    return this;
  }

  Jvm environment(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** Leaves out the class path's entries whose path contains the text. */
  Jvm without(String text) {
    classPath = classPath.stream().filter(p -> !p.contains(text)).toList();
    return this;
  }

  /** Runs under a shell that first executes a command, such as one that sets a limit. */
  Jvm after(String shellCommand) {
    before = shellCommand;
    return this;
  }

  Process start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(before == null ? List.of() : List.of("bash", "-c", before + "; exec \"$@\"", "bash"));
    command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(options);
    command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), Child.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    return builder.start();
  }

  Outcome run(String... arguments) throws IOException, InterruptedException {
    return finish(start(arguments));
  }

  static Outcome finish(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes());
    return new Outcome(process.waitFor(), output);
  }

  /** The tests' own class path; Surefire may hide it in the manifest of one jar. */
  private static List<String> classPath() {
    List<String> entries = new ArrayList<>();
    for (String entry : ManagementFactory.getRuntimeMXBean().getClassPath().split(File.pathSeparator)) {
      List<String> inside = manifestEntries(Path.of(entry));
      entries.addAll(inside.isEmpty() ? List.of(entry) : inside);
    }
    return entries;
  }

  private static List<String> manifestEntries(Path jar) {
    if (!jar.getFileName().toString().startsWith("surefirebooter") || !Files.isRegularFile(jar)) {
      return List.of();
    }
    try (JarFile file = new JarFile(jar.toFile())) {
      String classPath = file.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
      return Arrays.stream(classPath.split(" ")).map(u -> Path.of(jar.toUri().resolve(u)).toString()).collect(Collectors.toList());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
