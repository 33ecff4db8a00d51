package org.ondol.test.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.SafeTensorsWriter;
import org.ondol.test.process.Jvm.Outcome;
import org.ondol.test.support.TestDevices;
import org.ondol.test.training.Digits;

/** Training runs that are killed, and checkpoints for which there is no room. */
class TrainingProcessTest {
  private static final int STEPS = 14;

  @TempDir
  Path folder;

  private static String[] arguments(String device, Path checkpoint) {
    return new String[] {"train", device, Digits.file().toString(), Integer.toString(STEPS), checkpoint.toString()};
  }

  /** Kills the run, without a chance to clean up, as soon as it has said so many steps. */
  private static void killAfter(int steps, String device, Path checkpoint) throws IOException, InterruptedException {
    Process process = Jvm.withVectorApi().start(arguments(device, checkpoint));
    try (BufferedReader reader = process.inputReader()) {
      StringBuilder output = new StringBuilder();
      for (String line = reader.readLine(); !("step " + steps).equals(line); line = reader.readLine()) {
        if (line == null) throw new AssertionError("ended too early:\n" + output);
        output.append(line).append('\n');
      }
    } finally {
      process.destroyForcibly();
      process.waitFor();
    }
  }

  @Test
  void aKilledRunEndsWithTheBitsOfOneThatWasNot() throws Exception {
    Digits.require(1);
    String expected = null;
    for (String device : new String[] {"java", "cpu"}) {
      TestDevices.require(device);
      Outcome whole = Jvm.withVectorApi().run(arguments(device, folder.resolve(device + "-whole")));
      assertEquals(0, whole.code(), whole.output());
      assertEquals("0", whole.value("from"));
      if (expected == null) expected = whole.value("bits");
      assertEquals(expected, whole.value("bits"), "on " + device);
      Path checkpoint = folder.resolve(device);
      killAfter(4, device, checkpoint);
      killAfter(9, device, checkpoint);
      Outcome resumed = Jvm.withVectorApi().run(arguments(device, checkpoint));
      assertEquals(0, resumed.code(), resumed.output());
      assertTrue(Integer.parseInt(resumed.value("from")) >= 9, resumed.output());
      assertEquals(expected, resumed.value("bits"), "on " + device);
    }
  }

  /** A limit on the size of files stands for a full disk: writing fails half-way. */
  @Test
  void noRoomLeavesTheOldFile() throws Exception {
    if (!TestDevices.onPath("bash")) {
      System.out.println("[skipped] no room for a checkpoint: no bash to set a limit with");
      Assumptions.abort("no bash");
    }
    Path own = Files.createDirectory(folder.resolve("own"));
    Path file = own.resolve("weights");
    String cache = folder.resolve("cache").toString(); // the limit must not cut the library that others use
    try (Scope scope = Scope.open()) {
      SafeTensorsWriter.write(file, Map.of("a", Tensor.of(Device.of("java"), new float[] {1}, 1)), Map.of());
    }
    byte[] before = Files.readAllBytes(file);
    Outcome small = Jvm.withVectorApi().environment("ONDOL_CACHE", cache).after("ulimit -f 512").run("write",
        file.toString(), "1000000");
    assertEquals(0, small.code(), small.output());
    assertTrue(small.value("refused").contains("what was there is unchanged"), small.output());
    assertArrayEquals(before, Files.readAllBytes(file));
    try (var left = Files.list(own)) {
      assertEquals(1, left.count(), "an unfinished file is left");
    }
    Outcome large = Jvm.withVectorApi().run("write", file.toString(), "1000000");
    assertEquals("true", large.value("written"), large.output());
    try (SafeTensors read = SafeTensors.open(file)) {
      assertEquals(2, read.floats("a")[999_999]);
    }
  }
}
