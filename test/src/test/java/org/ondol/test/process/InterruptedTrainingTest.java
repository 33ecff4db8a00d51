package org.ondol.test.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.test.process.Jvm.Outcome;
import org.ondol.test.support.TestDevices;

/** Ctrl-C while {@code ondol train} runs. */
class InterruptedTrainingTest {
  private static final int EPOCHS = 30;

  @TempDir
  Path folder;

  private String[] train(String... more) {
    List<String> all = new ArrayList<>(List.of("ondol", "train", "-d", "java", "--data",
        folder.resolve("data").toString(), "-t", "1", "--save-every=3600"));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /** A process hands on to its children that it ignores SIGINT, the second bit of the mask. */
  private static boolean interruptsAreIgnored() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) return false;
    return Files.readAllLines(status).stream().filter(line -> line.startsWith("SigIgn:"))
        .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
  }

  @Test
  void leavesACheckpointFromWhichTheRunEndsWithTheSameBits() throws Exception {
    if (!TestDevices.onPath("kill")) {
      System.out.println("[skipped] an interrupted run: no kill to interrupt it with");
      Assumptions.abort("no kill");
    }
    if (interruptsAreIgnored()) {
      System.out.println("[skipped] an interrupted run: interrupts are ignored here, as in a shell's background jobs");
      Assumptions.abort("SIGINT is ignored");
    }
    Files.createDirectory(folder.resolve("data"));
    byte[] bits = new byte[98 * 200];
    new Random(5).nextBytes(bits);
    for (String part : new String[] {"train", "valid"}) Files.write(folder.resolve("data").resolve(part + ".bits"), bits);
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    String epochs = Integer.toString(EPOCHS);
    Outcome expected = Jvm.withVectorApi().run(train("markov", "--set", "schedule=constant", "-o", whole.toString(), "-e", epochs));
    assertEquals(0, expected.code(), expected.output());

    Process process = Jvm.withVectorApi().start(train("markov", "--set", "schedule=constant", "-o", parts.toString(), "-e", "1000000"));
    StringBuilder output = new StringBuilder();
    try (BufferedReader reader = process.inputReader()) {
      String line = reader.readLine();
      while (line != null && !line.contains("epoch 2 ")) {
        output.append(line).append('\n');
        line = reader.readLine();
      }
      assertTrue(line != null, output.toString());
      new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
      while ((line = reader.readLine()) != null) output.append(line).append('\n');
    } finally {
      if (!process.waitFor(60, TimeUnit.SECONDS)) process.destroyForcibly();
    }
    assertEquals(130, process.exitValue(), output.toString());
    assertTrue(output.toString().contains("go on with --resume " + parts), output.toString());

    Outcome resumed = Jvm.withVectorApi().run(train("--resume", parts.toString(), "-e", epochs));
    assertEquals(0, resumed.code(), resumed.output());
    String end = expected.output().lines().filter(l -> l.contains("epoch " + EPOCHS)).findFirst().orElseThrow();
    assertTrue(resumed.output().contains(end), resumed.output() + "\nexpected\n" + end);
  }
}
