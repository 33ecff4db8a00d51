package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.cuda.ErrorBound.Numbers;
import org.ondol.grad.Generator;
import org.ondol.grad.GradientException;
import org.ondol.grad.Initializer;
import org.ondol.grad.Losses;
import org.ondol.grad.Maps;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Schedule;
import org.ondol.grad.Sgd;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.autoregressive.Canvas;
import org.ondol.models.autoregressive.PixelCnn;
import org.ondol.models.layers.Chain;
import org.ondol.models.layers.ConvUnit;
import org.ondol.models.layers.FeedForward;
import org.ondol.models.layers.Inference;
import org.ondol.models.layers.LayerNormalization;
import org.ondol.models.layers.Linear;
import org.ondol.models.layers.MultiHeadAttention;
import org.ondol.models.layers.TransformerEncoder;
import org.ondol.models.layers.Units;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Elementwise;
import org.ondol.ops.FilterMask;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.Precision;

/**
 * Models on a CUDA device (or its emulation) with a precision: within a derived bound of float64 ({@link ErrorBound}),
 * with other bits than EXACT, which has the bits of device java.
 */
class CudaModelPrecisionTest {
  private static Device exact;

  private final Random random = new Random(Long.getLong("ondol.test.seed", 20261129));

  @BeforeAll
  static void open() {
    exact = EmulatedBackend.device();
  }

