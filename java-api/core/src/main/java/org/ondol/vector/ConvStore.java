package org.ondol.vector;

import org.ondol.spi.ConvArgs;

/** What happens to finished sums of a band: they become planes, plus bias, plus residual, activation, rows of y. */
final class ConvStore {
  private final ConvKernel k;
  private final ConvArgs args;
  private final ConvEpilogue epilogue;
  private final Turns turns;
  private final Floats y;
  private final Floats residual;

  ConvStore(Loops loops, ConvKernel k) {
    this.k = k;
    args = k.args;
    epilogue = new ConvEpilogue(loops, args);
    turns = loops.turns();
    y = Floats.of(args.y());
    residual = Floats.of(args.residual());
  }

  /** Panel p, whose sums are in the given slot. */
  void finish(ConvKernel.Band band, int p, int slot, Scratch scratch) {
    ConvAxis[] phases = k.columnPhases;
    float[] sums = scratch.floats(ConvKernel.SUMS, 0);
    int channels = k.filters.panelChannels[p];
    float[] planes = sums;
    int at = (band.slot() * k.plan.panels() + slot) * k.panelSums;
    int phaseStep = k.plan.panels() * k.panelSums;
    if (!k.plan.byPosition()) {
      planes = scratch.floats(ConvKernel.PLANES, (long) phases.length * 16 * k.planePitch);
      float[] square = scratch.floats(ConvKernel.SQUARE, Turns.SQUARE);
      for (int j = 0; j < phases.length; j++) {
        toPlanes(band, phases[j], sums, at + j * phaseStep, planes, j * 16 * k.planePitch, square);
      }
      at = 0;
      phaseStep = 16 * k.planePitch;
    }
    int width = (int) (args.endW() - args.beginW());
    int rowStep = k.plan.byPosition() ? k.patch.pitch : width;
    float[] lines = phases.length > 1 ? scratch.floats(ConvKernel.LINES, (long) band.rows() * width + 16) : null;
    for (int i = 0; i < channels; i++) {
      long o = k.filters.channel(k.filters.panelClass[p], k.filters.panelBegin[p] + i);
      int from = at + i * k.planePitch;
      if (lines != null) {
        interleave(band, planes, from, phaseStep, lines, width);
        channel(band, o, lines, 0, width, width, scratch);
      } else {
        channel(band, o, planes, from, rowStep, width, scratch);
      }
    }
  }

  /** In squares of vectors; mask A 7 x 7 3-128, Zen 5: 1.97 ms instead of 2.18 with scalar code. */
  private void toPlanes(ConvKernel.Band band, ConvAxis axis, float[] sums, int at, float[] planes, int to,
      float[] square) {
    int count = (int) axis.count();
    boolean flat = k.flat(axis);
    int lines = flat ? 1 : band.rows();
    int width = flat ? band.rows() * count : count;
    int step = k.tiles.padded(width) * 16;
    for (int r = 0; r < lines; r++) {
      turns.turn(sums, at + r * step, 16, width, 16, planes, to + r * width, k.planePitch, square);
    }
  }

  /** Column phase j has the elements j, j + stride, ... of a row. */
  private void interleave(ConvKernel.Band band, float[] planes, int at, int phaseStep, float[] lines, int width) {
    int step = k.columnPhases.length;
    for (int j = 0; j < step; j++) {
      ConvAxis axis = k.columnPhases[j];
      int count = (int) axis.count();
      int pitch = k.plan.byPosition() ? k.patch.pitch : count;
      for (int r = 0; r < band.rows(); r++) {
        int from = at + j * phaseStep + r * pitch;
        int to = r * width + j;
        for (int i = 0; i < count; i++) {
          lines[to + i * step] = planes[from + i];
        }
      }
    }
  }

  /** One channel of a band; its rows lie rowStep apart, and what is between them may be overwritten. */
  private void channel(ConvKernel.Band band, long o, float[] sums, int at, int rowStep, int width, Scratch scratch) {
    int n = (band.rows() - 1) * rowStep + width;
    float[] added = null;
    if (residual != null) {
      added = scratch.floats(ConvKernel.RESIDUAL, Packing.padded(n));
      rows(residual, position(residual, band, o), band, rowStep, width, added, 0, true);
    }
    epilogue.apply(o, sums, at, n, added);
    if (rowStep > width && band.y().step() * k.shape.yWidth() == width) {
      // Many short copies into the segment cost more than to close the gaps here and make one.
      for (int r = 1; r < band.rows(); r++) {
        System.arraycopy(sums, at + r * rowStep, sums, at + r * width, width);
      }
      rowStep = width;
    }
    rows(y, position(y, band, o), band, rowStep, width, sums, at, false);
  }

  private long position(Floats t, ConvKernel.Band band, long o) {
    long row = band.y().first() + band.first() * band.y().step();
    return t.start + band.image() * t.stride(0) + o * t.stride(1) + row * k.shape.yWidth() + args.beginW();
  }

  /** Reads or writes the rows of a band. */
  private void rows(Floats t, long at, ConvKernel.Band band, int rowStep, int width, float[] array, int arrayAt, boolean read) {
    int runs = band.rows();
    int n = width;
    long step = band.y().step() * k.shape.yWidth();
    if (rowStep == width && step == width) {
      n = runs * width;
      runs = 1;
    }
    for (int r = 0; r < runs; r++) {
      if (read) {
        t.read(at + r * step, array, arrayAt + r * rowStep, n);
      } else {
        t.write(array, arrayAt + r * rowStep, at + r * step, n);
      }
    }
  }
}
