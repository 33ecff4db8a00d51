package org.ondol.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.ops.Nms;
import org.ondol.spi.NmsArgs;

/** The candidates of a group and its row of results. */
final class NmsGroup {
  private static final int CHUNK = 2048;

  private final NmsArgs args;
  private final Nms.Options options;
  private final Floats boxes;
  private final Floats scores;
  private final Floats selected;
  private final MemorySegment indices;
  private final MemorySegment counts;
  private final int boxCount;
  final int width;
  private long image;
  private long group;
  private long row;

  NmsGroup(NmsArgs args) {
    this.args = args;
    options = args.options();
    boxes = Floats.of(args.boxes());
    scores = Floats.of(args.scores());
    selected = Floats.of(args.selectedScores());
    indices = args.indices().segment();
    counts = args.counts().segment();
    boxCount = (int) args.boxCount();
    width = (int) args.width();
  }

  int candidates() {
    return options.agnostic() ? (int) args.classes() * boxCount : boxCount;
  }

  /** Turns to a group, counted through all images. */
  NmsGroup at(long task) {
    image = task / args.groups();
    group = task % args.groups();
    row = task;
    return this;
  }

  /** All candidates, ascending by position. */
  void collect(BoxLoops loops, Scratch scratch, Order.Words words) {
    long from = options.agnostic() ? 0 : group;
    long to = options.agnostic() ? args.classes() : group + 1;
    float[] chunk = scratch.floats(0, CHUNK);
    int floor = Order.floor((float) options.scoreThreshold());
    for (long c = from; c < to; c++) {
      if (c == options.background()) {
        continue;
      }
      long start = scoresAt(c, 0);
      int base = options.agnostic() ? (int) c * boxCount : 0;
      for (int i = 0; i < boxCount; i += CHUNK) {
        int n = Math.min(CHUNK, boxCount - i);
        scores.read(start + i, chunk, 0, n);
        loops.collect(chunk, 0, n, base + i, floor, 0, words);
      }
    }
  }

  private long scoresAt(long c, int i) {
    return scores.start + image * scores.stride(0) + c * scores.stride(1) + i;
  }

  float score(int position) {
    return scores.get(options.agnostic() ? scoresAt(position / boxCount, position % boxCount)
        : scoresAt(group, position));
  }

  /** Prepares the box of a candidate. */
  void box(int position, float[] box) {
    long c = options.agnostic() ? position / boxCount : group;
    int i = options.agnostic() ? position % boxCount : position;
    long at = boxes.start + image * boxes.stride(0) + i * boxes.stride(1) + c * args.classStride();
    BoxColumns.prepare(boxes.get(at), boxes.get(at + 1), boxes.get(at + 2), boxes.get(at + 3), options.format(),
        options.offset(), box);
  }

  void select(int place, int position, float score) {
    long at = row * width + place;
    indices.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, args.indices().offset() + at, position);
    selected.set(selected.start + at, score);
  }

  /** Ends the row after {@code count} results. */
  void end(int count) {
    counts.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, args.counts().offset() + row, count);
    for (int i = count; i < width; i++) {
      select(i, -1, 0);
    }
  }

  /** How many results the row has; another thread may have changed the number, but not into one that matters. */
  int count() {
    return Math.clamp(counts.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, args.counts().offset() + row), 0, width);
  }

  /** Results of the row with at least this key. Scores descend. */
  int reach(int least) {
    int low = 0;
    int high = count();
    while (low < high) {
      int middle = (low + high) / 2;
      if (Order.key(selected.get(selected.start + row * width + middle), 0) >= least) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
