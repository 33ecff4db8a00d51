package org.ondol.models.segmentation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.DeconvUnit;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.NormUnit;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.Normalization;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.Weights;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.PoolGeometry;

/**
 * ESPNet (S. Mehta, M. Rastegari, A. Caspi, L. Shapiro and H. Hajishirzi, ESPNet: Efficient Spatial Pyramid of Dilated
 * Convolutions for Semantic Segmentation, ECCV 2018), with the repetitions p = 2 and q = 8 and the decoder of its
 * authors' repository (sacmehta/ESPNet).
 *
 * <pre>
 * BR = prelu(bn(x));  CBR = prelu(bn(conv(x)))
 * ESP, to c channels: n = c / 5, rounded down;  t = 1 x 1 of x, to n channels (reduce)
 *   d1, d2, d4, d8, d16 = 3 x 3 of t, dilated 1, 2, 4, 8 and 16, to n channels each; d1 to the c - 4 n (split, transform)
 *   y = BR([d1, d2, d2 + d4, d2 + d4 + d8, d2 + d4 + d8 + d16] + x)  (merge: hierarchical feature fusion, figure 3)
 * Down, to c channels: the same, with 3 x 3 at stride 2 for the reduction, and without + x
 *
 * encoder (figure 4)                                        decoder
 *   c0 = BR[CBR(x), x / 2]                          1/2       h = CBR 3 x 3 of [up(h), c0];  scores = up(h)
 *   c1 = BR[Down, ESP twice, x / 4]                 1/4       h = BR(up(ESP(BR[1 x 1 of c1, h])))
 *   c2 = BR[Down, ESP eight times]                  1/8       h = up(bn(1 x 1 of c2))
 * </pre>
 *
 * x / 2 and x / 4 are averages of 3 x 3 at stride 2, up a transposed convolution of 2 x 2 at stride 2; [..] stands side
 * by side by channels. No convolution has a bias.
 */
public final class EspNet implements PixelClassifier {
  /** Those of the authors' weights for CamVid, which tell the unlabelled, too. */
  public static final List<String> CAMVID = List.of("Sky", "Building", "Pole", "Road", "Pavement", "Tree",
      "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist", "Unlabelled");
  private static final int CAMVID_SIDE = 480;
  /** The decoder's ESP reduces as many channels as there are classes to a fifth. */
  public static final int LEAST_CLASSES = 5;
  private static final int MORE_1 = 2;
  private static final int MORE_2 = 8;
  private static final double EPS = 1e-3;
  /** Both sides of its input are multiples of this. */
  private static final int MULTIPLE = 8;
  private static final PoolGeometry HALF = PoolGeometry.window(3, 3).stride(2).padding(1).countPadding(true);

  /**
   * What the authors' program does: the colours, B, G, R of 0 to 255, less their mean over the training images, by their
   * deviation, and then by 255.
   */
  private static final Normalization COLOURS = new Normalization(true, 255,
      new Normalization.Colours(110.33139, 108.40919, 105.03353),
      new Normalization.Colours(72.12521 * 255, 72.68849 * 255, 69.90260 * 255));

  /** Batch norm and prelu. */
  private record Br(NormUnit norm, Parameter slopes) {
    static Br of(Units units, String norm, String act, long channels) {
      return new Br(units.norm(norm, channels, EPS), units.slopes(act, channels));
    }

    <M> M run(Net<M> net, M x) {
      return net.prelu(net.batchNorm(x, norm), slopes);
    }
  }

  /** Convolution of 3 x 3, batch norm and prelu. */
  private record Cbr(ConvUnit conv, Parameter slopes) {
    static Cbr of(Units units, String name, long in, long out, ConvGeometry geometry) {
      ConvUnit conv = units.conv(name + ".conv", in, out, 3, 3, geometry, false, units.norm(name + ".bn", out, EPS));
      return new Cbr(conv, units.slopes(name + ".act", out));
    }

    <M> M run(Net<M> net, M x) {
      return net.prelu(net.conv(x, conv), slopes);
    }
  }

  /** The efficient spatial pyramid. */
  private record Esp(ConvUnit reduce, ConvUnit[] dilated, Br merged, boolean residual) {
    private static final int[] DILATIONS = {1, 2, 4, 8, 16};

