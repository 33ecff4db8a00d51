package org.ondol.models.trunks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.ondol.OndolException;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.NormUnit;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.DarknetConfig.Section;
import org.ondol.models.weights.WeightsException;
import org.ondol.ops.Activation;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Resize;

/** A layer of a {@link DarknetNet}. */
public sealed interface DarknetLayer {
  /** What a layer gives for an image of the description's size. */
  record Size(long channels, long height, long width) {}

  /** Of the result. */
  Size size();

  /**
   * Computes the result.
   *
   * @param x the result of the layer before, or the image
   * @param all results of layers up to that one
   */
  <M> M run(Net<M> net, M x, List<M> all);

  /** Whether it makes boxes of its operand, which it leaves as it is. */
  default boolean detects() {
    return false;
  }

  /** {@code [convolutional]} */
  record Convolution(ConvUnit unit, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      return net.conv(x, unit);
    }
  }

  /** {@code [maxpool]} */
  record MaxPool(PoolGeometry geometry, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      return net.maxPool(x, geometry);
    }
  }

  /** {@code [avgpool]}: the mean of each channel. */
  record Average(Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      return net.globalAverage(x);
    }
  }

  /** {@code [upsample]}: each cell so many times in both directions, times a factor. */
  record Upsample(int stride, double scale, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      M y = net.resize(x, Resize.Target.scale(stride, stride), Resize.Options.NEAREST);
      return scale == 1 ? y : net.apply(Op.SCALE, scale, y);
    }
  }

  /** {@code [route]}: of each earlier layer one of so many groups of channels, side by side. */
  record Route(List<Integer> layers, int groups, int group, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      List<M> parts = new ArrayList<>();
      for (int i : layers) {
        M part = all.get(i);
        long n = net.size(part, 1) / groups;
        parts.add(groups == 1 ? part : net.channels(part, group * n, (group + 1) * n));
      }
      return parts.size() == 1 ? parts.getFirst() : net.concat(parts);
    }
  }

  /** {@code [shortcut]}: the sum with earlier layers. */
  record Shortcut(List<Integer> layers, Op activation, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      M y = x;
      for (int i : layers) y = net.add(y, all.get(i));
      return activation == null ? y : net.apply(activation, 0, y);
    }
  }

  /** {@code [dropout]} */
  record Dropout(double probability, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      return net.dropout(x, probability);
    }
  }

  /**
   * {@code [yolo]} of YOLOv3 and v4: for each anchor x, y, width, height, objectness and one score for each class, which
   * sigmoids make probabilities.
   *
   * @param anchors the layer's own, widths and heights in pixels of the network's image
   * @param scale how far a centre may leave its cell
   */
  record Yolo(double[][] anchors, int classes, double scale, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      return x;
    }

    @Override
    public boolean detects() {
      return true;
    }
  }

  /**
   * {@code [region]} of YOLOv2: the same with the softmax of the scores.
   *
   * @param anchors in pixels of the network's image; in the description they are in cells
   * @param softmax whether scores exclude each other; else sigmoids make probabilities
   */
  record Region(double[][] anchors, int classes, boolean softmax, Size size) implements DarknetLayer {
    @Override
    public <M> M run(Net<M> net, M x, List<M> all) {
      return x;
    }

    @Override
    public boolean detects() {
      return true;
    }
  }

  /** The layers of a description. */
  static List<DarknetLayer> all(DarknetConfig config, Units units, long channels, long height, long width) {
    Reader reader = new Reader(config.net(), units);
    Size size = new Size(channels, height, width);
    for (Section section : config.layers()) {
      try {
        DarknetLayer layer = reader.layer(section, size);
        size = layer.size();
        reader.done.add(layer);
      } catch (OndolException e) {
        // A description whose sizes do not fit: the operations know why, this place knows where.
        if (e instanceof WeightsException) throw e;
        throw section.refuse("[" + section.name() + "] does not fit what is before it: " + e.getMessage());
      }
    }
    return List.copyOf(reader.done);
  }

  /** Makes layers of sections. */
  final class Reader {
    private static final double EPS = 1e-5;
    private static final double LEAK = 0.1;
    private static final int MOST = 1 << 16;

    private final Section net;
    private final Units units;
    private final List<DarknetLayer> done = new ArrayList<>();

    private Reader(Section net, Units units) {
      this.net = net;
      this.units = units;
    }

    private DarknetLayer layer(Section s, Size in) {
      return switch (s.name()) {
        case "convolutional", "conv" -> convolution(s, in);
        case "maxpool", "max" -> maxPool(s, in);
        case "avgpool", "avg" -> new Average(new Size(in.channels, 1, 1));
        case "upsample" -> upsample(s, in);
        case "route" -> route(s);
        case "shortcut" -> shortcut(s, in);
        case "dropout" -> new Dropout(s.number("probability", 0.5), in);
        case "yolo" -> yolo(s, in);
        case "region" -> region(s, in);
        default -> throw s.refuse("unknown layer [" + s.name() + "]; expected convolutional, maxpool, avgpool, upsample, "
            + "route, shortcut, dropout, yolo or region");
      };
    }

    private Convolution convolution(Section s, Size in) {
      for (String key : List.of("binary", "xnor", "flipped", "antialiasing", "share_index", "deform", "sway", "rotate",
          "stretch", "dontload", "assisted_excitation")) {
        s.only(key, 0);
      }
      int size = s.whole("size", 1, 1, MOST);
      int stride = s.whole("stride", 1, 1, MOST);
      int padding = s.whole("pad", 0, 0, 1) == 1 ? size / 2 : s.whole("padding", 0, 0, MOST);
      ConvGeometry g = ConvGeometry.UNIT.padding(padding).groups(s.whole("groups", 1, 1, MOST))
          .stride(s.whole("stride_y", stride, 1, MOST), s.whole("stride_x", stride, 1, MOST))
          .dilation(s.whole("dilation", 1, 1, MOST));
      int filters = s.whole("filters", 1, 1, MOST);
      if (in.channels % g.groups() != 0 || filters % g.groups() != 0) {
        throw s.wrong("groups", "a divisor of " + in.channels + " channels and " + filters + " filters");
      }
      String name = "layer" + done.size();
      NormUnit norm = s.whole("batch_normalize", 0, 0, 1) == 0 ? null : units.norm(name, filters, EPS);
      ConvUnit unit = activated(s, units.conv(name, in.channels, filters, size, size, g, norm == null, norm));
      long[] shape = Conv.outputShape(new long[] {1, in.channels, in.height, in.width}, unit.weight().tensor(), g);
      return new Convolution(unit, new Size(shape[1], shape[2], shape[3]));
    }

    private static ConvUnit activated(Section s, ConvUnit unit) {
      String name = s.text("activation", "logistic");
      return switch (name) {
        case "linear" -> unit;
        case "leaky" -> unit.leakyRelu(LEAK);
        case "relu" -> unit.relu();
        case "logistic" -> unit.activation(Activation.SIGMOID);
        case "tanh" -> unit.activation(Activation.TANH);
        case "swish" -> unit.activation(Activation.SILU);
        default -> throw s.wrong("activation", "linear, leaky, relu, logistic, tanh or swish");
      };
    }

    private static MaxPool maxPool(Section s, Size in) {
      for (String key : List.of("maxpool_depth", "antialiasing")) s.only(key, 0);
      int stride = s.whole("stride", 1, 1, MOST);
      int size = s.whole("size", stride, 1, MOST);
      int padding = s.whole("padding", size - 1, 0, MOST);
      int before = padding / 2;
      int behind = padding - before;
      PoolGeometry g = PoolGeometry.window(size, size).padding(before, before, behind, behind)
          .stride(s.whole("stride_y", stride, 1, MOST), s.whole("stride_x", stride, 1, MOST));
      long[] shape = Pool.outputShape(g, 1, in.channels, in.height, in.width);
      return new MaxPool(g, new Size(in.channels, shape[2], shape[3]));
    }

    private static Upsample upsample(Section s, Size in) {
      int stride = s.whole("stride", 2, 1, 64);
      return new Upsample(stride, s.number("scale", 1), new Size(in.channels, in.height * stride, in.width * stride));
    }

    /** Numbers of layers: negative ones count back from this one. */
    private List<Integer> layers(Section s, String key) {
      List<Integer> layers = new ArrayList<>();
      for (int i : s.wholes(key)) {
        int layer = i < 0 ? done.size() + i : i;
        if (layer < 0 || layer >= done.size()) throw s.wrong(key, "layers before this one, number " + done.size());
        layers.add(layer);
      }
      return layers;
    }

    private Route route(Section s) {
      List<Integer> layers = layers(s, "layers");
      int groups = s.whole("groups", 1, 1, MOST);
      int group = s.whole("group_id", 0, 0, groups - 1);
      Size first = done.get(layers.getFirst()).size();
      long channels = 0;
      for (int i : layers) {
        Size size = done.get(i).size();
        if (size.height != first.height || size.width != first.width) {
          throw s.wrong("layers", "layers of one size: number " + i + " is " + size.height + " x " + size.width
              + ", number " + layers.getFirst() + " is " + first.height + " x " + first.width);
        }
        if (size.channels % groups != 0) throw s.wrong("groups", "a divisor of " + size.channels + " channels");
        channels += size.channels / groups;
      }
      return new Route(layers, groups, group, new Size(channels, first.height, first.width));
    }

    private Shortcut shortcut(Section s, Size in) {
      if (!s.text("weights_type", "none").equals("none")) throw s.wrong("weights_type", "none");
      List<Integer> layers = layers(s, "from");
      for (int i : layers) {
        if (!done.get(i).size().equals(in)) {
          throw s.wrong("from", "layers of " + in.channels + " x " + in.height + " x " + in.width + " like the one before; "
              + "number " + i + " is another");
        }
      }
      return new Shortcut(layers, switch (s.text("activation", "linear")) {
        case "linear" -> null;
        case "relu" -> Op.RELU;
        case "logistic" -> Op.SIGMOID;
        case "swish" -> Op.SILU;
        default -> throw s.wrong("activation", "linear, relu, logistic or swish");
      }, in);
    }

    private Yolo yolo(Section s, Size in) {
      s.only("new_coords", 0);
      double[][] all = anchors(s, 1, 1);
      int[] mask = s.has("mask") ? s.wholes("mask") : IntStream.range(0, all.length).toArray();
      for (int i : mask) if (i < 0 || i >= all.length) throw s.wrong("mask", "numbers of the " + all.length + " anchors");
      double[][] own = Arrays.stream(mask).mapToObj(i -> all[i]).toArray(double[][]::new);
      return new Yolo(own, classes(s, own.length, in), s.number("scale_x_y", 1), in);
    }

    private Region region(Section s, Size in) {
      s.only("coords", 4);
      s.only("background", 0);
      if (s.has("tree") || s.has("map")) throw s.refuse("[region] with a tree of classes is not supported");
      double[][] anchors = anchors(s, imageWidth() / (double) in.width, imageHeight() / (double) in.height);
      return new Region(anchors, classes(s, anchors.length, in), s.whole("softmax", 0, 0, 1) == 1, in);
    }

    private double imageWidth() {
      return net.whole("width", 0, 1, MOST);
    }

    private double imageHeight() {
      return net.whole("height", 0, 1, MOST);
    }

    private static double[][] anchors(Section s, double stepX, double stepY) {
      double[] values = s.numbers("anchors");
      if (values.length % 2 != 0) throw s.wrong("anchors", "pairs of a width and a height");
      double[][] anchors = new double[values.length / 2][];
      for (int i = 0; i < anchors.length; i++) {
        anchors[i] = new double[] {values[2 * i] * stepX, values[2 * i + 1] * stepY};
        if (!(anchors[i][0] > 0 && anchors[i][1] > 0)) throw s.wrong("anchors", "positive numbers");
      }
      if (s.whole("num", anchors.length, 1, MOST) != anchors.length) throw s.wrong("num", anchors.length + ", the anchors");
      return anchors;
    }

    private static int classes(Section s, int anchors, Size in) {
      int classes = s.whole("classes", 20, 1, MOST);
      if (in.channels != (long) anchors * (5 + classes)) {
        throw s.wrong("classes", "a number that fits the " + in.channels + " channels before: " + anchors
            + " anchors with 5 values and the classes each");
      }
      return classes;
    }
  }
}
