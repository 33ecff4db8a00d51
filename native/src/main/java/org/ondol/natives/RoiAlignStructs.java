package org.ondol.natives;

import org.ondol.Tensor;
import org.ondol.spi.RoiAlignArgs;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiAlignShape;
import org.ondol.spi.RoiList;
import org.ondol.spi.RoiMaps;

/** Writes the structs of roialign. */
final class RoiAlignStructs {
  private RoiAlignStructs() {}

  static Words write(Words w, RoiAlignArgs a) {
    return write(w, a.shape(), a.x(), a.rois(), a.y(), a.indices());
  }

  static Words write(Words w, RoiAlignBackwardArgs a) {
    write(w, a.shape(), a.x(), a.rois(), null, a.indices()).pointer(a.dy());
    for (int level = 0; level < RoiMaps.LEVELS; level++) w.pointer(level < a.dx().size() ? a.dx().get(level) : null);
    return w;
  }

  private static Words write(Words w, RoiAlignShape s, RoiMaps maps, RoiList rois, Tensor y, Tensor indices) {
    w.put(s.op().ordinal()).put(s.aligned()).put(s.samplingH()).put(s.samplingW()).put(s.positionSensitive());
    w.put(maps.batch()).put(maps.channels()).put(maps.levels());
    for (int level = 0; level < RoiMaps.LEVELS; level++) {
      boolean there = level < maps.levels();
      w.operand(there && maps.x() != null ? maps.x().get(level) : null, 2);
      w.put(there ? maps.heights()[level] : 0).put(there ? maps.widths()[level] : 0).put(there ? (double) maps.scales()[level] : 0.0);
    }
    w.put(rois.count()).pointer(rois.boxes()).pointer(rois.images()).pointer(rois.levels());
    return w.put(s.rows()).put(s.columns()).pointer(y).pointer(indices);
  }
}
