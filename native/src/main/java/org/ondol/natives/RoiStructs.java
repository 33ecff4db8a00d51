package org.ondol.natives;

import java.util.List;
import org.ondol.Tensor;
import org.ondol.spi.RoiAlignArgs;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;
import org.ondol.spi.RoiPoolArgs;
import org.ondol.spi.RoiPoolBackwardArgs;

/** Writes the structs of operations on regions of interest. */
final class RoiStructs {
  private RoiStructs() {}

  /** ondol_roi_map for each level, zeros where there is none. */
  private static void maps(Words w, RoiMaps maps) {
    for (int l = 0; l < RoiMaps.LEVELS; l++) {
      if (l >= maps.levels()) {
        for (int i = 0; i < 6; i++) w.put(0);
        continue;
      }
      w.operand(maps.x() == null ? null : maps.x().get(l), 2);
      w.put(maps.heights()[l]).put(maps.widths()[l]).put((double) maps.scales()[l]);
    }
  }

  /** ondol_rois. */
  private static void rois(Words w, RoiList rois) {
    w.put(rois.count()).pointer(rois.boxes()).pointer(rois.images()).pointer(rois.levels());
  }

  static Words write(Words w, RoiPoolArgs a) {
    w.put(a.op().ordinal()).put(a.rounding().ordinal()).put(a.x().batch()).put(a.x().channels()).put(a.x().levels());
    maps(w, a.x());
    rois(w, a.rois());
    w.put(a.positionSensitive()).put(a.rows().length);
    for (long[] sizes : new long[][] {a.rows(), a.columns()}) {
      for (int g = 0; g < RoiPoolArgs.GRIDS; g++) w.put(g < sizes.length ? sizes[g] : 0);
    }
    return w.pointer(a.y()).pointer(a.indices());
  }

  static Words write(Words w, RoiPoolBackwardArgs a) {
    return gradients(write(w, a.forward()).pointer(a.dy()), a.dx());
  }

  static Words write(Words w, RoiAlignArgs a) {
    return write(w, a.shape(), a.x(), a.rois(), a.y(), a.indices());
  }

  static Words write(Words w, RoiAlignBackwardArgs a) {
    return gradients(write(w, a.shape(), a.x(), a.rois(), null, a.indices()).pointer(a.dy()), a.dx());
  }

  private static Words write(Words w, RoiAlignShape s, RoiMaps maps, RoiList rois, Tensor y, Tensor indices) {
    w.put(s.op().ordinal()).put(s.aligned()).put(s.samplingH()).put(s.samplingW()).put(s.positionSensitive());
    w.put(maps.batch()).put(maps.channels()).put(maps.levels());
    maps(w, maps);
    rois(w, rois);
    return w.put(s.rows()).put(s.columns()).pointer(y).pointer(indices);
  }

  /** A pointer for each level, null where there is none. */
  private static Words gradients(Words w, List<Tensor> dx) {
    for (int l = 0; l < RoiMaps.LEVELS; l++) w.pointer(l < dx.size() ? dx.get(l) : null);
    return w;
  }
}
