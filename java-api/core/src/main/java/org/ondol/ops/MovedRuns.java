package org.ondol.ops;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.spi.Kernels;
import org.ondol.spi.Replay;

/**
 * Runs of a {@link PixelProgram} that the device keeps: the calls for some maps over so many columns are the same at every
 * place but for the place, which they read from the device's memory. A pixel then costs two calls, whatever the network.
 */
final class MovedRuns implements AutoCloseable {
  /** Kinds of runs that are kept; a sampler has three, and as many more as there are lengths of given parts of rows. */
  private static final int LIMIT = 16;

  private final Device device;
  private final PixelMaps maps;
  private final Tensor shift;
  private final Map<Kind, Run> runs = new HashMap<>();
  private long row = -1;
  private long column = -1;

  /** Which maps over how many columns. */
  private record Kind(int[] maps, long columns) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Kind k && columns == k.columns && Arrays.equals(maps, k.maps);
    }

    @Override
    public int hashCode() {
      return 31 * Arrays.hashCode(maps) + Long.hashCode(columns);
    }
  }

  private static final class Run {
    Replay replay;
  }

  MovedRuns(Device device, PixelMaps maps) {
    this.device = device;
    this.maps = maps;
    shift = Scope.detach(Tensor.zeros(device, DType.INT64, 3));
  }

  /**
   * Runs steps at a place by a recording of them. The first run of a kind is left to the caller: it may be the only one, and
   * a device loads kernels when they are called first.
   *
   * @return whether it was done
   */
  boolean run(int[] computed, PixelProgram.Step[] steps, long row, long begin, long end) {
    Kind kind = new Kind(computed, end - begin);
    Run run = runs.get(kind);
    if (run == null) {
      if (runs.size() < LIMIT) runs.put(new Kind(computed.clone(), end - begin), new Run());
      return false;
    }
    if (run.replay == null) run.replay = record(steps, end - begin);
    if (run.replay == null) return false;
    move(row, begin);
    run.replay.run();
    return true;
  }

  private Replay record(PixelProgram.Step[] steps, long columns) {
    Kernels kernels = device.kernels();
    return kernels.record(shift, () -> {
      for (PixelProgram.Step step : steps) step.run(kernels, 0, 0, 0, columns);
    });
  }

  private void move(long row, long column) {
    if (row == this.row && column == this.column) return;
    this.row = -1; // of what is there if the copy fails, nothing is known
    long columns = column * maps.images;
    long[] numbers = {row, columns, row * maps.pitch() + columns};
    device.kernels().memory().upload(MemorySegment.ofArray(numbers), shift.address(), 8L * numbers.length);
    this.row = row;
    this.column = column;
  }

  @Override
  public void close() {
    for (Run run : runs.values()) if (run.replay != null) run.replay.close();
    shift.close();
  }
}
