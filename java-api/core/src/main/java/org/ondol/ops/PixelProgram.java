package org.ondol.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Recording;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvShape;
import org.ondol.spi.ElementwiseArgs;
import org.ondol.spi.Kernels;
import org.ondol.spi.LiveEntries;

/**
 * Convolutions of stride 1 between maps of one size, checked once and then run for a few columns of a row at a time, all of
 * them one after the other: what a sampler of an autoregressive model does for every pixel. Every element gets the bits
 * that {@link MaskedConv}, {@link Conv} and {@link Elementwise} give it on whole maps, if what it reads is there by then:
 * in which order pixels may be computed is the caller's knowledge.
 *
 * <p>A call of one pixel takes some microseconds, so nothing is checked or arranged again for it, and the images are spread
 * over the threads once for all layers rather than once for each. A CUDA device keeps the calls of a pixel as one graph that
 * is started as a whole, at whatever place.
 *
 * <p>Filters, masks and biases stay the caller's. Once one is closed, running throws {@link ClosedException}. The methods
 * may be called from several threads and then wait for each other.
 */
public final class PixelProgram implements AutoCloseable {
  private static final long LIMIT = Integer.MAX_VALUE;

  /** Computes the columns [begin, end) of a row for a group of images. */
  interface Step {
    void run(Kernels kernels, int group, long row, long begin, long end);
  }

  private final Device device;
  private final PixelMaps maps;
  private final List<Step> steps = new ArrayList<>(); // step i computes map i + 1
  private final List<Tensor> parameters = new ArrayList<>(); // the caller's, to notice that they are closed
  private final List<Tensor> views = new ArrayList<>();
  private final MovedRuns moved; // null on host devices, where a call costs little
  private boolean closed;

  /**
   * Map 0 with zeros, and no steps.
   *
   * @param device of precision EXACT: others have no kernels for a pixel
   * @param channels of map 0
   */
  public PixelProgram(Device device, long batch, long channels, long height, long width) {
    Check.present("device", device);
    positive("batch", batch);
    positive("channels", channels);
    positive("height", height);
    positive("width", width);
    if (device.precision() != Precision.EXACT) {
      throw new UnsupportedOnDeviceException("maskedconv", device.name(), "pixel by pixel in precision " + device.precision(),
          "use a device of precision EXACT");
    }
    if (batch > LIMIT / width) throw new InvalidArgumentException("width", width, "batch * width of less than 2^31");
    this.device = device;
    boolean host = device.kernels().memory().isHost();
    maps = new PixelMaps(device, batch, height, width, host ? Threads.count() : 1);
    maps.add(channels);
    moved = host ? null : new MovedRuns(device, maps);
  }

  private static void positive(String name, long value) {
    if (value < 1 || value > LIMIT) throw new InvalidArgumentException(name, value, "1 to " + LIMIT);
  }

  /**
   * Adds a map and the convolution that computes it.
   *
   * @param residual a map of as many channels, added before the activation; or -1
   * @return the map's index
   */
  public synchronized int conv(int input, PackedFilter filter, Tensor bias, Activation activation, double slope, int residual) {
    checkOpen();
    map("input", input);
    Check.present("activation", activation);
    Check.finite("slope", slope);
    check(filter, maps.channels(input), device);
    FilterShape s = filter.shape();
    long reach = (s.kernelW() - 1) * s.geometry().dilationW();
    if (reach > LIMIT / maps.images) throw new InvalidArgumentException("filter", "reaching " + reach + " columns", "2^31 / batch");
    Check.optional("bias", bias, device, s.yChannels());
    if (residual != -1) {
      map("residual", residual);
      if (maps.channels(residual) != s.yChannels()) {
        throw new ShapeException("residual", "of " + maps.channels(residual) + " channels", s.yChannels() + " like the filters");
      }
    }
    return addConv(input, filter, s, bias, activation, (float) slope, residual);
  }

  /** Whether a program can have such a convolution; throws if not. */
  public static void check(PackedFilter filter, long channels, Device device) {
    Check.present("filter", filter);
    if (filter.transposed()) throw new InvalidArgumentException("filter", "packed for Deconv", "filters of Conv or MaskedConv");
    FilterShape s = filter.shape();
    Check.floats("filter", filter.panels(), device);
    if (s.oneDimensional()) throw new InvalidArgumentException("filter", "one-dimensional", "filters with a height");
    ConvGeometry g = s.geometry();
    if (g.strideH() != 1 || g.strideW() != 1) {
      throw new InvalidArgumentException("stride", g.strideH() + " x " + g.strideW(), "1 x 1");
    }
    long below = (s.kernelH() - 1) * g.dilationH();
    long right = (s.kernelW() - 1) * g.dilationW();
    if (g.padTop() + g.padBottom() != below || g.padLeft() + g.padRight() != right) {
      throw new InvalidArgumentException("padding", (g.padTop() + g.padBottom()) + " rows and "
          + (g.padLeft() + g.padRight()) + " columns", below + " and " + right + ", for a result as large as the map");
    }
    if (s.xChannels() != channels) {
      throw new ShapeException("filter", "for " + s.xChannels() + " channels", channels + " like the map");
    }
  }

