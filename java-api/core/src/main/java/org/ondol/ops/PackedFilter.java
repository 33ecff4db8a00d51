package org.ondol.ops;

import java.util.Arrays;
import java.util.Comparator;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;

/**
 * Filters of a conv, maskedconv or deconv laid out once for many calls, the same on every backend: for each class of
 * output channels (without a mask: each group) and each 16 channels of it, a panel with one row of 16 values for every
 * live entry, zero beyond the class. Rows ascend for conv; for deconv they are ordered by (ky · dilationH mod strideH, kx ·
 * dilationW mod strideW) and then ascend, so that what one output pixel sums lies together. On a device of a {@link Precision}
 * other than EXACT the filters are kept a second time, as that takes them.
 */
public final class PackedFilter implements AutoCloseable {
  /** Channels of a panel. */
  public static final int PANEL = 16;

  private final FilterShape shape;
  private final FilterMask mask;
  private final Tensor panels;
  /** The weight as the precision of the device takes it; null where that is EXACT. */
  private final Tensor plain;

  private PackedFilter(FilterShape shape, FilterMask mask, Tensor panels, Tensor plain) {
    this.shape = shape;
    this.mask = mask;
    this.panels = panels;
    this.plain = plain;
  }

  /** Filters of {@link Conv}: weight [out, in / groups, kh, kw], or [out, in / groups, k]. */
  public static PackedFilter conv(Tensor weight, ConvGeometry geometry) {
    return of(weight, geometry, false, null);
  }

  /** Filters of {@link MaskedConv}; the mask stays the caller's and is closed after the filter. */
  public static PackedFilter maskedconv(Tensor weight, FilterMask mask, ConvGeometry geometry) {
    Check.present("mask", mask);
    return of(weight, geometry, false, mask);
  }

  /** Filters of {@link Deconv}: weight [in, out / groups, kh, kw], or [in, out / groups, k]. */
  public static PackedFilter deconv(Tensor weight, ConvGeometry geometry) {
    return of(weight, geometry, true, null);
  }

  private static PackedFilter of(Tensor weight, ConvGeometry geometry, boolean transposed, FilterMask mask) {
    FilterShape shape = FilterShape.of(weight, geometry, transposed);
    Check.floats("weight", weight, weight.device());
    if (mask != null) shape.check(mask, weight.device());
    Tensor panels = place(pack(weight.toFloats(), shape, mask), weight.device());
    return with(shape, mask, panels, weight);
  }

  /** Takes the panels over. */
  private static PackedFilter with(FilterShape shape, FilterMask mask, Tensor panels, Tensor weight) {
    boolean done = false;
    try {
      PackedFilter made = new PackedFilter(shape, mask, panels, Precision.plain(weight));
      done = true;
      return made;
    } finally {
      if (!done) panels.close();
    }
  }

  /** The Vector API reads Java arrays faster than segments, so on device java the panels are one. */
  static Tensor place(float[] values, Device device) {
    Tensor heap = Scope.detach(Tensor.wrap(values, values.length / PANEL, PANEL));
    if (device.equals(heap.device())) return heap;
    try (heap) {
      return Scope.detach(heap.to(device));
    }
  }

  private static float[] pack(float[] weight, FilterShape s, FilterMask mask) {
    int classes = classes(s, mask);
    long rows = 0;
    for (int i = 0; i < classes; i++) {
      int channels = first(s, mask, i + 1) - first(s, mask, i);
      rows += (long) (channels + PANEL - 1) / PANEL * order(s, mask, i).length;
    }
    if (rows * PANEL > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException("weight", "of " + rows * PANEL + " packed values", "at most " + (Integer.MAX_VALUE - 8));
    }
    float[] out = new float[(int) rows * PANEL];
    each(s, mask, (panel, entry) -> out[panel] = weight[entry]);
    return out;
  }

  /** The weight again; dead entries are +0. */
  private static float[] unpack(float[] panels, FilterShape s, FilterMask mask) {
    float[] weight = new float[Math.toIntExact(s.yChannels() * s.depth())];
    each(s, mask, (panel, entry) -> weight[entry] = panels[panel]);
    return weight;
  }

