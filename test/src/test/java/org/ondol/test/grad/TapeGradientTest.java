package org.ondol.test.grad;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Maps;
import org.ondol.grad.Parameter;
import org.ondol.grad.Regions;
import org.ondol.grad.Sequences;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Reduce;
import org.ondol.ops.Resize;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.support.Bits;
import org.ondol.test.support.TestDevices;

/**
 * Every differentiable operation through the tape, against central differences of a float64 forward pass. Each
 * operation is used twice on the same operands, and these have a third use, so that gradients of a shared value must
 * add up. All devices must give the same bits.
 */
class TapeGradientTest {
  private static final double STEP = 1e-5;
  /** One for each device, for as long as the JVM runs. */
  private static final Map<Device, FilterMask> MASKS = new HashMap<>();
  private static final Map<Device, FilterMask> SQUARES = new HashMap<>();

  /** An operation, for the tape and in float64. */
  record Case(String name, Function<Value[], Value> tape, Function<Wide[], Wide> wide, int[]... shapes) {}

  private static int[] s(int... shape) {
    return shape;
  }

  private static long[] longs(int... shape) {
    return Arrays.stream(shape).asLongStream().toArray();
  }

  private static Case unary(Op op, DoubleUnaryOperator f) {
    return new Case(op.toString(), v -> v[0].apply(op), w -> w[0].map(f), s(3, 7));
  }