    static Esp of(Units units, String name, long in, long out, boolean residual) {
      return of(units, name, plain(units, name + ".c1.conv", in, out / 5, 1, ConvGeometry.UNIT), out,
          Br.of(units, name + ".bn.bn", name + ".bn.act", out), residual);
    }

    static Esp down(Units units, String name, long in, long out) {
      return of(units, name, plain(units, name + ".c1.conv", in, out / 5, 3, ConvGeometry.UNIT.stride(2).padding(1)),
          out, Br.of(units, name + ".bn", name + ".act", out), false);
    }

    private static Esp of(Units units, String name, ConvUnit reduce, long out, Br merged, boolean residual) {
      long n = out / 5;
      ConvUnit[] dilated = new ConvUnit[DILATIONS.length];
      for (int i = 0; i < dilated.length; i++) {
        int d = DILATIONS[i];
        dilated[i] = plain(units, name + ".d" + d + ".conv", n, i == 0 ? out - 4 * n : n, 3,
            ConvGeometry.UNIT.dilation(d).padding(d));
      }
      return new Esp(reduce, dilated, merged, residual);
    }

    <M> M run(Net<M> net, M x) {
      M t = net.conv(x, reduce);
      M sum = net.conv(t, dilated[1]);
      List<M> parts = new ArrayList<>(List.of(net.conv(t, dilated[0]), sum));
      for (int i = 2; i < dilated.length; i++) {
        sum = net.conv(t, dilated[i], sum);
        parts.add(sum);
      }
      M y = net.concat(parts);
      return merged.run(net, residual ? net.add(y, x) : y);
    }
  }

  private final Parameters parameters = new Parameters();
  private final Device device;
  private final List<String> classes;
  private final int side;
  private final Inference inference = new Inference();

  private final Cbr level1;
  private final Br b1;
  private final Esp down2;
  private final Esp[] level2 = new Esp[MORE_1];
  private final Br b2;
  private final Esp down3;
  private final Esp[] level3 = new Esp[MORE_2];
  private final Br b3;
  private final ConvUnit score3;
  private final DeconvUnit up3;
  private final ConvUnit score2;
  private final Br fused;
  private final Esp combined;
  private final DeconvUnit up2;
  private final Br upped;
  private final Cbr last;
  private final DeconvUnit up1;

  /**
   * First values.
   *
   * @param classes their names
   * @param side of the longer side of the pictures that it will be trained with
   */
  public EspNet(Device device, List<String> classes, int side, Generator random) {
    if (classes == null || classes.size() < LEAST_CLASSES || classes.size() > 256) {
      throw new InvalidArgumentException("classes", classes, "names of " + LEAST_CLASSES + " to 256 classes");
    }
    if (side < 1) throw new InvalidArgumentException("side", side, "at least 1");
    this.device = device;
    this.classes = List.copyOf(classes);
    this.side = side;
    int out = classes.size();
    Units units = Units.of(parameters, "", device, random);
    level1 = Cbr.of(units, "encoder.level1", 3, 16, ConvGeometry.UNIT.stride(2).padding(1));
    b1 = Br.of(units, "encoder.b1.bn", "encoder.b1.act", 16 + 3);
    down2 = Esp.down(units, "encoder.level2_0", 16 + 3, 64);
    for (int i = 0; i < MORE_1; i++) level2[i] = Esp.of(units, "encoder.level2." + i, 64, 64, true);
    b2 = Br.of(units, "encoder.b2.bn", "encoder.b2.act", 64 + 64 + 3);
    down3 = Esp.down(units, "encoder.level3_0", 64 + 64 + 3, 128);
    for (int i = 0; i < MORE_2; i++) level3[i] = Esp.of(units, "encoder.level3." + i, 128, 128, true);
    b3 = Br.of(units, "encoder.b3.bn", "encoder.b3.act", 128 + 128);
    score3 = units.conv("encoder.classifier.conv", 128 + 128, out, 1, 1, ConvGeometry.UNIT, false,
        units.norm("br", out, EPS));
    up3 = up(units, out, "up_l3.0");
    score2 = plain(units, "level3_C.conv", 64 + 64 + 3, out, 1, ConvGeometry.UNIT);
    fused = Br.of(units, "combine_l2_l3.0.bn", "combine_l2_l3.0.act", 2L * out);
    combined = Esp.of(units, "combine_l2_l3.1", 2L * out, out, false);
    up2 = up(units, out, "up_l2.0");
    upped = Br.of(units, "up_l2.1.bn", "up_l2.1.act", out);
    last = Cbr.of(units, "conv", out + 16 + 3, out, ConvGeometry.UNIT.padding(1));
    up1 = up(units, out, "classifier");
  }

