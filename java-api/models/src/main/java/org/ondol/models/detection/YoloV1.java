package org.ondol.models.detection;

import java.util.Arrays;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.grad.Initializer;
import org.ondol.grad.Parameters;
import org.ondol.grad.Value;
import org.ondol.models.data.Size;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.DeconvUnit;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.Trunk;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Nms;
import org.ondol.ops.Resize;
import org.ondol.ops.YoloBoxes;

/**
 * YOLO (J. Redmon, S. Divvala, R. Girshick and A. Farhadi, You Only Look Once: Unified, Real-Time Object Detection, CVPR
 * 2016): one look at the image gives, for each cell of an S x S grid, B boxes (x, y, w, h), a confidence C for each, and
 * the probabilities p(c) of the classes given that there is an object. The cell in which an object's centre lies is
 * responsible for it, and of its boxes the one that overlaps the object most.
 *
 * <p>x and y are the centre's place within the cell, w and h the square roots of the sizes in units of the image. The score
 * of a class is Pr(class | object) · Pr(object) · IoU = p(c) C (equation 1). The loss (equation 3), where a hat marks what
 * is wanted and C wants the IoU that the box has:
 *
 * <pre>
 * 5   sum over cells i, boxes j responsible for an object   (x - x^)^2 + (y - y^)^2
 * 5   sum over the same                                      (sqrt w - sqrt w^)^2 + (sqrt h - sqrt h^)^2
 *   + sum over the same                                      (C - IoU)^2
 * 0.5 sum over all other boxes                               C^2
 *   + sum over cells with an object, classes c               (p(c) - p^(c))^2
 * </pre>
 *
 * <p>The paper has its own network of 24 convolutions and two products over the whole image, which need more pictures than
 * most have: here a trunk that knows pictures already, a grid that need not be 7, and three more convolutions, through which
 * each cell sees what is around it and all learn from each object. The paper's two products, of 4096 hidden units half of
 * which are dropped at random, are to be had in their place; with one bias for each number that a cell gives. Where a cell
 * has several objects, each gets a box of its own as long as there are some, and p^ is their mean: the equation allows it,
 * the authors' code knows one object a cell.
 */
public final class YoloV1 implements Detector {
  /**
   * The grid and the loss.
   *
   * @param grid S: cells along each side; 7 in the paper
   * @param boxes B: of a cell; 2 in the paper
   * @param classes C: how many there are
   * @param coordinates the weight of boxes, 5 in the paper
   * @param noObject the weight of confidences where there is no object, 0.5 in the paper
   */
  public record Options(int grid, int boxes, int classes, double coordinates, double noObject) {
    public Options {
      size("grid", grid, 64);
      size("boxes", boxes, 16);
      size("classes", classes, 10_000);
      weight("coordinates", coordinates);
      weight("noObject", noObject);
    }

    private static void size(String name, int value, int most) {
      if (value < 1 || value > most) throw new InvalidArgumentException(name, value, "1 to " + most);
    }

    private static void weight(String name, double value) {
      if (!(value >= 0 && value <= 1e6)) throw new InvalidArgumentException(name, value, "0 to 1e6");
    }

    /** The paper's, for so many classes. */
    public static Options paper(int classes) {
      return new Options(7, 2, classes, 5, 0.5);
    }

    /** Numbers that a cell gives. */
    public int channels() {
      return 5 * boxes + classes;
    }
  }

  /** What gives the cells' numbers, from a map of as many cells. */
  private interface Head {
    <M> M run(Net<M> net, M x);
  }

  /** Each cell sees its neighbours. */
  private record Near(ConvUnit second, ConvUnit last) implements Head {
    @Override
    public <M> M run(Net<M> net, M x) {
      return net.conv(net.conv(x, second), last);
    }
  }

  /** Products over the whole image, as a convolution by which one cell is left, and back. */
  private record Whole(ConvUnit hidden, DeconvUnit last) implements Head {
    @Override
    public <M> M run(Net<M> net, M x) {
      return net.deconv(net.dropout(net.conv(x, hidden), DROPPED), last);
    }
  }

  /** Of the hidden units of products over the whole image. */
  private static final double DROPPED = 0.5;
  /** Of the convolutions after the trunk. */
  private static final long WIDTH = 256;
  private static final double SLOPE = 0.1;
  private static final double EPS = 1e-5;
  private static final double DEVIATION = 0.01;
  private static final ConvGeometry SAME = ConvGeometry.UNIT.padding(1);
  /** Boxes with lower scores are not worth a look. */
  private static final double LEAST = 0.005;
  private static final Nms.Options NMS = Nms.Options.DEFAULT.iouAbove(0.5).scoreThreshold(LEAST);

  private final Trunk trunk;
  private final Units units;
  private final List<String> classes;
  private final Size input;
  private final Options options;
  private final ConvUnit first;
  private final Head head;
  private final Inference inference = new Inference();

  /**
   * First values of what follows the trunk.
   *
   * @param trunk with its parameters among those of the units
   * @param units make the other parameters
   * @param classes names, as many as the options say
   * @param input the size at which pictures are looked at
   * @param hidden units of products over the whole image, 4096 in the paper; 0 for convolutions in their place
   */
  public YoloV1(Trunk trunk, Units units, List<String> classes, Size input, Options options, int hidden) {
    if (trunk == null) throw new InvalidArgumentException("trunk", "null", "a trunk");
    if (units == null) throw new InvalidArgumentException("units", "null", "a maker of units");
    if (input == null) throw new InvalidArgumentException("input", "null", "a size");
    if (options == null) throw new InvalidArgumentException("options", "null", "a value");
    if (classes == null || classes.size() != options.classes) {
      throw new InvalidArgumentException("classes", classes, options.classes + " names");
    }
    if (hidden < 0 || hidden > 1 << 16) throw new InvalidArgumentException("hidden", hidden, "0 to " + (1 << 16));
    this.trunk = trunk;
    this.units = units;
    this.classes = List.copyOf(classes);
    this.input = input;
    this.options = options;
    Units own = units.under("head");
    first = own.convNorm("conv1", trunk.stages().getLast().channels(), WIDTH, 3, SAME, EPS).leakyRelu(SLOPE);
    head = hidden == 0 ? near(own) : whole(own, hidden);
  }

