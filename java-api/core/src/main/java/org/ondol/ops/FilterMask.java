package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.spi.LiveEntries;

/**
 * Which entries of a convolution's filters are live, on one device. Dead entries take part neither forward nor in the
 * gradients: they are skipped, not multiplied by zero. Made for autoregressive models (van den Oord, Kalchbrenner and
 * Kavukcuoglu 2016, section 3.4), but any pattern will do.
 */
public final class FilterMask implements AutoCloseable {
  /** Masks of autoregressive layers: A hides the current pixel's own value, B shows it. */
  public enum Type { A, B }

  /** Whether an entry takes part. */
  public interface Pattern {
    /**
     * @param out the output channel
     * @param in the input channel
     */
    boolean live(long out, long in, long ky, long kx);
  }

  private final long outChannels;
  private final long inChannels;
  private final long kernelH;
  private final long kernelW;
  private final long groups;
  private final boolean[] live; // [out, in / groups, kh, kw]
  private final LiveEntries byOutput;
  private final LiveEntries byInput;
  private final Device device;

  private FilterMask(Device device, long out, long in, long kernelH, long kernelW, long groups, boolean[] live) {
    this.device = device;
    this.outChannels = out;
    this.inChannels = in;
    this.kernelH = kernelH;
    this.kernelW = kernelW;
    this.groups = groups;
    this.live = live;
    byOutput = entries(true);
    boolean done = false;
    try {
      byInput = entries(false);
      done = true;
    } finally {
      if (!done) byOutput.table().close();
    }
  }

  /**
   * Any pattern.
   *
   * @param out output channels, a multiple of groups
   * @param in input channels, a multiple of groups; the pattern is asked about the pairs within a group
   */
  public static FilterMask of(Device device, long out, long in, long kernelH, long kernelW, long groups, Pattern pattern) {
    Check.present("device", device);
    Check.present("pattern", pattern);
    long count = 1;
    for (long size : new long[] {out, in, kernelH, kernelW, groups}) {
      if (size < 1 || size > Integer.MAX_VALUE) throw new InvalidArgumentException("size", size, "1 to " + Integer.MAX_VALUE);
    }
    if (out % groups != 0) throw new InvalidArgumentException("groups", groups, "a divisor of the " + out + " output channels");
    if (in % groups != 0) throw new InvalidArgumentException("groups", groups, "a divisor of the " + in + " input channels");
    long inGroup = in / groups;
    for (long size : new long[] {out, inGroup, kernelH, kernelW}) {
      count *= size;
      if (count > Integer.MAX_VALUE - 8) throw new InvalidArgumentException("mask", "of over 2^31 entries", "fewer");
    }
    boolean[] live = new boolean[(int) count];
    int i = 0;
    for (long o = 0; o < out; o++) {
      long first = o / (out / groups) * inGroup;
      for (long c = first; c < first + inGroup; c++) {
        for (long ky = 0; ky < kernelH; ky++) {
          for (long kx = 0; kx < kernelW; kx++) live[i++] = pattern.live(o, c, ky, kx);
        }
      }
    }
    return new FilterMask(device, out, in, kernelH, kernelW, groups, live);
  }

  /**
   * PixelCNN's mask in raster order: the rows above the kernel's centre (kernelH / 2, kernelW / 2), what lies left of it,
   * and at the centre the channels of earlier colours (type A) or of earlier and the same colours (type B). Channel i of n
   * belongs to colour i * colours / n, on either side.
   *
   * @param colours 1 for grey images, 3 for R, G, B
   */
  public static FilterMask raster(Device device, Type type, long out, long in, long kernelH, long kernelW, long colours) {
    Check.present("type", type);
    colours(colours, out, in);
    long centreY = kernelH / 2;
    long centreX = kernelW / 2;
    return of(device, out, in, kernelH, kernelW, 1, (o, c, ky, kx) -> {
      if (ky != centreY || kx != centreX) return ky < centreY || ky == centreY && kx < centreX;
      long before = c * colours / in - o * colours / out;
      return type == Type.A ? before < 0 : before <= 0;
    });
  }

  /** The vertical stack of the gated PixelCNN (van den Oord et al. 2016): rows above the centre; with B also the centre's. */
  public static FilterMask vertical(Device device, Type type, long out, long in, long kernelH, long kernelW) {
    Check.present("type", type);
    long rows = kernelH / 2 + (type == Type.B ? 1 : 0);
    return of(device, out, in, kernelH, kernelW, 1, (o, c, ky, kx) -> ky < rows);
  }

  /** The horizontal stack of the gated PixelCNN, and the row LSTM's one-dimensional mask: {@link #raster} of one row. */
  public static FilterMask horizontal(Device device, Type type, long out, long in, long kernelW, long colours) {
    return raster(device, type, out, in, 1, kernelW, colours);
  }

