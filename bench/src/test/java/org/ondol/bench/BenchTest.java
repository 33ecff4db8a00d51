package org.ondol.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BenchTest {
  @ParameterizedTest
  @ValueSource(strings = {"nosuchstem", "--nosuchoption", "gemm --only nosuchcase", "--from x.json", "--plot chart.gif",
      "--plot chart.png --from nosuchfile.json"})
  void badUsageIsRefused(String line) {
    assertEquals(2, Bench.commandLine().execute(line.split(" ")));
  }

  @Test
  void aNotANumberIsWrong() {
    assertNull(Check.within("c", 0, 1, 1.5, 0.5));
    assertNotNull(Check.within("c", 0, 1, 1.6, 0.5));
    assertNotNull(Check.within("c", 0, 1, Double.NaN, 0.5));
    assertNotNull(Check.same(Map.of("c", new float[] {1, 2}), Map.of("c", new float[] {1, Float.NaN}), 1e-3));
    assertNotNull(Check.same(Map.of("c", new float[] {1, 2}), Map.of("c", new float[] {1}), 1e-3));
  }

  @Test
  void medians() {
    assertEquals(2, Runner.median(new double[] {9, 1, 2}));
    assertEquals(2.5, Runner.median(new double[] {4, 1, 2, 3}));
  }

  @Test
  void aPlotIsDrawnFromRows(@TempDir Path folder) throws Exception {
    Machine machine = new Machine("a processor", 2, 2, 100, 90, 30, 29, "25", "2026-01-01", "none");
    List<Row> rows = List.of(row("cpu", false, 1.0), row("libtorch", true, 2.0));
    Path file = folder.resolve("chart.png");
    Plot.write(file, machine, rows);
    assertTrue(Files.size(file) > 1000);
  }

  private static Row row(String contender, boolean peer, double ms) {
    return new Row("gemm", "square 256", contender, "", peer, ms, ms, 1.0, "fma", 0.5, peer ? null : 2.0,
        peer ? null : 2.0, true);
  }
}