  private static int classes(FilterShape s, FilterMask mask) {
    return mask == null ? (int) s.geometry().groups() : mask.byOutput().classes();
  }

  /** Where the channels of a class begin. */
  private static int first(FilterShape s, FilterMask mask, int i) {
    return mask == null ? (int) (i * (s.yChannels() / s.geometry().groups())) : mask.byOutput().channelStart()[i];
  }

  /** Every live entry: where the panels have it, and the weight. */
  private interface Place {
    void of(int panel, int entry);
  }

  private static void each(FilterShape s, FilterMask mask, Place place) {
    int at = 0;
    int classes = classes(s, mask);
    for (int i = 0; i < classes; i++) {
      int end = first(s, mask, i + 1);
      int[] order = order(s, mask, i);
      for (int panel = first(s, mask, i); panel < end; panel += PANEL) {
        for (int lane = 0; lane < Math.min(PANEL, end - panel); lane++) {
          int channel = mask == null ? panel + lane : mask.byOutput().channels()[panel + lane];
          for (int r = 0; r < order.length; r++) place.of(at + r * PANEL + lane, s.index(channel, order[r]));
        }
        at += order.length * PANEL;
      }
    }
  }

  /** Live entries of a class in the order of its rows. */
  private static int[] order(FilterShape s, FilterMask mask, int i) {
    int[] live;
    if (mask == null) {
      live = new int[(int) s.depth()];
      Arrays.setAll(live, k -> k);
    } else {
      live = Arrays.copyOfRange(mask.byOutput().live(), mask.byOutput().liveStart()[i], mask.byOutput().liveStart()[i + 1]);
    }
    if (!s.transposed()) return live;
    ConvGeometry g = s.geometry();
    int taps = (int) (s.kernelH() * s.kernelW());
    Comparator<Integer> byRow = Comparator.comparingLong(k -> k % taps / s.kernelW() * g.dilationH() % g.strideH());
    return Arrays.stream(live).boxed()
        .sorted(byRow.thenComparingLong(k -> k % s.kernelW() * g.dilationW() % g.strideW()).thenComparing(k -> k))
        .mapToInt(k -> k).toArray();
  }

  FilterShape shape() {
    return shape;
  }

  /** Which entries are live, as the caller gave it; null where all are. */
  public FilterMask mask() {
    return mask;
  }

  /** Whether these are filters of {@link Deconv}. */
  public boolean transposed() {
    return shape.transposed();
  }

  /** Channels of the map that is read. */
  public long inChannels() {
    return shape.xChannels();
  }

  /** Channels of the result. */
  public long outChannels() {
    return shape.yChannels();
  }

  public long kernelH() {
    return shape.kernelH();
  }

  public long kernelW() {
    return shape.kernelW();
  }

  Tensor plain() {
    return plain;
  }

  Tensor panels() {
    return panels;
  }

  public Device device() {
    return panels.device();
  }

  public ConvGeometry geometry() {
    return shape.geometry();
  }

  /** The same filters on another device, with a mask that is on that device; null where these have none. */
  public PackedFilter to(Device device, FilterMask mask) {
    Check.present("device", device);
    if ((mask == null) != (this.mask == null)) {
      throw new InvalidArgumentException("mask", mask == null ? "null" : "given", this.mask == null ? "null" : "a mask");
    }
    if (mask != null) {
      shape.check(mask, device);
      if (!mask.samePattern(this.mask)) throw new InvalidArgumentException("mask", "another pattern", "the pattern packed");
    }
    float[] values = panels.toFloats();
    Tensor moved = place(values, device);
    if (device.precision() == Precision.EXACT) return new PackedFilter(shape, mask, moved, null);
    try (Tensor weight = Tensor.of(device, unpack(values, shape, mask), shape.weight())) {
      return with(shape, mask, moved, weight);
    }
  }

  @Override
  public void close() {
    panels.close();
    if (plain != null) plain.close();
  }
}