  private float[] normal(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) x[i] = (float) random.nextGaussian();
    return x;
  }

  private static void within(Precision p, Numbers expected, float[] exact, float[] actual) {
    assertEquals(expected.value().length, actual.length);
    double largest = 0;
    double magnitude = 0;
    for (int i = 0; i < actual.length; i++) {
      double error = Math.abs(actual[i] - expected.value()[i]);
      assertTrue(error <= expected.error()[i],
          "element " + i + " in " + p + " is off by " + error + " of at most " + expected.error()[i]);
      largest = Math.max(largest, expected.error()[i]);
      magnitude = Math.max(magnitude, Math.abs(expected.value()[i]));
    }
    assertTrue(largest < 4 * magnitude, "a bound of " + largest + " says nothing of numbers up to " + magnitude);
    assertEquals(p == Precision.EXACT, Arrays.equals(exact, actual), "whether the bits are those of EXACT");
  }

  private static float[] values(Parameters parameters, String name) {
    return parameters.get(name).tensor().toFloats();
  }

  // ---- a classifier

  private static Chain classifier(Parameters parameters, Device device) {
    return new Chain(parameters, "net", device, new Generator(5), layout -> Initializer.normal(0, 0.2))
        .conv("conv", 1, 4, 3, ConvGeometry.UNIT, true).apply(Value::relu).maxPool(PoolGeometry.tiles(2)).rows(36)
        .linear("hidden", 36, 8).apply(Value::relu).linear("classes", 8, 3);
  }

  private static float[] logits(Device device, float[] picture) {
    try (Scope scope = Scope.open(); Parameters parameters = new Parameters(); Tape tape = Tape.open()) {
      Value x = tape.constant(Tensor.of(device, picture, 1, 1, 8, 8));
      return classifier(parameters, device).forward(tape, x).tensor().toFloats();
    }
  }

  private static Numbers logitsBound(Precision p, float[] picture) {
    ErrorBound b = new ErrorBound(p);
    try (Parameters parameters = new Parameters()) {
      classifier(parameters, Device.of("java"));
      Function<String, float[]> w = name -> values(parameters, "net." + name);
      Numbers x = b.conv(Numbers.of(picture), 8, w.apply("conv.weight"), i -> true, w.apply("conv.bias"), 3, 0);
      x = b.linear(ErrorBound.pool(x.relu(), 6), 1, w.apply("hidden.weight"), w.apply("hidden.bias")).relu();
      return b.linear(x, 1, w.apply("classes.weight"), w.apply("classes.bias"));
    }
  }

  @ParameterizedTest
  @EnumSource
  void convolutionalNetwork(Precision p) {
    float[] picture = normal(64);
    float[] java = logits(Device.of("java"), picture);
    assertArrayEquals(java, logits(exact, picture), "EXACT");
    within(p, logitsBound(p, picture), java, logits(exact.precision(p), picture));
  }

  /** Networks of maps at once, whose filters are packed. */
  @ParameterizedTest
  @EnumSource(names = "FLOAT16", mode = EnumSource.Mode.EXCLUDE)
  void inference(Precision p) {
    float[] picture = normal(2 * 36);
    float[] java = unit(Device.of("java"), picture);
    assertArrayEquals(java, unit(exact, picture), "EXACT");
    try (Parameters parameters = new Parameters()) {
      unit(parameters, Device.of("java"));
      float[] weight = values(parameters, "a.weight");
      Numbers y = new ErrorBound(p).conv(Numbers.of(picture), 6, weight, i -> true, values(parameters, "a.bias"), 3, 1);
      within(p, y.relu(), java, unit(exact.precision(p), picture));
    }
  }

  private static ConvUnit unit(Parameters parameters, Device device) {
    Units units = Units.of(parameters, "", device, new Generator(3));
    return units.conv("a", 2, 9, 3, ConvGeometry.UNIT.padding(1)).activation(Activation.RELU);
  }

  private static float[] unit(Device device, float[] picture) {
    try (Scope scope = Scope.open(); Parameters parameters = new Parameters(); Inference inference = new Inference()) {
      return inference.conv(Tensor.of(device, picture, 1, 2, 6, 6), unit(parameters, device)).toFloats();
    }
  }

  // ---- a model of pixels

  private static final Canvas CANVAS = Canvas.of(1, 4, 4, 2);

  private static PixelCnn pixels(Device device) {
    return new PixelCnn(device, CANVAS, 1, 1, 1, new Generator(11));
  }

  private static float[] pixels(Device device, float[] image) {
    try (Scope scope = Scope.open(); PixelCnn net = pixels(device); Tape tape = Tape.open()) {
      return net.logits(tape, Tensor.of(device, image, 1, 16)).tensor().toFloats();
    }
  }

  private static Numbers pixelsBound(Precision p, float[] image) {
    ErrorBound b = new ErrorBound(p);
    try (PixelCnn net = pixels(Device.of("java"))) {
      float[] read = new float[image.length];
      float range = (float) (CANVAS.high() - CANVAS.low());
      for (int i = 0; i < read.length; i++) read[i] = image[i] * range + (float) CANVAS.low();
      Numbers h = masked(b, net, "first", FilterMask.Type.A, 7, Numbers.of(read));
      Numbers d = masked(b, net, "blocks.0.down", FilterMask.Type.B, 1, h.relu()).relu();
      Numbers m = masked(b, net, "blocks.0.middle", FilterMask.Type.B, 3, d).relu();
      h = b.add(masked(b, net, "blocks.0.up", FilterMask.Type.B, 1, m), h, true);
      Numbers l = masked(b, net, "last", FilterMask.Type.B, 1, h.relu()).relu();
      return masked(b, net, "logits", FilterMask.Type.B, 1, l);
    }
  }

  private static Numbers masked(ErrorBound b, PixelCnn net, String layer, FilterMask.Type type, int kernel, Numbers x) {
    float[] w = values(net.parameters(), layer + ".weight");
    float[] bias = values(net.parameters(), layer + ".bias");
    int in = w.length / (bias.length * kernel * kernel);
    try (FilterMask mask = FilterMask.raster(Device.of("java"), type, bias.length, in, kernel, kernel, 1)) {
      int taps = kernel * kernel;
      IntPredicate live = i -> mask.live(i / taps / in, i / taps % in, i % taps / kernel, i % kernel);
      return b.conv(x, 4, w, live, bias, kernel, kernel / 2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void pixelCnn(Precision p) {
    float[] image = new float[16];
    for (int i = 0; i < image.length; i++) image[i] = random.nextInt(2);
    float[] java = pixels(Device.of("java"), image);
    assertArrayEquals(java, pixels(exact, image), "EXACT");
    Device there = exact.precision(p);
    within(p, pixelsBound(p, image), java, pixels(there, image));
    if (p == Precision.EXACT) return;
    samples(there);
  }

  /** What is drawn follows from the logits of the image that it gives, and from the numbers that it is drawn with. */
  private static void samples(Device device) {
    try (Scope scope = Scope.open(); PixelCnn net = pixels(device); Tape tape = Tape.open()) {
      Tensor drawn = net.sample(3, new Generator(1));
      float[] p = Elementwise.sigmoid(net.logits(tape, drawn).tensor()).toFloats();
      float[] uniform = new Generator(1).uniform(Device.of("java"), 0, 1, 3, 16).toFloats();
      float[] pixels = drawn.toFloats();
      for (int i = 0; i < pixels.length; i++) assertEquals(uniform[i] < p[i] ? 1 : 0, pixels[i], "pixel " + i);
    }
  }

  // ---- a transformer

  private static final int WIDTH = 16;
  private static final int TOKENS = 5;

  /** Weights of a block: those of the projections, the output, and the two layers behind, each with its bias. */
  private List<float[]> weights() {
    List<float[]> all = List.of(normal(3 * WIDTH * WIDTH), normal(3 * WIDTH), normal(WIDTH * WIDTH), normal(WIDTH),
        normal(2 * WIDTH * WIDTH), normal(2 * WIDTH), normal(2 * WIDTH * WIDTH), normal(WIDTH));
    for (float[] w : all) for (int i = 0; i < w.length; i++) w[i] *= 0.05f;
    return all;
  }

  private static Linear linear(Device device, float[] w, float[] bias) {
    return Linear.of(Tensor.of(device, w, w.length / bias.length, bias.length), Tensor.of(device, bias, bias.length));
  }

  private static LayerNormalization norm(Device device) {
    float[] ones = new float[WIDTH];
    Arrays.fill(ones, 1);
    return LayerNormalization.of(Tensor.of(device, ones, WIDTH), Tensor.zeros(device, WIDTH), 1e-5);
  }

  private static TransformerEncoder encoder(Device device, List<float[]> w) {
    try (Scope scope = Scope.open()) {
      MultiHeadAttention attention =
          MultiHeadAttention.of(linear(device, w.get(0), w.get(1)), linear(device, w.get(2), w.get(3)), 2);
      FeedForward feedForward =
          FeedForward.of(linear(device, w.get(4), w.get(5)), linear(device, w.get(6), w.get(7)), Activation.RELU);
      var block = new TransformerEncoder.Block(attention, norm(device), feedForward, norm(device));
      return TransformerEncoder.of(List.of(block));
    }
  }

  private static float[] forward(TransformerEncoder encoder, float[] x) {
    try (Scope scope = Scope.open()) {
      return encoder.forward(Tensor.of(encoder.device(), x, TOKENS, WIDTH), Attention.Options.DEFAULT).toFloats();
    }
  }

  private static Numbers encoderBound(Precision p, List<float[]> w, float[] x) {
    ErrorBound b = new ErrorBound(p);
    Numbers in = Numbers.of(x);
    Numbers qkv = b.linear(in, TOKENS, w.get(0), w.get(1));
    Numbers context = new Numbers(new double[x.length], new double[x.length]);
    int d = WIDTH / 2;
    for (int head = 0; head < 2; head++) {
      Numbers k = columns(qkv, WIDTH + head * d, d);
      Numbers out = b.attention(columns(qkv, head * d, d), k, columns(qkv, 2 * WIDTH + head * d, d), TOKENS, d);
      for (int i = 0; i < TOKENS * d; i++) {
        context.value()[i / d * WIDTH + head * d + i % d] = out.value()[i];
        context.error()[i / d * WIDTH + head * d + i % d] = out.error()[i];
      }
    }
    Numbers h = b.norm(b.add(b.linear(context, TOKENS, w.get(2), w.get(3)), in, false), TOKENS, 1e-5);
    Numbers inner = b.linear(h, TOKENS, w.get(4), w.get(5)).relu();
    return b.norm(b.add(b.linear(inner, TOKENS, w.get(6), w.get(7)), h, false), TOKENS, 1e-5);
  }

  private static Numbers columns(Numbers x, int from, int count) {
    Numbers y = new Numbers(new double[TOKENS * count], new double[TOKENS * count]);
    for (int i = 0; i < TOKENS * count; i++) {
      y.value()[i] = x.value()[i / count * 3 * WIDTH + from + i % count];
      y.error()[i] = x.error()[i / count * 3 * WIDTH + from + i % count];
    }
    return y;
  }

  @ParameterizedTest
  @EnumSource(names = {"TF32", "BFLOAT16X3"}, mode = EnumSource.Mode.EXCLUDE)
  void transformerEncoder(Precision p) {
    List<float[]> w = weights();
    float[] x = normal(TOKENS * WIDTH);
    Device there = exact.precision(p);
    try (TransformerEncoder java = encoder(Device.of("java"), w); TransformerEncoder here = encoder(exact, w);
        TransformerEncoder made = encoder(there, w); TransformerEncoder moved = java.to(there);
        TransformerEncoder back = moved.to(exact)) {
      float[] expected = forward(java, x);
      assertArrayEquals(expected, forward(here, x), "EXACT");
      float[] y = forward(made, x);
      within(p, encoderBound(p, w, x), expected, y);
      assertEquals(p, moved.device().precision());
      assertArrayEquals(y, forward(moved, x), "moved there");
      assertEquals(Precision.EXACT, back.device().precision());
      assertArrayEquals(expected, forward(back, x), "and back: the parameters were never rounded");
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TF32", "BFLOAT16X3"})
  void attentionLacksThem(Precision p) {
    try (TransformerEncoder encoder = encoder(exact.precision(p), weights())) {
      var refused = assertThrows(UnsupportedOnDeviceException.class, () -> forward(encoder, normal(TOKENS * WIDTH)));
      assertEquals("attention", refused.op());
    }
  }

  // ---- training

  /** The loss of a small classifier before and after a step, and its filters after that. */
  private double[] step(Device device) {
    try (Scope scope = Scope.open(); Parameters parameters = new Parameters()) {
      Generator generator = new Generator(7);
      Parameter filters = parameters.add("filters", Initializer.normal(0, 0.3).create(device, generator, 8, 1, 3, 3));
      Parameter weight = parameters.add("weight", Initializer.normal(0, 0.1).create(device, generator, 128, 4));
      Tensor x = Tensor.of(device, normal(6 * 36), 6, 1, 6, 6);
      Tensor classes = Tensor.of(device, new int[] {0, 1, 2, 3, 0, 1}, 6);
      Sgd sgd = new Sgd(parameters, Schedule.constant(0.05), Sgd.Options.PLAIN);
      double[] losses = new double[2 + 72];
      for (int i = 0; i < 2; i++) {
        try (Tape tape = Tape.open()) {
          var maps = Maps.conv(tape.constant(x), tape.parameter(filters), null, ConvGeometry.UNIT).relu();
          var logits = maps.reshape(6, 128).linear(tape.parameter(weight), null);
          var loss = Losses.softmax(logits, classes, 1, Reduction.MEAN);
          tape.backward(loss);
          losses[i] = loss.item();
        }
        sgd.step();
        parameters.clearGradients();
      }
      sgd.close();
      float[] last = filters.tensor().toFloats();
      for (int i = 0; i < last.length; i++) losses[2 + i] = last[i];
      return losses;
    }
  }

  @ParameterizedTest
  @EnumSource(names = "FLOAT16", mode = EnumSource.Mode.EXCLUDE)
  void aStepOfTrainingLowersTheLoss(Precision p) {
    double[] losses = step(exact.precision(p));
    assertTrue(losses[1] < losses[0], Arrays.toString(losses));
    double[] java = new CudaModelPrecisionTest().step(Device.of("java"));
    assertEquals(p == Precision.EXACT, Arrays.equals(java, losses), "whether the bits are those of EXACT");
    assertEquals(java[1] - java[0], losses[1] - losses[0], 0.1 * Math.abs(java[1] - java[0]), "the step's gain");
  }

  @Test
  void trainingInFloat16IsRefused() {
    assertThrows(GradientException.class, () -> step(exact.precision(Precision.FLOAT16)));
  }

  /** A precision is the device's: parameters are the same in all of them, and so is a file of them. */
  @Test
  void parametersAreNotRounded() {
    Device there = exact.precision(Precision.BFLOAT16);
    try (PixelCnn source = pixels(exact); PixelCnn copy = pixels(there)) {
      copy.parameters().assign(source.parameters());
      for (Parameter p : source.parameters()) {
        assertArrayEquals(p.tensor().toFloats(), copy.parameters().get(p.name()).tensor().toFloats(), p.name());
        assertFalse(p.tensor().device().equals(copy.parameters().get(p.name()).tensor().device()));
      }
    }
  }
}