  private static void colours(long colours, long out, long in) {
    if (colours < 1 || colours > Math.min(out, in)) {
      throw new InvalidArgumentException("colours", colours, "1 to the smaller number of channels, " + Math.min(out, in));
    }
  }

  public Device device() {
    return device;
  }

  public long outChannels() {
    return outChannels;
  }

  public long inChannels() {
    return inChannels;
  }

  public long kernelH() {
    return kernelH;
  }

  public long kernelW() {
    return kernelW;
  }

  public long groups() {
    return groups;
  }

  /** Whether an entry is live; in counts within the group. */
  public boolean live(long out, long in, long ky, long kx) {
    long group = inChannels / groups;
    if (out < 0 || out >= outChannels || in < 0 || in >= group || ky < 0 || ky >= kernelH || kx < 0 || kx >= kernelW) {
      throw new InvalidArgumentException("entry", "(" + out + ", " + in + ", " + ky + ", " + kx + ")", "one of ["
          + outChannels + ", " + group + ", " + kernelH + ", " + kernelW + "]");
    }
    return live[(int) (((out * group + in) * kernelH + ky) * kernelW + kx)];
  }

  /** Live entries in all. */
  public long count() {
    long count = 0;
    for (boolean entry : live) count += entry ? 1 : 0;
    return count;
  }

  /** The same mask on another device. */
  public FilterMask to(Device target) {
    Check.present("device", target);
    return new FilterMask(target, outChannels, inChannels, kernelH, kernelW, groups, live);
  }

  boolean samePattern(FilterMask other) {
    return outChannels == other.outChannels && inChannels == other.inChannels && kernelH == other.kernelH
        && kernelW == other.kernelW && groups == other.groups && Arrays.equals(live, other.live);
  }

  /** By output channel, for conv and convweight. */
  LiveEntries byOutput() {
    return byOutput;
  }

  /** By input channel, for the gradient of the input: the entries count the output channels of the group. */
  LiveEntries byInput() {
    return byInput;
  }

  private LiveEntries entries(boolean byOut) {
    int inGroup = (int) (inChannels / groups);
    int outGroup = (int) (outChannels / groups);
    int taps = (int) (kernelH * kernelW);
    int channels = (int) (byOut ? outChannels : inChannels);
    int perGroup = byOut ? outGroup : inGroup;
    int others = byOut ? inGroup : outGroup;
    Map<Key, List<Integer>> classes = new LinkedHashMap<>();
    for (int i = 0; i < channels; i++) {
      int group = i / perGroup;
      int[] entries = new int[others * taps];
      int count = 0;
      for (int c = 0; c < others; c++) {
        int o = byOut ? i : group * outGroup + c;
        int in = byOut ? c : i % inGroup;
        for (int t = 0; t < taps; t++) {
          if (live[(o * inGroup + in) * taps + t]) entries[count++] = c * taps + t;
        }
      }
      classes.computeIfAbsent(new Key(group, Arrays.copyOf(entries, count)), k -> new ArrayList<>()).add(i);
    }
    return assemble(classes, channels);
  }

  private record Key(int group, int[] entries) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key k && k.group == group && Arrays.equals(k.entries, entries);
    }

    @Override
    public int hashCode() {
      return 31 * group + Arrays.hashCode(entries);
    }
  }

  private LiveEntries assemble(Map<Key, List<Integer>> classes, int channels) {
    long total = 0;
    for (Key k : classes.keySet()) total += k.entries.length;
    if (2L * (classes.size() + 1) + channels + total > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException("mask", "of over 2^31 live entries", "fewer");
    }
    int[] channelStart = new int[classes.size() + 1];
    int[] order = new int[channels];
    int[] liveStart = new int[classes.size() + 1];
    int[] entries = new int[(int) total];
    int i = 0;
    for (Map.Entry<Key, List<Integer>> e : classes.entrySet()) {
      int at = channelStart[i];
      for (int channel : e.getValue()) order[at++] = channel;
      channelStart[i + 1] = at;
      int[] own = e.getKey().entries;
      System.arraycopy(own, 0, entries, liveStart[i], own.length);
      liveStart[i + 1] = liveStart[i] + own.length;
      i++;
    }
    int[] all = new int[channelStart.length + order.length + liveStart.length + entries.length];
    int at = 0;
    for (int[] part : new int[][] {channelStart, order, liveStart, entries}) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return new LiveEntries(channelStart, order, liveStart, entries, Scope.detach(Tensor.of(device, all, all.length)));
  }

  @Override
  public void close() {
    byOutput.table().close();
    byInput.table().close();
  }
}
