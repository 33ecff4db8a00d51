package org.ondol.grad;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Shapes;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.vector.Philox;

/**
 * Random numbers by counting: Philox-4x32-10 (Salmon et al. 2011) with the seed as key. The whole state is the seed and
 * a position, so that it can be saved and sought; what is drawn is the same on every device and for any number of
 * threads, being computed on the host. Element i of a draw that begins at position p uses block p + i / 4, that is
 * counter (low and high word of p + i / 4, 0, TAG), word i mod 4; the next draw begins at the block after.
 * docs/arithmetic.md (Training) has the rest.
 *
 * <p>A generator belongs to one thread at a time.
 */
public final class Generator {
  /** Keeps these counters apart from those of attention's dropout, whose last word is an item's number. */
  private static final int TAG = 0x4F6E646F;
  /** Elements a task. */
  private static final int TASK = 16384;
  /** No draws lead from here to where numbers end. */
  private static final long LAST = 1_000_000_000_000_000_000L;

  private long seed;
  private long position;

  public Generator(long seed) {
    this.seed = seed;
  }

  public long seed() {
    return seed;
  }

  /** The block that the next draw begins with. */
  public long position() {
    return position;
  }

  /** Goes to a position, for instance that of a checkpoint. */
  public void seek(long position) {
    if (position < 0 || position > LAST) throw new InvalidArgumentException("position", position, "0 to 10^18");
    this.position = position;
  }

  /** Takes over the state of another one. */
  public void restore(long seed, long position) {
    seek(position);
    this.seed = seed;
  }

  /** Makes elements 4 b to 4 b + 3 of a draw from the words of block b. */
  @FunctionalInterface
  private interface Block {
    void fill(int[] words, float[] out, int at, int n);
  }

  private Tensor draw(Device device, long[] shape, Block block) {
    Require.present("device", device);
    long count = Shapes.count("shape", shape);
    try (Tensor host = Tensor.empty(Device.of("java"), shape)) {
      MemorySegment memory = host.segment();
      long first = position;
      Threads.pool().run((count + TASK - 1) / TASK, (begin, end, thread) -> {
        float[] piece = new float[TASK];
        for (long task = begin; task < end; task++) {
          int n = (int) Math.min(TASK, count - task * TASK);
          fill(first + task * (TASK / 4), piece, n, block);
          MemorySegment.copy(piece, 0, memory, ValueLayout.JAVA_FLOAT, task * TASK * Float.BYTES, n);
        }
      });
      position += (count + 3) / 4;
      return host.to(device);
    }
  }

  private void fill(long first, float[] out, int n, Block block) {
    int[] words = new int[4];
    for (int at = 0; at < n; at += 4) {
      words(first + at / 4, words);
      block.fill(words, out, at, Math.min(4, n - at));
    }
  }

  private void words(long block, int[] words) {
    Philox.words(seed, (int) block, (int) (block >>> 32), 0, TAG, words);
  }

  /**
   * Even between low and high: low + (high - low) · u, u the 24 upper bits of a word by 2^24, in double, rounded once.
   */
  public Tensor uniform(Device device, double low, double high, long... shape) {
    Require.finite("low", low);
    Require.finite("high", high);
    if (high < low) throw new InvalidArgumentException("high", high, "at least low, " + low);
    return draw(device, shape, (w, out, at, n) -> {
      for (int i = 0; i < n; i++) out[at + i] = (float) (low + (high - low) * ((w[i] >>> 8) * 0x1p-24));
    });
  }

  /**
   * Normal, by Box and Muller (1958): of words (a, b), r = sqrt(-2 ln((a + 0.5) / 2^32)) and t = 2 π b / 2^32 give
   * mean + deviation · r cos t and mean + deviation · r sin t, in double with {@link StrictMath}, rounded once.
   */
  public Tensor normal(Device device, double mean, double deviation, long... shape) {
    Require.finite("mean", mean);
    Require.notNegative("deviation", deviation);
    return draw(device, shape, (w, out, at, n) -> {
      for (int i = 0; i < n; i += 2) {
        double r = StrictMath.sqrt(-2 * StrictMath.log(((w[i] & 0xFFFFFFFFL) + 0.5) * 0x1p-32));
        double t = 2 * Math.PI * ((w[i + 1] & 0xFFFFFFFFL) * 0x1p-32);
        out[at + i] = (float) (mean + deviation * (r * StrictMath.cos(t)));
        if (i + 1 < n) out[at + i + 1] = (float) (mean + deviation * (r * StrictMath.sin(t)));
      }
    });
  }

  /**
   * Factors for dropout: 0 with the given probability, else 1 / (1 - probability) as a float. An element stays when its
   * word, unsigned, is at least probability · 2^32.
   */
  public Tensor dropout(Device device, double probability, long... shape) {
    Require.fraction("probability", probability);
    int threshold = (int) (long) (probability * 0x1p32) + Integer.MIN_VALUE;
    float keep = (float) (1 / (1 - probability));
    return draw(device, shape, (w, out, at, n) -> {
      for (int i = 0; i < n; i++) out[at + i] = w[i] + Integer.MIN_VALUE >= threshold ? keep : 0;
    });
  }

  /**
   * 64 random bits: the first two words of a block. A seed for what has its own generator, such as attention's dropout.
   */
  public long nextLong() {
    int[] words = new int[4];
    words(position++, words);
    return words[0] & 0xFFFFFFFFL | (long) words[1] << 32;
  }

  /** The numbers 0 to n - 1 in random order (Fisher and Yates): for i from n - 1 down to 1, i and j ≤ i exchanged. */
  public int[] permutation(int n) {
    if (n < 0) throw new InvalidArgumentException("n", n, "at least 0");
    int[] order = new int[n];
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = n - 1; i > 0; i--) {
      int j = (int) below(i + 1);
      int keep = order[i];
      order[i] = order[j];
      order[j] = keep;
    }
    return order;
  }

  /** Even on 0 to bound - 1: 63 random bits modulo bound, drawn anew above the last multiple of it. */
  private long below(long bound) {
    long limit = Long.MAX_VALUE - Long.MAX_VALUE % bound;
    long bits = nextLong() >>> 1;
    while (bits >= limit) bits = nextLong() >>> 1;
    return bits % bound;
  }
}
