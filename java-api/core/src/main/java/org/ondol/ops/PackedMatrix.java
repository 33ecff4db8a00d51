package org.ondol.ops;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;

/**
 * A weight matrix B [k, n] laid out once for many products: panels of 16 columns, [ceil(n/16), k, 16], zero beyond n. The
 * layout is the same for every backend. On a device of a {@link Precision} other than EXACT the matrix is kept a second time,
 * as that takes it.
 */
public final class PackedMatrix implements AutoCloseable {
  /** Columns of a panel. */
  public static final int PANEL = 16;

  private final long k;
  private final long n;
  private final Tensor panels;
  /** [k, n] as the precision of the device takes it; null where that is EXACT. */
  private final Tensor plain;

  private PackedMatrix(long k, long n, Tensor panels, Tensor plain) {
    this.k = k;
    this.n = n;
    this.panels = panels;
    this.plain = plain;
  }

  /** Packs b [k, n] of any strides; a weight stored [n, k] is passed as its transpose. */
  public static PackedMatrix of(Tensor b) {
    Check.present("b", b);
    Check.floats("b", b, b.device());
    Check.rank("b", b, 2, 2);
    long k = b.size(0);
    long n = b.size(1);
    Tensor panels = Scope.detach(newPanels(b.device(), k, n));
    boolean done = false;
    try {
      long full = n / PANEL;
      long rest = n % PANEL;
      if (full > 0 && k > 0) {
        try (Tensor left = b.slice(1, 0, full * PANEL);
            Tensor source = left.view(left.offset(), new long[] {full, k, PANEL},
                new long[] {PANEL * b.stride(1), b.stride(0), b.stride(1)});
            Tensor target = panels.slice(0, 0, full)) {
          target.assign(source);
        }
      }
      if (rest > 0 && k > 0) {
        try (Tensor source = b.slice(1, full * PANEL, n); Tensor last = panels.select(0, full);
            Tensor target = last.slice(1, 0, rest); Tensor padding = last.slice(1, rest, PANEL)) {
          target.assign(source);
          Elementwise.fill(padding, 0);
        }
      }
      PackedMatrix made = new PackedMatrix(k, n, panels, Precision.plain(b));
      done = true;
      return made;
    } finally {
      if (!done) panels.close();
    }
  }

  /** The Vector API reads Java arrays faster than segments, so on device java the panels are one. */
  private static Tensor newPanels(Device device, long k, long n) {
    long count = (n + PANEL - 1) / PANEL;
    if (device.name().startsWith("java") && count * k * PANEL <= Integer.MAX_VALUE - 8) {
      Tensor heap = Tensor.wrap(new float[(int) (count * k * PANEL)], count, k, PANEL);
      if (device.equals(heap.device())) return heap;
      try (heap) {
        return heap.to(device);
      }
    }
    return Tensor.empty(device, count, k, PANEL);
  }

  public long rows() {
    return k;
  }

  public long columns() {
    return n;
  }

  public Tensor panels() {
    return panels;
  }

  Tensor plain() {
    return plain;
  }

  /** The matrix [k, n] again, a new tensor. */
  private static Tensor unpacked(Tensor panels, long k, long n) {
    try (Tensor rows = panels.permute(1, 0, 2); Tensor dense = rows.contiguous();
        Tensor padded = dense.reshape(k, panels.size(0) * PANEL); Tensor columns = padded.slice(1, 0, n)) {
      return columns.copy();
    }
  }

  public Device device() {
    return panels.device();
  }

  /** The same matrix on another device. */
  public PackedMatrix to(Device device) {
    Tensor moved = moved(device);
    boolean done = false;
    try (Tensor b = device.precision() == Precision.EXACT ? null : unpacked(moved, k, n)) {
      PackedMatrix made = new PackedMatrix(k, n, moved, b == null ? null : Precision.plain(b));
      done = true;
      return made;
    } finally {
      if (!done) moved.close();
    }
  }

  private Tensor moved(Device device) {
    if (device.equals(panels.device()) || !device.name().startsWith("java")) return Scope.detach(panels.to(device));
    Tensor target = Scope.detach(newPanels(device, k, n));
    try (Tensor source = panels.to(device)) {
      target.assign(source);
    }
    return target;
  }

  @Override
  public void close() {
    panels.close();
    if (plain != null) plain.close();
  }
}