  private int addConv(int input, PackedFilter filter, FilterShape s, Tensor bias, Activation activation, float slope,
      int residual) {
    ConvGeometry g = s.geometry();
    long n = maps.images;
    ConvShape shape = new ConvShape(1, g.groups(), s.xChannels(), maps.height, maps.pitch(), s.yChannels(), maps.height,
        maps.pitch(), s.kernelH(), s.kernelW(), 1, 1, s.kernelH() == 1 ? 1 : g.dilationH(),
        s.kernelW() == 1 ? 1 : g.dilationW() * n, g.padTop(), g.padLeft() * n);
    LiveEntries live = live(filter);
    Tensor packed = parameter(filter.panels());
    Tensor b = bias == null ? null : parameter(bias);
    int map = maps.add(s.yChannels());
    ConvArgs[] calls = new ConvArgs[(int) maps.groups];
    for (int i = 0; i < calls.length; i++) {
      Tensor r = residual == -1 ? null : own(maps.group(residual, i));
      calls[i] = new ConvArgs(shape, own(maps.group(input, i)), null, packed, own(maps.group(map, i)), b, r, activation,
          slope, live, 0, 0, 0, 0, Precision.EXACT);
    }
    steps.add((kernels, group, row, begin, end) -> kernels.conv(calls[group].window(row, row + 1, begin * n, end * n)));
    return map;
  }

  /** The live entries over a view of their table: the mask may be closed while a kernel reads it. */
  private LiveEntries live(PackedFilter filter) {
    if (filter.mask() == null) return null;
    LiveEntries l = filter.mask().byOutput();
    return new LiveEntries(l.channelStart(), l.channels(), l.liveStart(), l.live(), parameter(l.table()));
  }

  /** A contiguous view, or copy, that keeps a parameter's memory. */
  private Tensor parameter(Tensor t) {
    parameters.add(t);
    return own(Scope.detach(t.contiguous()));
  }

  private Tensor own(Tensor view) {
    views.add(view);
    return view;
  }

  /** Adds the map tanh(first half of a map's channels) * sigmoid(second half) (van den Oord et al. 2016, eq. 2). */
  public synchronized int gate(int input) {
    checkOpen();
    map("input", input);
    long half = maps.channels(input) / 2;
    if (maps.channels(input) % 2 != 0) {
      throw new ShapeException("input", "of " + maps.channels(input) + " channels", "an even number");
    }
    int map = maps.add(half);
    Tensor scratch = own(maps.scratch(half));
    steps.add((kernels, group, row, begin, end) -> {
      try (Scope scope = Scope.open()) {
        Tensor out = maps.part(map, group, 0, half, row, begin, end);
        Tensor weight = maps.scratchPart(scratch, group, row, begin, end);
        Tensor x = maps.part(input, group, 0, half, row, begin, end);
        Tensor y = maps.part(input, group, half, half, row, begin, end);
        kernels.elementwise(new ElementwiseArgs(Elementwise.Op.TANH, x, null, out, 0));
        kernels.elementwise(new ElementwiseArgs(Elementwise.Op.SIGMOID, y, null, weight, 0));
        kernels.elementwise(new ElementwiseArgs(Elementwise.Op.MUL, out, weight, out, 0));
      }
    });
    return map;
  }

  /** Adds the sum of two maps. */
  public synchronized int add(int first, int second) {
    checkOpen();
    map("first", first);
    map("second", second);
    long channels = maps.channels(first);
    if (maps.channels(second) != channels) {
      throw new ShapeException("second", "of " + maps.channels(second) + " channels", channels + " like the first");
    }
    int map = maps.add(channels);
    steps.add((kernels, group, row, begin, end) -> {
      try (Scope scope = Scope.open()) {
        Tensor x = maps.part(first, group, 0, channels, row, begin, end);
        Tensor y = maps.part(second, group, 0, channels, row, begin, end);
        Tensor out = maps.part(map, group, 0, channels, row, begin, end);
        kernels.elementwise(new ElementwiseArgs(Elementwise.Op.ADD, x, y, out, 0));
      }
    });
    return map;
  }

