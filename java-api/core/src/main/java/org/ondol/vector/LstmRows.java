package org.ondol.vector;

import static org.ondol.vector.Packing.padded;
import static org.ondol.vector.Tiles.PANEL;
import static org.ondol.vector.Tiles.QUAD;

import java.util.Arrays;
import org.ondol.Threads;

/**
 * The product half of a recurrence for a group of sequences: windows of {@code taps} positions along each row of a
 * state, times panels. A row of the state lies between zeros, so that a window is a run of memory; rows of several
 * sequences are one matrix where their windows are equally far apart.
 *
 * @param count sequences of a group
 * @param positions of a row
 * @param channels of the state
 * @param columns of the product, padded to whole panels
 */
record LstmRows(int count, int positions, int taps, int channels, int columns) {
  private static final int K_BLOCK = 256;

  /** Rows that share one pass over the panels: with fewer, those are read too often. */
  private static final int ROWS = 24;

  LstmRows {
    long rows = count * (positions + (long) taps + QUAD);
    Math.toIntExact(Math.multiplyExact(rows, (long) Math.max(channels, columns))); // else no array holds a group
  }

  /** Sequences of a task. */
  static int group(long sequences, long positions) {
    long rows = Math.max(1, ROWS / Math.max(1, positions));
    return (int) Math.max(1, Math.min(rows, Packing.ceilDiv(sequences, Threads.count())));
  }

  /** Positions of a row of the state with the zeros around it. */
  int around() {
    return positions + taps - 1;
  }

  int stateFloats() {
    return count * around() * channels;
  }

  /** Steps of a sum. */
  int k() {
    return taps * channels;
  }

  private boolean oneRun() {
    return taps == 1 || positions == 1;
  }

  private int runRows() {
    return oneRun() ? count * positions : positions;
  }

  private int runStride() {
    return runRows() + QUAD - 1 & -QUAD;
  }

  /** Rows of the product, some of which may stand for nothing. */
  int rows() {
    return oneRun() ? runStride() : count * runStride();
  }

  /** Where the product has a position of a sequence. */
  int row(int sequence, int position) {
    return oneRun() ? sequence * positions + position : sequence * runStride() + position;
  }

  /** The place of a position in the state. */
  int place(int sequence, int position) {
    return (sequence * around() + position) * channels;
  }

  /**
   * product += windows · panels.
   *
   * @param panels of {@link #k} rows
   * @param product {@link #rows} by {@link #columns}
   */
  void multiply(Tiles tiles, float[] state, float[] panels, float[] product, float[] left) {
    int k = k();
    int step = positions == 1 ? k : channels;
    for (int run = 0; run < (oneRun() ? 1 : count); run++) {
      int from = run * around() * channels;
      for (int k0 = 0; k0 < k; k0 += K_BLOCK) {
        int depth = Math.min(K_BLOCK, k - k0);
        Packing.quads(state, from + k0, step, runRows(), depth, left, 0);
        for (int j = 0; j < columns; j += PANEL) {
          tiles.quads(left, 0, runStride() / QUAD, panels, j * k + k0 * PANEL, depth, product,
              run * runStride() * columns + j,
              columns, false);
        }
      }
    }
  }

  int leftFloats() {
    return runStride() * Math.min(K_BLOCK, k());
  }

  /** The weight in panels of each gate. */
  static float[] gatePanels(Floats weight, int taps, int hidden, float[] to) {
    int k = taps * hidden;
    int width = padded(hidden);
    float[] line = new float[4 * hidden];
    for (int i = 0; i < k; i++) {
      weight.read(weight.start + (long) i * 4 * hidden, line, 0, 4 * hidden);
      for (int gate = 0; gate < 4; gate++) {
        Packing.panelRow(line, gate * hidden, hidden, to, gate * width * k + i * PANEL, k * PANEL);
      }
    }
    return to;
  }

  /** The weight for the way back: taps from the last to the first, gates by channels. */
  static float[] channelPanels(Floats weight, int taps, int hidden, float[] to) {
    int gates = 4 * hidden;
    int k = taps * gates;
    float[] line = new float[gates];
    for (int channel = 0; channel < padded(hidden); channel++) {
      int at = channel / PANEL * k * PANEL + channel % PANEL;
      for (int tap = 0; tap < taps; tap++) {
        if (channel < hidden) {
          weight.read(weight.start + ((long) (taps - 1 - tap) * hidden + channel) * gates, line, 0, gates);
        } else {
          Arrays.fill(line, 0);
        }
        Packing.column(line, 0, gates, to, at + tap * gates * PANEL, PANEL);
      }
    }
    return to;
  }
}
