package org.ondol.natives;

import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;
import org.ondol.spi.ConvWeightArgs;
import org.ondol.spi.LiveEntries;

/** The structs of the convolutions. */
final class ConvStructs {
  private ConvStructs() {}

  static Words write(Words w, ConvArgs a) {
    write(w, a.shape());
    w.put(a.beginH()).put(a.endH()).put(a.beginW()).put(a.endW());
    w.operand(a.x(), 2).pointer(a.weight()).pointer(a.packed()).operand(a.y(), 2).pointer(a.bias()).operand(a.residual(), 2);
    w.put(a.activation().ordinal()).put((double) a.slope());
    write(w, a.live());
    return w.put(a.precision().ordinal());
  }

  static Words write(Words w, ConvWeightArgs a) {
    write(w, a.shape());
    w.put(0).put(a.shape().yHeight()).put(0).put(a.shape().yWidth());
    w.operand(a.x(), 2);
    for (int i = 0; i < 11; i++) w.put(0); // weight, packed, y, bias, residual, activation, slope
    write(w, a.live());
    w.put(a.precision().ordinal());
    return w.operand(a.dy(), 2).pointer(a.dw());
  }

  private static void write(Words w, ConvShape s) {
    w.put(s.batch()).put(s.groups()).put(s.xChannels()).put(s.xHeight()).put(s.xWidth());
    w.put(s.yChannels()).put(s.yHeight()).put(s.yWidth());
    w.put(s.kernelH()).put(s.kernelW()).put(s.strideH()).put(s.strideW()).put(s.dilationH()).put(s.dilationW());
    w.put(s.padTop()).put(s.padLeft());
  }

  private static void write(Words w, LiveEntries live) {
    if (live == null) {
      w.put(0).put(0).put(0).put(0).put(0);
      return;
    }
    long at = live.table().address();
    w.put(live.classes());
    for (int[] part : new int[][] {live.channelStart(), live.channels(), live.liveStart(), live.live()}) {
      w.put(at);
      at += 4L * part.length;
    }
  }
}
