package org.ondol.vector;

import java.util.Arrays;
import org.ondol.ops.Nms;

/** Soft suppression of one group after another: repeated maximum, with decay. */
final class SoftNms {
  /** The score of a candidate that was selected or removed: others are not negative. */
  static final float GONE = -1;

  /** Selections between two removals of what is gone. */
  private static final int COMPACT = 64;

  private final BoxLoops loops;
  private final Nms.Options options;
  private final float floor;
  private final float[] box = new float[5];
  private final BoxColumns boxes;
  private final float[] scores;
  private final float[] factor;
  private final float[] union;
  private final int[] positions;
  private int n;

  SoftNms(BoxLoops loops, Nms.Options options, Scratch scratch, int candidates) {
    this.loops = loops;
    this.options = options;
    this.floor = (float) options.softThreshold();
    int room = BoxLoops.roundUp(candidates);
    boxes = new BoxColumns(scratch, 1, candidates);
    scores = scratch.floats(6, room);
    factor = scratch.floats(7, room);
    union = scratch.floats(8, room);
    positions = scratch.ints(0, room);
  }

  void run(NmsGroup group, Order.Words candidates) {
    load(group, candidates);
    int count = 0;
    Arrays.fill(factor, 0, n, 1);
    int best = loops.decay(scores, factor, n, floor);
    while (count < group.width && best >= 0) {
      group.select(count++, positions[best], scores[best]);
      boxes.get(best, box);
      scores[best] = GONE;
      if (count % COMPACT == 0) {
        compact();
      }
      overlap();
      best = loops.decay(scores, factor, n, floor);
    }
    group.end(count);
  }

  /** What the selected box leaves of the scores. */
  private void overlap() {
    loops.overlap(boxes, n, box, options.offset(), factor, union);
    if (options.method() == Nms.Method.GAUSSIAN) {
      loops.gaussian(factor, union, n, (float) (-1 / options.sigma()));
    } else {
      loops.linear(factor, union, n, (float) options.iouThreshold(), options.inclusive());
    }
  }

  private void load(NmsGroup group, Order.Words candidates) {
    n = candidates.count;
    for (int i = 0; i < n; i++) {
      int position = Order.position(candidates.words[i]);
      positions[i] = position;
      scores[i] = group.score(position);
      group.box(position, box);
      boxes.put(i, box);
    }
    pad();
  }

  private void pad() {
    for (int i = n; i < BoxLoops.roundUp(n); i++) {
      scores[i] = GONE;
    }
  }

  private void compact() {
    int to = 0;
    for (int i = 0; i < n; i++) {
      if (scores[i] != GONE) {
        scores[to] = scores[i];
        positions[to] = positions[i];
        boxes.move(i, to++);
      }
    }
    n = to;
    pad();
  }
}
