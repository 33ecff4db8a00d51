package org.ondol.models.layers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ondol.ClosedException;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PixelProgram;

/**
 * A network that generates images pixel by pixel, as PixelCNN and its gated form do (van den Oord, Kalchbrenner and
 * Kavukcuoglu 2016; van den Oord et al. 2016): p(x) = prod p(x_i | x_1 .. x_i-1) in raster order, colour by colour at each
 * pixel. It is a small graph of maps of one size; map 0 is the image and the last one is what pixels are chosen from:
 * channel i of its n belongs to colour i * colours / n.
 *
 * <p>That a layer sees nothing that is not known yet is proved from geometry and masks when it is added. {@link #forward}
 * computes whole maps, {@link #sampler} what each pixel changes, with the same bits.
 */
public final class PixelNetwork implements Layer {
  /** How a map is made of earlier ones. */
  sealed interface Node {}

  record Convolution(int input, PackedFilter filter, Tensor bias, Activation activation, double slope, int residual)
      implements Node {}

  record Gate(int input) implements Node {}

  record Sum(int first, int second) implements Node {}

  record Unary(Elementwise.Op op, double param, int input) implements Node {}

  private final Device device;
  private final int colours;
  private final List<Node> nodes; // node i makes map i + 1
  private final List<Causality> causality;
  private final List<FilterMask> masks; // this network's own
  private volatile boolean closed;

  private PixelNetwork(Device device, int colours, List<Node> nodes, List<Causality> causality, List<FilterMask> masks) {
    this.device = device;
    this.colours = colours;
    this.nodes = nodes;
    this.causality = causality;
    this.masks = masks;
  }

  /**
   * Begins a network.
   *
   * @param colours channels of the image: 1 for grey, 3 for R, G, B
   */
  public static Builder on(Device device, int colours) {
    return new Builder(device, colours);
  }

  /** Adds map after map. A layer that sees what is not known yet is refused by a {@link CausalityException}. */
  public static final class Builder {
    private final Device device;
    private final int colours;
    private final List<Node> nodes = new ArrayList<>();
    private final List<Causality> causality = new ArrayList<>();
    private boolean built;

    private Builder(Device device, int colours) {
      if (device == null) throw new InvalidArgumentException("device", "null", "a device");
      if (colours < 1) throw new InvalidArgumentException("colours", colours, "at least 1");
      this.device = device;
      this.colours = colours;
      causality.add(Causality.image(colours));
    }

    /** act(filter * map + bias): {@link #conv(int, PackedFilter, Tensor, Activation, double, int)} without a residual. */
    public int conv(int input, PackedFilter filter, Tensor bias, Activation activation) {
      return conv(input, filter, bias, activation, 0, -1);
    }

    /**
     * Adds act(filter * map + bias + residual).
     *
     * @param filter of {@link PackedFilter#maskedconv} or {@link PackedFilter#conv}, with stride 1 and paddings that keep the size
     * @param bias [out]; or null
     * @param slope of RELU for negative values; else 0
     * @param residual a map of as many channels; or -1
     * @return the new map's index
     */
    public int conv(int input, PackedFilter filter, Tensor bias, Activation activation, double slope, int residual) {
      Causality from = map("input", input);
      if (activation == null) throw new InvalidArgumentException("activation", "null", "an activation");
      PixelProgram.check(filter, from.own().length, device);
      Causality rest = residual == -1 ? null : map("residual", residual);
      if (rest != null && rest.own().length != filter.outChannels()) {
        throw new ShapeException("residual", "of " + rest.own().length + " channels", filter.outChannels() + " like the filter");
      }
      if (bias != null && !Arrays.equals(bias.shape(), new long[] {filter.outChannels()})) {
        throw new ShapeException("bias", "of shape " + Arrays.toString(bias.shape()), "[" + filter.outChannels() + "]");
      }
      return add(new Convolution(input, filter, bias, activation, slope, residual),
          from.conv(causality.size(), colours, filter, rest));
    }

    /** Adds tanh(first half of the channels) * sigmoid(second half), the gated PixelCNN's activation. */
    public int gate(int input) {
      Causality from = map("input", input);
      if (from.own().length % 2 != 0) {
        throw new ShapeException("input", "of " + from.own().length + " channels", "an even number");
      }
      return add(new Gate(input), from.gate(causality.size(), colours));
    }

    /** Adds the sum of two maps. */
    public int add(int first, int second) {
      Causality a = map("first", first);
      Causality b = map("second", second);
      if (a.own().length != b.own().length) {
        throw new ShapeException("second", "of " + b.own().length + " channels", a.own().length + " like the first");
      }
      return add(new Sum(first, second), a.add(causality.size(), colours, b));
    }

    /** Adds a unary operation of a map, element by element, with a constant where it takes one. */
    public int apply(Elementwise.Op op, double param, int input) {
      Causality from = map("input", input);
      PixelProgram.check(op, param);
      return add(new Unary(op, param, input), from.unary(causality.size(), colours));
    }

    private int add(Node node, Causality c) {
      nodes.add(node);
      causality.add(c);
      return causality.size() - 1;
    }

    private Causality map(String name, int index) {
      if (built) throw new ClosedException("the network is built");
      if (index < 0 || index >= causality.size()) {
        throw new InvalidArgumentException(name, index, "a map, 0 to " + (causality.size() - 1));
      }
      return causality.get(index);
    }