  private static List<Case> elementwise() {
    DoubleUnaryOperator cubic = x -> 0.044715 * x * x * x + x;
    return List.of(
        unary(Op.COPY, x -> x), unary(Op.NEG, x -> -x), unary(Op.ABS, Math::abs), unary(Op.RELU, x -> Math.max(x, 0)),
        unary(Op.GELU, x -> x / 2 * (1 + Wide.erf(x / Math.sqrt(2)))),
        unary(Op.GELU_TANH, x -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * cubic.applyAsDouble(x)))),
        unary(Op.SIGMOID, Wide::sigmoid), unary(Op.TANH, Math::tanh), unary(Op.SILU, x -> x * Wide.sigmoid(x)),
        unary(Op.EXP, Math::exp), unary(Op.ERF, Wide::erf), unary(Op.SQUARE, x -> x * x),
            unary(Op.RECIPROCAL, x -> 1 / x),
        unary(Op.FILL, x -> 0),
        new Case("log of the square", v -> v[0].square().log(), w -> w[0].map(x -> Math.log(x * x)), s(4, 5)),
        new Case("root of the absolute", v -> v[0].abs().sqrt(), w -> w[0].map(x -> Math.sqrt(Math.abs(x))), s(4, 5)),
        new Case("scale", v -> v[0].scale(-1.5), w -> w[0].scale(-1.5), s(11)),
        new Case("shift", v -> v[0].shift(0.5).square(), w -> w[0].map(x -> (x + 0.5) * (x + 0.5)), s(11)),
        new Case("leaky relu", v -> v[0].leakyRelu(0.2), w -> w[0].map(x -> x < 0 ? 0.2 * x : x), s(3, 9)),
        new Case("add broadcast", v -> v[0].add(v[1]), w -> w[0].add(w[1]), s(2, 3, 4), s(3, 1)),
        new Case("sub broadcast", v -> v[0].sub(v[1]), w -> w[0].sub(w[1]), s(1, 4), s(2, 3, 4)),
        new Case("mul broadcast", v -> v[0].mul(v[1]), w -> w[0].mul(w[1]), s(2, 1, 4), s(3, 1)),
        new Case("mul by itself", v -> v[0].mul(v[0]), w -> w[0].mul(w[0]), s(5)),
        new Case("mul by a number", v -> v[0].mul(v[1]), w -> w[0].mul(w[1]), s(2, 3), s()),
        new Case("div broadcast", v -> v[0].div(v[1]), w -> w[0].zip(w[1], (a, b) -> a / b), s(2, 3, 1), s(1, 4)),
        new Case("max broadcast", v -> v[0].max(v[1]), w -> w[0].zip(w[1], Math::max), s(4, 5), s(5)),
        new Case("min broadcast", v -> v[0].min(v[1]), w -> w[0].zip(w[1], Math::min), s(5), s(4, 5)),
        new Case("axpy broadcast", v -> v[0].axpy(0.75, v[1]), w -> w[0].scale(0.75).add(w[1]), s(4, 1), s(3, 1, 5)));
  }

  private static List<Case> products() {
    return List.of(
        new Case("matmul", v -> v[0].matmul(v[1]), w -> w[0].matmul(w[1]), s(3, 5), s(5, 4)),
        new Case("matmul batched", v -> v[0].matmul(v[1]), w -> w[0].matmul(w[1]), s(2, 3, 5), s(2, 5, 4)),
        new Case("matmul broadcast", v -> v[0].matmul(v[1]), w -> w[0].matmul(w[1]), s(2, 1, 3, 5), s(3, 5, 2)),
        new Case("matmul of many rows", v -> v[0].matmul(v[1]), w -> w[0].matmul(w[1]), s(2, 2, 3, 5), s(5, 4)),
        new Case("matmul of the transposed", v -> v[0].transpose(0, 1).matmul(v[0]), w ->
            w[0].permute(1, 0).matmul(w[0]), s(4, 3)),
        new Case("linear", v -> v[0].linear(v[1], v[2]), w -> w[0].matmul(w[1]).add(w[2]), s(3, 5), s(5, 4), s(4)),
        new Case("linear of rank 3", v -> v[0].linear(v[1], v[2]), w -> w[0].matmul(w[1]).add(w[2]), s(2, 3, 5),
            s(5, 4), s(4)),
        new Case("linear of a vector", v -> v[0].linear(v[1], v[2]),
            w -> w[0].reshape(1, 5).matmul(w[1]).add(w[2]).reshape(4), s(5), s(5, 4), s(4)));
  }

  private static List<Case> rows() {
    return List.of(
        new Case("sum", v -> v[0].sum(1), w -> w[0].sum(1), s(2, 3, 4)),
        new Case("sum kept", v -> v[0].reduce(Reduce.Op.SUM, -1, true), w -> w[0].sum(-1).unsqueeze(2), s(2, 3, 4)),
        new Case("mean", v -> v[0].mean(0), w -> w[0].mean(0), s(3, 4)),
        new Case("sum of all", v -> v[0].sum(), w -> w[0].reshape(12).sum(0), s(3, 4)),
        new Case("mean of all", v -> v[0].mean(), w -> w[0].reshape(12).mean(0), s(3, 4)),
        new Case("sum of squares", v -> v[0].reduce(Reduce.Op.SUMSQ, 1, false), w -> w[0].mul(w[0]).sum(1), s(3, 4)),
        new Case("maximum", v -> v[0].reduce(Reduce.Op.MAX, 1, false), w -> w[0].max(1), s(3, 4, 2)),
        new Case("softmax", v -> v[0].softmax(1), w -> w[0].softmax(1), s(2, 5, 3)),
        new Case("log softmax", v -> v[0].logSoftmax(-1), w -> w[0].softmax(-1).map(Math::log), s(4, 6)),
        new Case("layernorm", v -> Sequences.layerNorm(v[0], v[1], v[2], 1e-3), w -> w[0].layerNorm(w[1], w[2], 1e-3),
            s(2, 3, 7),
            s(7), s(7)),
        new Case("layernorm alone", v -> Sequences.layerNorm(v[0], null, null, 1e-3),
            w -> w[0].layerNorm(new Wide(new double[] {1}, 1), new Wide(new double[] {0}, 1), 1e-3), s(3, 7)),
        new Case("embedding", v ->
            Sequences.embedding(v[0], Tensor.of(v[0].tensor().device(), new long[] {4, 0, 4, 2, 4, 1}, 2, 3)),
            w -> Wide.of(s(2, 3, 3), i -> w[0].at(new int[] {4, 0, 4, 2, 4, 1}[i[0] * 3 + i[1]], i[2])), s(5, 3)),
        new Case("attention", v -> Sequences.attention(v[0], v[1], v[2], Attention.Options.DEFAULT),
            w -> w[0].attention(w[1], w[2], null, false), s(2, 2, 3, 4), s(2, 2, 5, 4), s(2, 2, 5, 3)),
        new Case("attention causal, grouped, with a bias",
            v -> Sequences.attention(v[0], v[1], v[2], v[3], Attention.Options.causal(Attention.Alignment.TOP_LEFT)),
            w -> w[0].attention(w[1], w[2], w[3], true), s(1, 4, 3, 4), s(1, 2, 3, 4), s(1, 2, 3, 4), s(1, 4, 3, 3)),
        new Case("nade", v -> Sequences.nade(v[0], v[1], v[2], v[3], null, Activation.SIGMOID, v[4]),
            w -> w[0].nade(w[1], w[2], w[3], null, w[4], Wide::sigmoid), s(3, 5), s(5, 6), s(5, 1, 6), s(5, 1), s(6)),
        new Case("nade with several outputs, a scale and each row's own start",
            v -> Sequences.nade(v[0], v[1], v[2], v[3], v[4], Activation.SIGMOID, v[5]),
            w -> w[0].nade(w[1], w[2], w[3], w[4], w[5], Wide::sigmoid), s(3, 5), s(5, 6), s(5, 4, 6), s(5, 4), s(5), s(3, 6)),
        new Case("nade, relu", v -> Sequences.nade(v[0], v[1], v[2], v[3], v[4], Activation.RELU, v[5]),
            w -> w[0].nade(w[1], w[2], w[3], w[4], w[5], z -> Math.max(z, 0)), s(2, 4), s(4, 5), s(4, 3, 5), s(4, 3), s(4),
            s(5)),
        new Case("attention of heads split from rows",
            v -> Sequences.attention(heads(v[0]), heads(v[1]), heads(v[1]), Attention.Options.DEFAULT).transpose(1,
                2).reshape(2, 3, 8),
            w -> heads(w[0]).attention(heads(w[1]), heads(w[1]), null, false).permute(0, 2, 1, 3).reshape(2, 3, 8),
                s(2, 3, 8),
            s(2, 3, 8)),
        new Case("lstm", v -> Sequences.lstm(v[0], v[1], null, null, null, 0, false),
            w -> w[0].lstm(w[1], null, null, null, 0, false), s(4, 2, 1, 12), s(1, 3, 12)),
        new Case("lstm of rows from below", v -> Sequences.lstm(v[0], v[1], v[2], v[3], v[4], 1, true),
            w -> w[0].lstm(w[1], w[2], w[3], w[4], 1, true), s(3, 2, 4, 8), s(3, 2, 8), s(8), s(2, 4, 2), s(2, 4, 2)));
  }

  private static Value heads(Value x) {
    return x.reshape(2, 3, 2, 4).transpose(1, 2);
  }

  private static Wide heads(Wide x) {
    return x.reshape(2, 3, 2, 4).permute(0, 2, 1, 3);
  }

  private static List<Case> views() {
    return List.of(
        new Case("reshape", v -> v[0].reshape(4, -1), w -> w[0].reshape(4, 6), s(2, 3, 4)),
        new Case("reshape of the transposed", v -> v[0].transpose(0, 2).reshape(24), w ->
            w[0].permute(2, 1, 0).reshape(24), s(2, 3, 4)),
        new Case("permute", v -> v[0].permute(2, 0, -2), w -> w[0].permute(2, 0, 1), s(2, 3, 4)),
        new Case("slices that overlap", v -> v[0].slice(1, 0, 3).mul(v[0].slice(-1, 1, 4)),
            w -> w[0].slice(1, 0, 3).mul(w[0].slice(1, 1, 4)), s(2, 5)),
        new Case("select", v -> v[0].select(1, 2).mul(v[0].select(1, 0)), w ->
            w[0].select(1, 2).mul(w[0].select(1, 0)), s(2, 3, 4)),
        new Case("squeeze and unsqueeze", v -> v[0].unsqueeze(0).squeeze(2), w -> w[0].reshape(1, 3, 4), s(3, 1, 4)),
        new Case("expand", v -> v[0].expand(2, 3, 4), w -> w[0].expand(2, 3, 4), s(3, 1)),
        new Case("concat", v -> Value.concat(1, v[0], v[1], v[0]), w -> Wide.concat(1, w[0], w[1], w[0]), s(2, 3),
            s(2, 2)));
  }

  private static FilterMask mask(Value x) {
    return MASKS.computeIfAbsent(x.tensor().device(), d -> FilterMask.raster(d, FilterMask.Type.B, 4, 2, 3, 3, 2));
  }

  /** What that mask leaves alive. */
  private static final WideMaps.Live MASKED = (o, c, ky, kx) -> ky < 1 || ky == 1 && (kx < 1 || kx == 1 && c <= o / 2);

  /** A mask of type A of two channels to two. */
  private static FilterMask square(Value x) {
    return SQUARES.computeIfAbsent(x.tensor().device(), d -> FilterMask.raster(d, FilterMask.Type.A, 2, 2, 3, 3, 1));
  }

  /** What that one leaves alive. */
  private static final WideMaps.Live BEFORE = (o, c, ky, kx) -> ky < 1 || ky == 1 && kx < 1;

  private static List<Case> maps() {
    ConvGeometry half = ConvGeometry.UNIT.stride(2).padding(1);
    PoolGeometry window = PoolGeometry.window(3, 3).stride(2).padding(1);
    int[] places = {0, 3, 8, 11, 1, 6, 4, 10};
    int[] doubled = new int[16];
    for (int i = 0; i < 16; i++) doubled[i] = places[i % 8];
    return List.of(
        new Case("conv", v -> Maps.conv(v[0], v[1], v[2], half),
            w -> bias(WideMaps.conv(w[0], w[1], 2, 1, 1, WideMaps.ALL), w[2]), s(2, 3, 6, 5), s(4, 3, 3, 3), s(4)),
        new Case("conv of lines", v -> Maps.conv(v[0], v[1], null, ConvGeometry.UNIT),
            w -> WideMaps.conv(w[0].unsqueeze(2), w[1].unsqueeze(2), 1, 0, 1, WideMaps.ALL).reshape(2, 4, 7), s(2, 3, 9),
            s(4, 3, 3)),
        new Case("conv grouped", v -> Maps.conv(v[0], v[1], null, ConvGeometry.UNIT.groups(2)),
            w -> WideMaps.conv(w[0], w[1], 1, 0, 2, WideMaps.ALL), s(1, 4, 5, 5), s(6, 2, 3, 3)),
        new Case("maskedconv", v -> Maps.maskedConv(v[0], v[1], mask(v[0]), v[2], ConvGeometry.UNIT.padding(1)),
            w -> bias(WideMaps.conv(w[0], w[1], 1, 1, 1, MASKED), w[2]), s(2, 2, 4, 5), s(4, 2, 3, 3), s(4)),
        new Case("conv with a residual", v -> Maps.conv(v[0], v[1], v[2], half, false, v[3]),
            w -> bias(WideMaps.conv(w[0], w[1], 2, 1, 1, WideMaps.ALL), w[2]).add(w[3]), s(1, 2, 5, 4), s(3, 2, 3, 3),
            s(3), s(1, 3, 3, 2)),
        new Case("conv with a residual and a relu", v -> Maps.conv(v[0], v[1], null, half, true, v[2]),
            w -> WideMaps.conv(w[0], w[1], 2, 1, 1, WideMaps.ALL).add(w[2]).relu(), s(1, 2, 5, 4), s(3, 2, 3, 3),
            s(1, 3, 3, 2)),
        new Case("maskedconv with a relu",
            v -> Maps.maskedConv(v[0], v[1], mask(v[0]), v[2], ConvGeometry.UNIT.padding(1), true, null),
            w -> bias(WideMaps.conv(w[0], w[1], 1, 1, 1, MASKED), w[2]).relu(), s(2, 2, 4, 5), s(4, 2, 3, 3), s(4)),
        new Case("maskedconv of what is added to it",
            v -> Maps.maskedConv(v[0], v[1], square(v[0]), null, ConvGeometry.UNIT.padding(1), false, v[0]),
            w -> WideMaps.conv(w[0], w[1], 1, 1, 1, BEFORE).add(w[0]), s(2, 2, 4, 5), s(2, 2, 3, 3)),
        new Case("deconv", v -> Maps.deconv(v[0], v[1], v[2], half, 1, 1), w ->
            bias(WideMaps.deconv(w[0], w[1], 2, 1, 1), w[2]),
            s(2, 3, 3, 4), s(3, 2, 4, 4), s(2)),
        new Case("max pool", v -> Maps.maxPool(v[0], window), w -> WideMaps.window(w[0], 3, 2, 1, true), s(2, 2, 6, 5)),
        new Case("max pool with indices", v -> Maps.maxPoolWithIndices(v[0], window).y(), w ->
            WideMaps.window(w[0], 3, 2, 1, true),
            s(1, 2, 6, 5)),
        new Case("average pool", v -> Maps.averagePool(v[0], window), w -> WideMaps.window(w[0], 3, 2, 1, false),
            s(2, 2, 6, 5)),
        new Case("adaptive max pool", v -> Maps.adaptiveMaxPool(v[0], 2, 3), w -> WideMaps.adaptive(w[0], 2, 3, true),
            s(2, 2, 5, 7)),
        new Case("adaptive average pool", v -> Maps.adaptiveAveragePool(v[0], 2, 3), w ->
            WideMaps.adaptive(w[0], 2, 3, false),
            s(2, 2, 5, 7)),
        new Case("global average", v -> Maps.adaptiveAveragePool(v[0], 1, 1), w ->
            WideMaps.adaptive(w[0], 1, 1, false), s(2, 2, 5, 7)),
        new Case("unpool", v -> Maps.unpool(v[0], Tensor.of(v[0].tensor().device(), doubled, 2, 2, 2, 2), 3, 4),
            w -> WideMaps.unpool(w[0], doubled, 3, 4), s(2, 2, 2, 2)),
        new Case("resize", v -> Maps.resize(v[0], Resize.Target.size(7, 3), Resize.Options.BILINEAR),
            w -> WideMaps.bilinear(w[0], 7, 3), s(2, 2, 4, 5)),
        new Case("resize to the nearest", v -> Maps.resize(v[0], Resize.Target.scale(2, 3), Resize.Options.NEAREST),
            w -> Wide.of(s(2, 2, 8, 15), i -> w[0].at(i[0], i[1], i[2] / 2, i[3] / 3)), s(2, 2, 4, 5)),
        new Case("batchnorm, training", v -> Maps.batchNorm(v[0], v[1], v[2], 1e-3, false, null),
            w -> WideMaps.batchNorm(w[0], w[1], w[2], null, null, 1e-3, false), s(3, 2, 2, 3), s(2), s(2)),
        new Case("batchnorm, training, relu", v -> Maps.batchNorm(v[0], v[1], v[2], 1e-3, true, null),
            w -> WideMaps.batchNorm(w[0], w[1], w[2], null, null, 1e-3, true), s(3, 2, 2, 3), s(2), s(2)),
        new Case("batchnorm, inference, relu", v -> Maps.batchNorm(v[0], v[1], v[2], Tensor.of(v[0].tensor().device(),
            new float[] {0.5f, -0.25f}, 2), Tensor.of(v[0].tensor().device(), new float[] {2, 0.75f}, 2), 1e-3, true),
            w -> WideMaps.batchNorm(w[0], w[1], w[2], new Wide(new double[] {0.5, -0.25}, 2),
                new Wide(new double[] {2, 0.75}, 2),
                1e-3, true), s(3, 2, 2, 3), s(2), s(2)));
  }

  // ---- regions

  private static final WideRegions.Region[] ONE_MAP = {new WideRegions.Region(0, 0, 1, 1, 11.25, 8.5),
      new WideRegions.Region(1, 0, 2.75, 3.75, 7.5, 12.75), new WideRegions.Region(1, 0, -3.5, -2.25, 4.5, 3.5)};
  private static final WideRegions.Region[] TWO_MAPS = {new WideRegions.Region(1, 1, 1, 1, 11.25, 8.5),
      new WideRegions.Region(0, 0, 2.75, 3.75, 7.5, 12.75), new WideRegions.Region(1, 0, -3.5, -2.25, 4.5, 3.5)};
  private static final double[] HALF = {0.5};
  private static final List<Double> SCALES = List.of(0.5, 0.25);

  /** The same for the tape. */
  private static Rois rois(Value x, WideRegions.Region... regions) {
    Device device = x.tensor().device();
    float[] boxes = new float[4 * regions.length];
    int[] images = new int[regions.length];
    int[] maps = new int[regions.length];
    for (int i = 0; i < regions.length; i++) {
      for (int k = 0; k < 4; k++) boxes[4 * i + k] = (float) regions[i].box()[k];
      images[i] = regions[i].image();
      maps[i] = regions[i].map();
    }
    return Rois.of(Tensor.of(device, boxes, images.length, 4), Tensor.of(device, images, images.length))
        .onLevels(Tensor.of(device, maps, maps.length));
  }

  private static Case align(String name, WideRegions.Sampling sampling, RoiAlign.Options options) {
    return new Case(name, v -> Regions.roiAlign(v[0], 0.5, rois(v[0], ONE_MAP), 3, 2, options),
        w -> WideRegions.align(w, HALF, ONE_MAP, 3, 2, sampling, options.aligned(), 2), s(2, 2, 7, 6));
  }

  private static List<Case> regions() {
    RoiAlign.Options average = RoiAlign.Options.ALIGNED.sampling(2);
    double[] scales = {0.5, 0.25};
    return List.of(
        new Case("roipool", v -> Regions.roiPool(v[0], 0.5, rois(v[0], ONE_MAP), 3, 2),
            w -> WideRegions.pool(w, HALF, ONE_MAP, 3, 2), s(2, 2, 7, 6)),
        new Case("roipool of a pyramid",
            v -> Regions.roiPool(List.of(v[0], v[1]), SCALES, rois(v[0], TWO_MAPS), 2, 3),
            w -> WideRegions.pool(w, scales, TWO_MAPS, 2, 3), s(2, 2, 7, 6), s(2, 2, 4, 3)),
        align("roialign", WideRegions.Sampling.AVERAGE, average),
        align("roialign, not aligned", WideRegions.Sampling.AVERAGE, RoiAlign.Options.NOT_ALIGNED.sampling(2)),
        align("roialign, maximum", WideRegions.Sampling.MAX, average.op(RoiAlign.Op.MAX)),
        align("roialign, maximum of corners", WideRegions.Sampling.CORNERS, average.op(RoiAlign.Op.MAX_CORNERS)),
        new Case("roialign of a pyramid",
            v -> Regions.roiAlign(List.of(v[0], v[1]), SCALES, rois(v[0], TWO_MAPS), 2, 3, average),
            w -> WideRegions.align(w, scales, TWO_MAPS, 2, 3, WideRegions.Sampling.AVERAGE, true, 2), s(2, 2, 7, 6),
            s(2, 2, 4, 3)),
        new Case("spp", v -> Regions.spp(v[0], 1, 2, 3), w -> Wide.concat(1, flat(WideMaps.adaptive(w[0], 1, 1, true)),
            flat(WideMaps.adaptive(w[0], 2, 2, true)), flat(WideMaps.adaptive(w[0], 3, 3, true))), s(2, 2, 5, 7)),
        new Case("spp of regions", v -> Regions.spp(v[0], 0.5, rois(v[0], ONE_MAP), 3, 1),
            w -> WideRegions.spp(w, HALF, ONE_MAP, 3, 1), s(2, 2, 7, 6)),
        new Case("spp of regions of a pyramid", v -> Regions.spp(List.of(v[0], v[1]), SCALES, rois(v[0], TWO_MAPS), 2),
            w -> WideRegions.spp(w, scales, TWO_MAPS, 2), s(2, 2, 7, 6), s(2, 2, 4, 3)));
  }

  private static Wide flat(Wide x) {
    return x.reshape(x.shape[0], x.data.length / x.shape[0]);
  }

  private static Wide bias(Wide y, Wide b) {
    return y.add(WideMaps.perChannel(y, b));
  }

  // ---- the test

  /** Values away from each other and from 0 by more than a step, so that no maximum and no kink is near. */
  static double[] values(Random random, int n) {
    double[] x = new double[n];
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < n; i++) order.add(i);
    Collections.shuffle(order, random);
    for (int i = 0; i < n; i++) {
      double v = (order.get(i) + 0.25 + random.nextDouble() / 2) / n * 4 - 2;
      x[i] = (float) (v < 0 ? v - 0.1 : v + 0.1);
    }
    return x;
  }

  private static double loss(Case c, Wide[] in, Wide weights) {
    double sum = c.wide.apply(in).mul(weights).total() + c.wide.apply(in).total() / 2;
    for (Wide w : in) sum += w.mul(w).total() / 4;
    return sum;
  }

  private static Value loss(Case c, Value[] in, Tensor weights) {
    Value sum = c.tape.apply(in).mul(in[0].tape().constant(weights)).sum().add(c.tape.apply(in).sum().scale(0.5));
    for (Value v : in) sum = sum.add(v.square().sum().scale(0.25));
    return sum;
  }

  static float[] floats(double[] x) {
    float[] y = new float[x.length];
    for (int i = 0; i < x.length; i++) y[i] = (float) x[i];
    return y;
  }

  /** The gradients of all operands, one after the other. */
  private static float[] gradients(Case c, Device device, double[][] in, Wide weights) {
    try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
      Value[] values = new Value[in.length];
      Parameter[] parameters = new Parameter[in.length];
      for (int i = 0; i < in.length; i++) {
        parameters[i] = new Parameter("p" + i, Tensor.of(device, floats(in[i]), longs(c.shapes[i])));
        values[i] = tape.parameter(parameters[i]);
      }
      tape.backward(loss(c, values, Tensor.of(device, floats(weights.data), longs(weights.shape))));
      float[] all = new float[0];
      for (Parameter p : parameters) {
        float[] g = p.gradient().toFloats();
        all = Arrays.copyOf(all, all.length + g.length);
        System.arraycopy(g, 0, all, all.length - g.length, g.length);
        p.close();
      }
      return all;
    }
  }

  private static double[] differences(Case c, double[][] in, Wide weights) {
    Wide[] wide = new Wide[in.length];
    for (int i = 0; i < in.length; i++) wide[i] = new Wide(in[i], c.shapes[i]);
    List<Double> all = new ArrayList<>();
    for (double[] x : in) {
      for (int i = 0; i < x.length; i++) {
        double keep = x[i];
        x[i] = keep + STEP;
        double up = loss(c, wide, weights);
        x[i] = keep - STEP;
        double down = loss(c, wide, weights);
        x[i] = keep;
        all.add((up - down) / (2 * STEP));
      }
    }
    return all.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static void check(Case c, long seed) {
    Random random = new Random(seed);
    double[][] in = new double[c.shapes.length][];
    Wide[] wide = new Wide[in.length];
    for (int i = 0; i < in.length; i++) {
      in[i] = values(random, Wide.count(c.shapes[i]));
      wide[i] = new Wide(in[i], c.shapes[i]);
    }
    Wide shape = c.wide.apply(wide);
    Wide weights = new Wide(values(random, shape.data.length), shape.shape);
    double[] expected = differences(c, in, weights);
    float[] first = null;
    for (Device device : TestDevices.available()) {
      float[] actual = gradients(c, device, in, weights);
      for (int i = 0; i < expected.length; i++) {
        if (!(Math.abs(actual[i] - expected[i]) <= 2e-5 * (1 + Math.abs(expected[i])))) {
          fail("%s on %s, seed %d: gradient %d is %s, differences give %s".formatted(c.name, device, seed, i,
              actual[i], expected[i]));
        }
      }
      if (first == null) first = actual;
      assertNull(Bits.difference(actual, first), c.name + " on " + device);
    }
  }

  @TestFactory
  List<DynamicNode> gradients() {
    List<Case> cases = new ArrayList<>();
    cases.addAll(elementwise());
    cases.addAll(products());
    cases.addAll(rows());
    cases.addAll(views());
    cases.addAll(maps());
    cases.addAll(regions());
    List<DynamicNode> tests = new ArrayList<>();
    for (Case c : cases) tests.add(DynamicTest.dynamicTest(c.name, () -> check(c, 11)));
    return tests;
  }
}
