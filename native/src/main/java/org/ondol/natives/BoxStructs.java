package org.ondol.natives;

import org.ondol.ops.Nms;
import org.ondol.spi.IouArgs;
import org.ondol.spi.IouBackwardArgs;
import org.ondol.spi.NmsArgs;
import org.ondol.spi.RoiWarpArgs;
import org.ondol.spi.RoiWarpBackwardArgs;
import org.ondol.spi.TopKArgs;

/** The structs of the operations on boxes and scores, field by field as in ondol.h. */
final class BoxStructs {
  private BoxStructs() {}

  static Words write(Words w, TopKArgs a) {
    w.put(a.x().size(0)).put(a.x().size(1)).put(a.values().size(1)).operand(a.x(), 1).put(a.largest());
    return w.pointer(a.values()).pointer(a.indices());
  }

  static Words write(Words w, NmsArgs a) {
    Nms.Options o = a.options();
    w.put(a.batch()).put(a.classes()).put(a.boxCount());
    w.operand(a.boxes(), 2).put(a.classStride()).operand(a.scores(), 2);
    w.put(o.format().ordinal()).put(o.method().ordinal()).put(o.offset()).put(o.inclusive()).put(o.agnostic());
    w.put(o.background()).put(o.maxPerImage()).put(a.width());
    w.put(o.iouThreshold()).put(o.scoreThreshold()).put(o.sigma()).put(o.softThreshold());
    return w.pointer(a.indices()).pointer(a.selectedScores()).pointer(a.counts());
  }

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
