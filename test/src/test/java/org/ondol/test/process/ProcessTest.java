package org.ondol.test.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.test.process.Jvm.Outcome;
import org.ondol.test.support.TestDevices;

/** What only a fresh JVM can show: the first call, a cold library cache, missing modules and libraries. */
class ProcessTest {
  /** The goal is 250 ms on a quiet machine; a busy one may take several times as long without anything being wrong. */
  private static final double FIRST_CALL_GOAL_MS = 250;
  private static final double FIRST_CALL_LIMIT_MS = 1500;

  private static List<Path> files(Path folder) throws IOException {
    try (var all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Test
  void firstCall(@TempDir Path folder) throws Exception {
    for (String device : List.of("java", "cpu")) {
      if (device.equals("cpu")) {
        TestDevices.require("cpu");
      }
      double[] times = new double[5];
      for (int i = 0; i < times.length; i++) {
        Outcome outcome = Jvm.withVectorApi().environment("ONDOL_CACHE", folder.resolve(device + i).toString())
            .run("first-call", device);
        assertEquals(0, outcome.code(), outcome.output());
        times[i] = Double.parseDouble(outcome.value("first-call-ms"));
      }
      Arrays.sort(times);
      System.out.printf("[first call] %s: best %.0f, median %.0f ms of %d fresh JVMs with an empty cache (goal %.0f)%n", device,
          times[0], times[times.length / 2], times.length, FIRST_CALL_GOAL_MS);
      assertTrue(times[0] <= FIRST_CALL_LIMIT_MS, "first call on " + device + " took " + times[0] + " ms");
    }
  }

  @Test
  void jvmsThatStartTogetherShareOneLibrary(@TempDir Path folder) throws Exception {
    TestDevices.require("cpu");
    int expected = Child.bits(Device.of("java:scalar"));
    List<Process> started = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      started.add(Jvm.withVectorApi().environment("ONDOL_CACHE", folder.toString()).start("bits", "cpu"));
    }
    for (Process process : started) {
      Outcome outcome = Jvm.finish(process);
      assertEquals(0, outcome.code(), outcome.output());
      assertEquals(String.valueOf(expected), outcome.value("bits"), outcome.output());
    }
    List<Path> left = files(folder);
    assertEquals(1, left.size(), "files in the cache: " + left);
  }

  @Test
  void brokenLibraryInTheCacheIsReplaced(@TempDir Path folder) throws Exception {
    TestDevices.require("cpu");
    Jvm jvm = Jvm.withVectorApi().environment("ONDOL_CACHE", folder.toString());
    assertEquals(0, jvm.run("device", "cpu").code());
    Path library = files(folder).getFirst();
    byte[] whole = Files.readAllBytes(library);
    Files.write(library, Arrays.copyOf(whole, whole.length / 2));
    Outcome outcome = jvm.run("bits", "cpu");
    assertEquals(0, outcome.code(), outcome.output());
    assertTrue(Arrays.equals(whole, Files.readAllBytes(library)), "the library is whole again");
  }

  @Test
  void cacheThatCannotBeWrittenIsPassedOver(@TempDir Path folder) throws Exception {
    TestDevices.require("cpu");
    Path file = Files.createFile(folder.resolve("not-a-folder"));
    Outcome outcome = Jvm.withVectorApi().environment("ONDOL_CACHE", file.toString())
        .environment("XDG_CACHE_HOME", folder.resolve("other").toString()).run("bits", "cpu");
    assertEquals(0, outcome.code(), outcome.output());
    assertEquals(String.valueOf(Child.bits(Device.of("java:scalar"))), outcome.value("bits"));
  }

  @Test
  void noFolderForTheLibraryIsSaidNotHidden(@TempDir Path folder) throws Exception {
    TestDevices.require("cpu");
    String file = Files.createFile(folder.resolve("not-a-folder")).toString();
    Outcome outcome = Jvm.withVectorApi().environment("ONDOL_CACHE", file).environment("XDG_CACHE_HOME", file)
        .option("-Djava.io.tmpdir=" + file).run("device", "cpu");
    assertTrue(outcome.value("unavailable").contains("could not be written"), outcome.output());
  }

  @Test
  void withoutTheIncubatorModuleTheJavaBackendIsScalar() throws Exception {
    int expected = Child.bits(Device.of("java:scalar"));
    Outcome outcome = Jvm.withoutVectorApi().run("bits", "java");
    assertEquals(String.valueOf(expected), outcome.value("bits"), outcome.output());
    Outcome description = Jvm.withoutVectorApi().run("device", "java");
    assertTrue(description.value("description").contains("--add-modules jdk.incubator.vector"), description.output());
    Outcome forced = Jvm.withoutVectorApi().run("device", "java:vector");
    assertTrue(forced.value("unavailable").contains("--add-modules jdk.incubator.vector"), forced.output());
  }

  @Test
  void withoutTheNativeJarCpuIsRefusedAndJavaIsBest() throws Exception {
    Jvm jvm = Jvm.withVectorApi().without("native");
    Outcome forced = jvm.run("device", "cpu");
    assertTrue(forced.value("unavailable").contains("ondol-native"), forced.output());
    assertTrue(jvm.run("device", "cpu:avx2").value("unavailable").contains("ondol-native"));
    assertEquals("java", jvm.run("best").value("best").split(":")[0]);
  }

  @Test
  void everyDeviceIsListedWithItsReason() throws Exception {
    Outcome outcome = Jvm.withVectorApi().run("list");
    for (String name : TestDevices.NAMES) {
      boolean needed = TestDevices.missing(name) == null;
      assertTrue(!needed || outcome.value(name).startsWith("true"), name + " in:\n" + outcome.output());
    }
    outcome.output().lines().filter(l -> l.contains("=false"))
        .forEach(l -> assertTrue(l.length() > l.indexOf('=') + 10, "no reason in: " + l));
  }
}