  private static ConvUnit plain(Units units, String name, long in, long out, long kernel, ConvGeometry geometry) {
    return units.conv(name, in, out, kernel, kernel, geometry, false, null);
  }

  private static DeconvUnit up(Units units, long out, String name) {
    return units.deconv(name, out, out, 2, ConvGeometry.UNIT.stride(2), false, null);
  }

  /**
   * The authors' weights.
   *
   * @param weights a file of safetensors with their names, or the folder that holds it as weights.safetensors
   */
  public static EspNet load(Path weights, Device device) {
    try (SafeTensors file = SafeTensors.open(file(weights)); Assembly parts = new Assembly()) {
      EspNet net = parts.add(new EspNet(device, CAMVID, CAMVID_SIDE, new Generator(0)));
      Weights named = (name, on, shape) -> file.tensor(published(name), on, shape);
      Units.of(net.parameters, "", device, new Generator(0)).load(named);
      return parts.done(net);
    }
  }

  private static Path file(Path weights) {
    return Files.isDirectory(weights) ? weights.resolve("weights.safetensors") : weights;
  }

  /** The authors' name of a parameter: PyTorch calls what a layer has weight and bias, whatever it is. */
  public static String published(String name) {
    return name.replaceFirst("\\.(gamma|slope)$", ".weight").replaceFirst("\\.beta$", ".bias")
        .replaceFirst("\\.mean$", ".running_mean").replaceFirst("\\.variance$", ".running_var");
  }

  /**
   * The scores of the classes before the softmax, [N, classes, H, W].
   *
   * @param image [N, 3, H, W] as {@link #preprocess} makes it, H and W multiples of 8
   */
  public <M> M logits(Net<M> net, M image) {
    M half = net.averagePool(image, HALF);
    M quarter = net.averagePool(half, HALF);
    M c0 = b1.run(net, net.concat(List.of(level1.run(net, image), half)));
    M a = down2.run(net, c0);
    M b = a;
    for (Esp esp : level2) b = esp.run(net, b);
    M c1 = b2.run(net, net.concat(List.of(b, a, quarter)));
    a = down3.run(net, c1);
    b = a;
    for (Esp esp : level3) b = esp.run(net, b);
    M c2 = b3.run(net, net.concat(List.of(a, b)));

    M h = net.deconv(net.conv(c2, score3), up3);
    h = combined.run(net, fused.run(net, net.concat(List.of(net.conv(c1, score2), h))));
    h = upped.run(net, net.deconv(h, up2));
    h = last.run(net, net.concat(List.of(h, c0)));
    return net.deconv(h, up1);
  }

  /** Pictures [N, 3, H, W] of 0 to 1, red first, as the authors' program changes them. */
  public static Tensor preprocess(Tensor rgb) {
    return COLOURS.apply(rgb);
  }

  /** {@link #logits} at once, as a tensor of the current scope. */
  public Tensor scores(Tensor image) {
    return inference.map(this::logits, image);
  }

  /** Within zeros up to multiples of 8. */
  private static Tensor image(Tensor rgb) {
    return new Border(0, 0, -rgb.size(2) & MULTIPLE - 1, -rgb.size(3) & MULTIPLE - 1).around(preprocess(rgb));
  }

  @Override
  public Value logits(Tape tape, Tensor rgb, Statistics statistics) {
    Net.OnTape net = new Net.OnTape(tape, statistics);
    return net.crop(logits(net, tape.constant(image(rgb))), 0, 0, rgb.size(2), rgb.size(3));
  }

  @Override
  public byte[] segment(Picture picture) {
    try (Scope scope = Scope.open()) {
      Tensor image = image(Elementwise.scale(picture.tensor(device), 1.0 / 255));
      return LabelMaps.best(scores(image), picture.height(), picture.width());
    }
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public int[] colours() {
    return Colours.of(classes);
  }

  /** Of the authors' weights 480, CamVid's pictures being 480 x 360. */
  @Override
  public int side() {
    return side;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public Parameters parameters() {
    return parameters;
  }

  /** Frees the parameters. */
  @Override
  public void close() {
    inference.close();
    parameters.close();
  }
}
