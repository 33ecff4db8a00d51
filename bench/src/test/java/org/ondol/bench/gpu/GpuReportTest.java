package org.ondol.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GpuReportTest {
  @TempDir Path folder;

  private static String row(String stem, String name, String contender, String variant, boolean peer, double ms) {
    return ("{'stem':'%s','case':'%s','contender':'%s','variant':'%s','peer':%s,'ms_median':%s,'ms_best':%s,'gflops':2000,"
        + "'checked':true}").formatted(stem, name, contender, variant, peer, ms, ms).replace('\'', '"');
  }

  private static String without(String stem, String contender, String variant, boolean peer, String key, String reason) {
    return "{'stem':'%s','case':'all','contender':'%s','variant':'%s','peer':%s,'%s':'%s'}"
        .formatted(stem, contender, variant, peer, key, reason).replace('\'', '"');
  }

  private String report() throws IOException {
    Files.writeString(folder.resolve("machine.tsv"), "gpu\tsome GPU\ndate\ttoday\n");
    Files.writeString(folder.resolve("steps.tsv"), "parity\tok\t12\t40 tests successful\npeers\ttimeout\t110\t" + "long ".repeat(30) + "\n");
    Files.write(folder.resolve("times.jsonl"), List.of(row("call", "small", "cuda", "exact", false, 0.002),
        row("gemm", "large", "cuda", "exact", false, 4), row("gemm", "large", "cuda", "bfloat16", false, 1),
        without("conv", "cuda", "tf32", false, "missing", "the library lacks it"),
        without("deconv", "cuda", "exact", false, "wrong", "y[3] is 2, expected 1")));
    Files.write(folder.resolve("java.jsonl"), List.of(row("call", "small", "cuda through Java", "exact", false, 0.0045)));
    Files.write(folder.resolve("peers.jsonl"), List.of(row("gemm", "large", "slow", "float32", true, 9),
        row("gemm", "large", "fast", "float32", true, 6), row("gemm", "large", "fast", "tf32", true, 0.1),
        row("gemm", "large", "fast", "bfloat16", true, 0.5), without("all", "torch", "", true, "missing", "no python3")));
    return new GpuReport().write(folder);
  }

  @Test
  void aRatioIsOfTheFastestPeerInTheSamePrecision() throws IOException {
    String table = report();
    assertTrue(table.contains("exact          4.000 ms    2.00 TFLOP/s  x1.50 of fast, goal 0.85\n"), table);
    assertTrue(table.contains("bfloat16       1.000 ms    2.00 TFLOP/s  x0.50 of fast, goal 0.85\n"), table);
    JsonObject figures = JsonParser.parseString(Files.readString(folder.resolve("figures.json"))).getAsJsonObject();
    assertEquals(1.5, figures.getAsJsonArray("rows").get(1).getAsJsonObject().get("ratio").getAsDouble());
    assertEquals("some GPU", figures.getAsJsonObject("machine").get("gpu").getAsString());
  }

  @Test
  void whatFailedOrIsMissingIsSaid() throws IOException {
    String table = report();
    assertTrue(table.contains("WRONG: y[3] is 2, expected 1\n"), table);
    assertTrue(table.contains("not timed: tf32: the library lacks it\n"), table);
    assertTrue(table.contains("missing peer: torch: no python3\n"), table);
    JsonObject figures = JsonParser.parseString(Files.readString(folder.resolve("figures.json"))).getAsJsonObject();
    assertEquals(1, figures.getAsJsonArray("wrong").size());
    assertEquals(2, figures.getAsJsonArray("missing").size());
    assertEquals("timeout", figures.getAsJsonArray("steps").get(1).getAsJsonObject().get("outcome").getAsString());
  }

  @Test
  void aCallThroughJavaIsComparedWithTheSameFromNativeCode() throws IOException {
    String table = report();
    assertTrue(table.contains("2.50 us more than from C++ (goal 3)\n"), table);
  }

  @Test
  void noLineIsLongerThanATerminal() throws IOException {
    assertTrue(report().lines().allMatch(line -> line.length() <= 80));
  }
}
