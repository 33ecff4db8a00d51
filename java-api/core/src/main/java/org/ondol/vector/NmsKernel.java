package org.ondol.vector;

import org.ondol.Threads;
import org.ondol.ops.Nms;
import org.ondol.spi.NmsArgs;

/** Non-maximum suppression. A task owns a group; the limit of an image is a loop of its own. */
final class NmsKernel {
  private NmsKernel() {}

  static void run(Loops loops, NmsArgs args) {
    long groups = args.groups();
    Threads.pool().run(args.batch() * groups, (begin, end, thread) -> {
      try (Scratch scratch = Scratch.borrow()) {
        groups(loops.boxes(), args, new NmsGroup(args), begin, end, scratch);
      }
    });
    if (args.options().maxPerImage() >= 0 && groups > 1) {
      Threads.pool().run(args.batch(), (begin, end, thread) -> {
        for (long image = begin; image < end; image++) {
          limit(new NmsGroup(args), image * groups, groups, args.options().maxPerImage());
        }
      });
    }
  }

  private static void groups(BoxLoops loops, NmsArgs args, NmsGroup group, long begin, long end, Scratch scratch) {
    int room = group.candidates() + BoxLoops.LANES;
    boolean hard = args.options().method() == Nms.Method.HARD;
    SoftNms soft = hard ? null : new SoftNms(loops, args.options(), scratch, group.candidates());
    BoxColumns kept = hard ? new BoxColumns(scratch, 1, group.width) : null;
    Order.Words words = scratch.words();
    for (long task = begin; task < end; task++) {
      group.at(task).collect(loops, scratch, words.begin(scratch.longs(0, room), scratch.longs(1, room)));
      if (hard) {
        words.sort();
        hard(loops, args.options(), group, words, kept);
      } else {
        soft.run(group, words);
      }
    }
  }

  /** Each candidate in order, unless one of those kept before suppresses it. */
  private static void hard(BoxLoops loops, Nms.Options options, NmsGroup group, Order.Words sorted, BoxColumns kept) {
    float[] box = new float[5];
    float threshold = (float) options.iouThreshold();
    int n = 0;
    for (int i = 0; i < sorted.count && n < group.width; i++) {
      int position = Order.position(sorted.words[i]);
      group.box(position, box);
      if (!loops.suppressed(kept, n, box, options.offset(), threshold, options.inclusive())) {
        group.select(n, position, group.score(position));
        kept.append(n++, box);
      }
    }
    group.end(n);
  }

  /**
   * Cuts the groups of an image to their part of the best results: what remains of each is its beginning. The least key
   * that remains is found bit by bit, from the sign on.
   */
  private static void limit(NmsGroup group, long first, long groups, long limit) {
    long total = 0;
    for (long g = 0; g < groups; g++) {
      total += group.at(first + g).count();
    }
    if (total <= limit) {
      return;
    }
    int least = leastKey(group, first, groups, limit);
    long ties = limit;
    for (long g = 0; g < groups; g++) {
      ties -= above(group.at(first + g), least);
    }
    for (long g = 0; g < groups; g++) {
      int above = above(group.at(first + g), least);
      int taken = (int) Math.max(0, Math.min(group.reach(least) - above, ties));
      group.end(above + taken);
      ties -= taken;
    }
  }

  private static int above(NmsGroup group, int least) {
    return least == Integer.MAX_VALUE ? 0 : group.reach(least + 1);
  }

  /** The greatest key that {@code limit} results reach. */
  private static int leastKey(NmsGroup group, long first, long groups, long limit) {
    int least = Integer.MIN_VALUE;
    for (int bit = Integer.MIN_VALUE; bit != 0; bit >>>= 1) {
      long reached = 0;
      for (long g = 0; g < groups; g++) {
        reached += group.at(first + g).reach(least + bit);
      }
      if (reached >= limit) {
        least += bit;
      }
    }
    return least;
  }
}