    /**
     * The network, which takes filters and biases over and closes them; masks stay the caller's and are closed after it.
     * Until then, and where this fails, they are the caller's.
     */
    public PixelNetwork build() {
      map("input", 0);
      if (nodes.isEmpty()) throw new InvalidArgumentException("layers", 0, "at least one");
      Causality last = causality.getLast();
      if (last.own().length < colours) {
        throw new ShapeException("result", "of " + last.own().length + " channels", "at least one for each of " + colours + " colours");
      }
      last.output(causality.size() - 1, colours);
      built = true;
      for (Node n : nodes) if (n instanceof Convolution c && c.bias != null) Scope.detach(c.bias);
      return new PixelNetwork(device, colours, List.copyOf(nodes), List.copyOf(causality), List.of());
    }
  }

  /** Channels of the image. */
  public int colours() {
    return colours;
  }

  /** Channels of the result. */
  public long outputs() {
    return causality.getLast().own().length;
  }

  @Override
  public Device device() {
    return device;
  }

  int output() {
    return nodes.size();
  }

  /** The maps of a kind, in order. */
  int[] maps(Causality.Kind kind, boolean onlyOwn) {
    List<Integer> found = new ArrayList<>();
    for (int i = 1; i < causality.size(); i++) {
      Causality c = causality.get(i);
      if (c.kind() == kind && (!onlyOwn || c.seesOwnPixel())) found.add(i);
    }
    return found.stream().mapToInt(i -> i).toArray();
  }

  /** The result for whole images [N, colours, H, W]: [N, outputs, H, W]. */
  public Tensor forward(Tensor images) {
    checkOpen();
    if (images == null) throw new InvalidArgumentException("images", "null", "a tensor");
    if (images.rank() != 4 || images.size(1) != colours) {
      throw new ShapeException("images", "of shape " + Arrays.toString(images.shape()), "[N, " + colours + ", H, W]");
    }
    int[] last = lastUses();
    Tensor[] maps = new Tensor[nodes.size() + 1];
    try (Scope scope = Scope.open()) {
      maps[0] = images;
      for (int i = 0; i < nodes.size(); i++) {
        maps[i + 1] = compute(nodes.get(i), maps);
        for (int m = 1; m <= i; m++) if (last[m] == i) maps[m].close();
      }
      return scope.keep(maps[nodes.size()]);
    }
  }

  /** For each map the last node that reads it. */
  private int[] lastUses() {
    int[] last = new int[nodes.size() + 1];
    for (int i = 0; i < nodes.size(); i++) {
      switch (nodes.get(i)) {
        case Convolution c -> {
          last[c.input] = i;
          if (c.residual != -1) last[c.residual] = i;
        }
        case Gate g -> last[g.input] = i;
        case Sum s -> {
          last[s.first] = i;
          last[s.second] = i;
        }
        case Unary u -> last[u.input] = i;
      }
    }
    return last;
  }

  private static Tensor compute(Node node, Tensor[] maps) {
    return switch (node) {
      case Convolution c -> {
        Tensor residual = c.residual == -1 ? null : maps[c.residual];
        Conv.Epilogue epilogue = new Conv.Epilogue(c.bias, c.activation, c.slope, residual);
        yield c.filter.mask() == null ? Conv.apply(maps[c.input], c.filter, epilogue)
            : MaskedConv.apply(maps[c.input], c.filter, epilogue);
      }
      case Gate g -> {
        Tensor x = maps[g.input];
        long half = x.size(1) / 2;
        Tensor value = Elementwise.tanh(x.slice(1, 0, half));
        Tensor weight = Elementwise.sigmoid(x.slice(1, half, 2 * half));
        Elementwise.run(Elementwise.Op.MUL, value, weight, value, 0);
        weight.close();
        yield value;
      }
      case Sum s -> Elementwise.add(maps[s.first], maps[s.second]);
      case Unary u -> Elementwise.apply(u.op, maps[u.input], null, u.param);
    };
  }

  /** A sampler that generates so many images of this size at once. It is closed before the network. */
  public PixelSampler sampler(long batch, long height, long width) {
    checkOpen();
    return new PixelSampler(this, batch, height, width);
  }

  PixelProgram program(long batch, long height, long width) {
    try (Assembly parts = new Assembly()) {
      PixelProgram p = parts.add(new PixelProgram(device, batch, colours, height, width));
      for (Node node : nodes) {
        switch (node) {
          case Convolution c -> p.conv(c.input, c.filter, c.bias, c.activation, c.slope, c.residual);
          case Gate g -> p.gate(g.input);
          case Sum s -> p.add(s.first, s.second);
          case Unary u -> p.apply(u.op, u.param, u.input);
        }
      }
      return parts.done(p);
    }
  }

  @Override
  public PixelNetwork to(Device target) {
    checkOpen();
    List<FilterMask> copies = new ArrayList<>();
    List<Node> moved = new ArrayList<>();
    try (Assembly parts = new Assembly()) {
      for (Node node : nodes) {
        if (!(node instanceof Convolution c)) {
          moved.add(node);
          continue;
        }
        FilterMask mask = c.filter.mask() == null ? null : parts.add(c.filter.mask().to(target));
        if (mask != null) copies.add(mask);
        PackedFilter filter = parts.add(c.filter.to(target, mask));
        Tensor bias = c.bias == null ? null : parts.add(Scope.detach(c.bias.to(target)));
        moved.add(new Convolution(c.input, filter, bias, c.activation, c.slope, c.residual));
      }
      return parts.done(new PixelNetwork(target, colours, List.copyOf(moved), causality, List.copyOf(copies)));
    }
  }

  private void checkOpen() {
    if (closed) throw new ClosedException("the network is closed");
  }

  @Override
  public void close() {
    closed = true;
    List<AutoCloseable> parts = new ArrayList<>();
    for (Node node : nodes) {
      if (!(node instanceof Convolution c)) continue;
      parts.add(c.filter);
      if (c.bias != null) parts.add(c.bias);
    }
    parts.addAll(masks);
    Assembly.closeAll(parts);
  }
}
