package org.ondol.vector;

import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiMaps;

/**
 * Where the samples of a region lie along one axis: docs/arithmetic.md, Regions, roialign.
 *
 * @param size cells of the map
 * @param bins of the region
 * @param samples of a bin, those outside included
 * @param start a of the page
 * @param step w of the page
 */
record AlignAxis(int size, int bins, int samples, float start, float step) {
  /** Samples [first, limit) of a bin that are not outside. */
  record Run(int first, int limit) {
    int count() {
      return limit - first;
    }
  }

  private static AlignAxis of(long size, long bins, long sampling, boolean aligned, float a, float b) {
    float half = aligned ? 0.5f : 0;
    float start = a - half;
    float extent = b - half - start;
    if (!aligned && !(extent > 1)) {
      extent = 1;
    }
    float step = extent / bins;
    int samples = sampling > 0 ? (int) sampling : step > 0 ? (int) Math.ceil(step) : 0;
    return new AlignAxis((int) size, (int) bins, samples, start, step);
  }

  static AlignAxis rows(RoiAlignShape s, RoiMaps maps, int level, float[] box) {
    return of(maps.heights()[level], s.rows(), s.samplingH(), s.aligned(), box[1], box[3]);
  }

  static AlignAxis columns(RoiAlignShape s, RoiMaps maps, int level, float[] box) {
    return of(maps.widths()[level], s.columns(), s.samplingW(), s.aligned(), box[0], box[2]);
  }

  /** M of the page. */
  static float divisor(AlignAxis rows, AlignAxis columns) {
    float all = (float) rows.samples * (float) columns.samples;
    return all > 1 ? all : 1;
  }

  float base(int bin) {
    return start + bin * step;
  }

  float offset(int sample) {
    return (sample + 0.5f) * step / samples;
  }

  float position(int bin, int sample) {
    return base(bin) + offset(sample);
  }

  /** Positions never turn back within a bin. */
  Run run(int bin) {
    int first = find(bin, 0, step < 0, false);
    return new Run(first, find(bin, first, step < 0, true));
  }

  /** The first sample from {@code from} on that is not before the map's near end, or, {@code beyond}, is behind its far end. */
  private int find(int bin, int from, boolean backwards, boolean beyond) {
    int low = from;
    int high = samples;
    while (low < high) {
      int middle = low + (high - low) / 2;
      float p = position(bin, middle);
      boolean reached = backwards == beyond ? beyond ? p < -1 : !(p < -1) : beyond ? p > size : !(p > size);
      if (reached) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** The cell below a sample that is not outside. */
  int cell(float position) {
    return Math.min((int) Math.max(position, 0), size - 1);
  }

  /** The cell above it. */
  int next(int cell) {
    return Math.min(cell + 1, size - 1);
  }

  /** The weight of the cell above it. */
  float weight(float position, int cell) {
    return cell == size - 1 ? 0 : Math.max(position, 0) - cell;
  }
}