  /** Adds the map of a unary operation, element by element, with a constant where it takes one. */
  public synchronized int apply(Elementwise.Op op, double param, int input) {
    checkOpen();
    map("input", input);
    check(op, param);
    long channels = maps.channels(input);
    int map = maps.add(channels);
    steps.add((kernels, group, row, begin, end) -> {
      try (Scope scope = Scope.open()) {
        Tensor x = maps.part(input, group, 0, channels, row, begin, end);
        Tensor out = maps.part(map, group, 0, channels, row, begin, end);
        kernels.elementwise(new ElementwiseArgs(op, x, null, out, (float) param));
      }
    });
    return map;
  }

  /** Whether a program can have such an operation; throws if not. */
  public static void check(Elementwise.Op op, double param) {
    Check.present("op", op);
    Check.finite("param", param);
    if (op.operands() != 1) throw new InvalidArgumentException("op", op, "an operation of one operand");
  }

  /**
   * Computes the columns [begin, end) of a row of some maps, in the order given.
   *
   * @param computed indices of maps other than map 0
   */
  public synchronized void run(int[] computed, long row, long begin, long end) {
    checkOpen();
    checkParameters();
    Check.present("computed", computed);
    Step[] chosen = new Step[computed.length];
    for (int i = 0; i < chosen.length; i++) {
      map("computed", computed[i]);
      if (computed[i] == 0) throw new InvalidArgumentException("computed", Arrays.toString(computed), "no map 0: it is given");
      chosen[i] = steps.get(computed[i] - 1);
    }
    row(row);
    if (begin < 0 || end < begin || end > maps.width) {
      throw new InvalidArgumentException("columns", begin + ".." + end, "a range inside 0.." + maps.width);
    }
    if (begin == end || chosen.length == 0) return;
    Kernels kernels = device.kernels();
    if (maps.groups == 1) {
      if (moved == null || Recording.active() || !moved.run(computed, chosen, row, begin, end)) {
        for (Step step : chosen) step.run(kernels, 0, row, begin, end);
      }
      return;
    }
    Threads.pool().run(maps.groups, (from, to, thread) -> {
      for (long group = from; group < to; group++) {
        for (Step step : chosen) step.run(kernels, (int) group, row, begin, end);
      }
    });
  }

  /** Stores a number for each image at one pixel of a channel. */
  public synchronized void write(int map, long channel, long row, long column, float[] values) {
    checkOpen();
    map("map", map);
    pixel(row, column);
    if (channel < 0 || channel >= maps.channels(map)) {
      throw new InvalidArgumentException("channel", channel, "0 to " + (maps.channels(map) - 1));
    }
    Check.present("values", values);
    if (values.length != maps.batch) {
      throw new ShapeException("values", "of length " + values.length, maps.batch + ", one for each image");
    }
    maps.write(map, channel, row, column, values);
  }

  /** A new tensor [N, C] with a copy of one pixel. */
  public synchronized Tensor read(int map, long row, long column) {
    checkOpen();
    map("map", map);
    pixel(row, column);
    return maps.read(map, row, column);
  }

  /** A new tensor [N, C, H, W] with a copy of a map. */
  public synchronized Tensor read(int map) {
    checkOpen();
    map("map", map);
    return maps.read(map);
  }

  /** Fills a map with zeros. */
  public synchronized void clear(int map) {
    checkOpen();
    map("map", map);
    maps.zero(map);
  }

  private void map(String name, int index) {
    if (index < 0 || index >= maps.count()) {
      throw new InvalidArgumentException(name, index, "a map, 0 to " + (maps.count() - 1));
    }
  }

  private void row(long row) {
    if (row < 0 || row >= maps.height) throw new InvalidArgumentException("row", row, "0 to " + (maps.height - 1));
  }

  private void pixel(long row, long column) {
    row(row);
    if (column < 0 || column >= maps.width) {
      throw new InvalidArgumentException("column", column, "0 to " + (maps.width - 1));
    }
  }

  private void checkOpen() {
    if (closed) throw new ClosedException("the program is closed");
  }

  private void checkParameters() {
    for (Tensor t : parameters) {
      if (t.isClosed()) throw new ClosedException("a filter, mask or bias of the program is closed: " + t);
    }
  }

  /** Frees the maps. */
  @Override
  public synchronized void close() {
    if (closed) return;
    closed = true;
    if (moved != null) moved.close();
    for (Tensor view : views) view.close();
    maps.close();
  }
}
