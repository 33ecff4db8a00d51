package org.ondol.natives;

import org.ondol.spi.IouArgs;
import org.ondol.spi.IouBackwardArgs;
import org.ondol.spi.RoiWarpArgs;
import org.ondol.spi.RoiWarpBackwardArgs;

/** The argument structs of iou and roiwarp. */
final class DetectionStructs {
  private DetectionStructs() {}

  static Words write(Words w, IouArgs a) {
    return w.put(a.kind().ordinal()).put(a.pixel()).put(a.paired()).put(a.n()).put(a.m()).pointer(a.a()).pointer(a.b())
        .pointer(a.out());
  }

  static Words write(Words w, IouBackwardArgs a) {
    return w.put(a.kind().ordinal()).put(a.pixel()).put(a.n()).pointer(a.a()).pointer(a.b()).pointer(a.dout()).pointer(a.da())
        .pointer(a.db());
  }

  static Words write(Words w, RoiWarpArgs a) {
    w.put(a.mode().ordinal()).put(a.pixel()).put(a.context()).put(a.rois().count()).put(a.batch()).put(a.channels());
    w.put(a.xHeight()).put(a.xWidth()).put(a.yHeight()).put(a.yWidth()).pointer(a.rois().boxes()).pointer(a.rois().images());
    return w.pointer(a.fill()).pointer(a.x()).pointer(a.y());
  }

  static Words write(Words w, RoiWarpBackwardArgs a) {
    return write(w, a.forward()).pointer(a.dy()).pointer(a.dx());
  }
}
