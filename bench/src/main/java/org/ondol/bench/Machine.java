package org.ondol.bench;

import com.google.gson.annotations.SerializedName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;

/** The machine object of the JSON. */
public record Machine(
    String cpu,
    int cores,
    int threads,
    @SerializedName("fma_gflops") double fmaGflops,
    @SerializedName("fma_gflops_median") double fmaGflopsMedian,
    @SerializedName("read_gbs") double readGbs,
    @SerializedName("read_gbs_median") double readGbsMedian,
    String java,
    String date,
    String commit) {

  static Machine of(int threads, Peak peak) {
    return new Machine(
        cpuName(),
        Runtime.getRuntime().availableProcessors(),
        threads,
        peak.fmaBest(),
        peak.fmaMedian(),
        peak.readBest(),
        peak.readMedian(),
        Runtime.version().toString(),
        OffsetDateTime.now().truncatedTo(ChronoUnit.SECONDS).toString(),
        System.getProperty("ondol.bench.commit", "unknown"));
  }

  static String cpuName() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
        if (line.startsWith("model name")) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    } catch (IOException notLinux) {
      // Fall through to what Java itself knows.
    }
    return System.getProperty("os.arch");
  }
}
