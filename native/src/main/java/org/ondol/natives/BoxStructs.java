package org.ondol.natives;

import org.ondol.ops.Nms;
import org.ondol.spi.NmsArgs;
import org.ondol.spi.TopKArgs;

/** The structs of the operations on boxes and scores, field by field as in ondol.h. */
final class BoxStructs {
  private BoxStructs() {}

  static void write(Words w, TopKArgs a) {
    w.put(a.x().size(0)).put(a.x().size(1)).put(a.values().size(1)).operand(a.x(), 1).put(a.largest());
    w.pointer(a.values()).pointer(a.indices());
  }

  static void write(Words w, NmsArgs a) {
    Nms.Options o = a.options();
    w.put(a.batch()).put(a.classes()).put(a.boxCount());
    w.operand(a.boxes(), 2).put(a.classStride()).operand(a.scores(), 2);
    w.put(o.format().ordinal()).put(o.method().ordinal()).put(o.offset()).put(o.inclusive()).put(o.agnostic());
    w.put(o.background()).put(o.maxPerImage()).put(a.width());
    w.put(o.iouThreshold()).put(o.scoreThreshold()).put(o.sigma()).put(o.softThreshold());
    w.pointer(a.indices()).pointer(a.selectedScores()).pointer(a.counts());
  }
}