  private Head near(Units own) {
    return new Near(own.convNorm("conv2", WIDTH, WIDTH, 3, SAME, EPS).leakyRelu(SLOPE),
        small(own).conv("out", WIDTH, options.channels(), 1, ConvGeometry.UNIT));
  }

  private Head whole(Units own, int hidden) {
    return new Whole(own.conv("hidden", WIDTH, hidden, options.grid, ConvGeometry.UNIT).leakyRelu(SLOPE),
        small(own).deconv("out", hidden, options.channels(), options.grid, ConvGeometry.UNIT));
  }

  private static Units small(Units own) {
    return own.weights(layout -> Initializer.normal(0, DEVIATION));
  }

  /**
   * What the cells say, [N, 5B + C, S, S]: for each box x, y, sqrt w, sqrt h and its confidence, then the classes.
   *
   * @param image [N, 3, H, W] as the trunk takes it
   */
  public <M> M predictions(Net<M> net, M image) {
    M x = net.conv(trunk.maps(net, image).getLast(), first);
    if (net.size(x, 2) != options.grid || net.size(x, 3) != options.grid) {
      x = net.resize(x, Resize.Target.size(options.grid, options.grid), Resize.Options.BILINEAR);
    }
    return head.run(net, x);
  }

  /**
   * Equation 3, the mean over images.
   *
   * @param predictions as {@link #predictions} makes them
   * @param truths the objects of each image in units of the image: all of it is 0, 0, 1, 1
   */
  public static Value loss(Options options, Value predictions, List<List<LabelledBox>> truths) {
    long[] shape = predictions.shape();
    long[] expected = {truths.size(), options.channels(), options.grid, options.grid};
    if (!Arrays.equals(shape, expected)) {
      throw new ShapeException("predictions", "of shape " + Arrays.toString(shape), Arrays.toString(expected));
    }
    for (List<LabelledBox> all : truths) {
      for (LabelledBox b : all) {
        if (b.label() >= options.classes) {
          throw new InvalidArgumentException("truths", "with label " + b.label(), "below " + options.classes);
        }
      }
    }
    Tensor now = predictions.tensor();
    YoloTargets wanted = YoloTargets.of(options, now.toFloats(), truths);
    Value targets = predictions.tape().constant(Tensor.of(now.device(), wanted.targets(), shape));
    Value weights = predictions.tape().constant(Tensor.of(now.device(), wanted.weights(), shape));
    return predictions.sub(targets).square().mul(weights).sum().scale(1.0 / truths.size());
  }

  @Override
  public List<Detection> detect(Picture picture) {
    if (picture == null) throw new InvalidArgumentException("picture", "null", "a value");
    Picture seen = picture.resized(input.width(), input.height());
    try (Scope scope = Scope.open()) {
      Tensor rgb = Elementwise.scale(seen.tensor(device()), 1.0 / 255);
      Tensor y = inference.map(this::predictions, trunk.preprocess(rgb));
      return decode(y, picture.width(), picture.height());
    }
  }

  /** What predictions [1, 5B + C, S, S] say about a picture of this size, by falling score. */
  private List<Detection> decode(Tensor predictions, int width, int height) {
    int grid = options.grid;
    int n = grid * grid * options.boxes;
    Tensor cells = predictions.permute(0, 2, 3, 1);
    Tensor boxes = cells.slice(3, 0, 5L * options.boxes).reshape(1, grid, grid, options.boxes, 5);
    float[] centred = YoloBoxes.decode(YoloBoxes.Grid.version1(grid, grid), boxes.slice(4, 0, 4)).toFloats();
    float[] confidences = boxes.select(4, 4).toFloats();
    float[] given = cells.slice(3, 5L * options.boxes, options.channels()).toFloats();
    float[] corners = new float[4 * n];
    float[] scores = new float[options.classes * n];
    for (int i = 0; i < n; i++) {
      corners(centred, i, width, height, corners);
      for (int c = 0; c < options.classes; c++) {
        scores[c * n + i] = given[i / options.boxes * options.classes + c] * confidences[i];
      }
    }
    Tensor all = Tensor.of(device(), corners, 1, n, 4);
    Nms.Result kept = Nms.apply(all, Tensor.of(device(), scores, 1, options.classes, n), NMS);
    return Detections.of(kept.indices().toLongs(), kept.scores().toFloats(), corners, 1);
  }

  /** A box of the picture's pixels, cut to it. */
  private static void corners(float[] centred, int i, int width, int height, float[] corners) {
    for (int axis = 0; axis < 2; axis++) {
      float size = axis == 0 ? width : height;
      float middle = centred[4 * i + axis];
      float half = centred[4 * i + 2 + axis] / 2;
      corners[4 * i + axis] = Math.clamp((middle - half) * size, 0, size);
      corners[4 * i + 2 + axis] = Math.clamp((middle + half) * size, 0, size);
    }
  }

  public Options options() {
    return options;
  }

  /** The size at which pictures are looked at. */
  public Size input() {
    return input;
  }

  public Trunk trunk() {
    return trunk;
  }

  public Parameters parameters() {
    return units.parameters();
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public Device device() {
    return trunk.device();
  }

  @Override
  public void close() {
    inference.close();
    parameters().close();
  }
}
