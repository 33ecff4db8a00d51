package org.ondol.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.ondol.DType;
import org.ondol.Device;
import org.ondol.Devices;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Attention.Alignment;
import org.ondol.ops.Attention;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Conv;
import org.ondol.ops.ConvGeometry;
import org.ondol.ops.Deconv;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Embedding;
import org.ondol.ops.FilterMask;
import org.ondol.ops.Gemm;
import org.ondol.ops.Iou;
import org.ondol.ops.LayerNorm;
import org.ondol.ops.Lstm;
import org.ondol.ops.MaskedConv;
import org.ondol.ops.Nade;
import org.ondol.ops.Nms;
import org.ondol.ops.PackedFilter;
import org.ondol.ops.PackedMatrix;
import org.ondol.ops.Pixels;
import org.ondol.ops.Pool;
import org.ondol.ops.PoolGeometry;
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.Reduce;
import org.ondol.ops.Resize;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.RoiPool;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;
import org.ondol.ops.Softmax;
import org.ondol.ops.Spp;
import org.ondol.ops.TopK;
import org.ondol.ops.Unpool;
import org.ondol.ops.YoloBoxes;
import org.ondol.spi.Backend;

/**
 * Every operation through the public interface on a CUDA device, or on the kernels compiled for the host where there is
 * none, with the bits of the scalar Java backend.
 */
class CudaKernelsTest {
  private static final long SEED = Long.getLong("ondol.test.seed", System.nanoTime());

  private static Device cuda;
  private static final Device EXPECTED = Devices.get("java:scalar");

  @BeforeAll
  static void open() {
    List<String> reasons = new ArrayList<>();
    for (Backend.Status status : Devices.list()) {
      if (!status.name().equals("cuda:0") && !status.name().equals("emulated:0")) continue;
      if (status.available()) {
        cuda = Devices.get(status.name());
        System.out.println("[cuda] " + cuda + ": " + status.description() + ", seed " + SEED);
        return;
      }
      reasons.add(status.name() + ": " + status.description());
    }
    Assumptions.abort(String.join("; ", reasons));
  }

  /** What this class compares is every operation that the device has; asked once all its tests have run. */
  @AfterAll
  static void everyOperationWasCompared() {
    if (cuda == null || !cuda.name().startsWith("emulated")) return;
    Set<String> never = CudaOperationsTest.operations();
    never.removeAll(EmulatedBackend.RUN);
    assertEquals(Set.of("winograd"), never, "operations that no test of this class runs");
  }

  /** Runs on both devices with equal inputs and compares the results' bits. */
  private static void same(Function<Inputs, Tensor[]> call) {
    try (Scope scope = Scope.open()) {
      Tensor[] expected = call.apply(new Inputs(EXPECTED));
      Tensor[] actual = call.apply(new Inputs(cuda));
      for (int i = 0; i < expected.length; i++) {
        assertArrayEquals(bits(expected[i].toFloats()), bits(actual[i].toFloats()), "result " + i + ", seed " + SEED);
      }
    }
  }

  /** All NaNs are one: their sign and payload are not defined. */
  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) bits[i] = Float.floatToIntBits(values[i]);
    return bits;
  }

  /** Draws the same tensors on each device. */
  private static final class Inputs {
    final Device device;
    private final Random random = new Random(SEED);

    Inputs(Device device) {
      this.device = device;
    }

    Tensor floats(long... shape) {
      long count = 1;
      for (long size : shape) count *= size;
      float[] values = new float[(int) count];
      for (int i = 0; i < values.length; i++) values[i] = (float) random.nextGaussian();
      return Tensor.of(device, values, shape);
    }

    Tensor mask(long... shape) {
      long count = 1;
      for (long size : shape) count *= size;
      boolean[] values = new boolean[(int) count];
      for (int i = 0; i < values.length; i++) values[i] = random.nextInt(4) > 0;
      return Tensor.of(device, values, shape);
    }
  }

  @Test
  void batchedProductWithEverything() {
    same(in -> new Tensor[] {Gemm.matmul(in.floats(3, 1, 19, 33), in.floats(2, 70, 33).transpose(-1, -2),
        new Gemm.Epilogue(in.floats(70), Activation.GELU, in.floats(3, 2, 19, 70), 0.7))});
  }

  @Test
  void linearWithPackedWeight() {
    same(in -> new Tensor[] {Gemm.linear(in.floats(2, 70, 40), PackedMatrix.of(in.floats(40, 90)),
        Gemm.Epilogue.bias(in.floats(90)).activation(Activation.TANH))});
  }

  private static Tensor[] attention(Tensor q, Tensor k, Tensor v, Attention.Options options) {
    Attention.Result forward = Attention.forward(q, k, v, options);
    return new Tensor[] {forward.out(), forward.lse()};
  }

  @Test
  void causalAttentionWithGroups() {
    same(in -> attention(in.floats(2, 6, 40, 32), in.floats(2, 2, 150, 32), in.floats(2, 2, 150, 48),
        Attention.Options.causal(Alignment.BOTTOM_RIGHT).softcap(3).alibi(in.floats(6))));
  }

  @Test
  void attentionWithMaskBiasAndDropout() {
    same(in -> attention(in.floats(2, 2, 20, 16), in.floats(2, 2, 70, 16), in.floats(2, 2, 70, 16),
        Attention.Options.DEFAULT.mask(in.mask(2, 1, 20, 70)).bias(in.floats(1, 2, 20, 70)).dropout(0.25, 7)));
  }

  @Test
  void decodingInChunks() {
    same(in -> attention(in.floats(2, 4, 1, 64), in.floats(2, 2, 900, 64), in.floats(2, 2, 900, 64),
        Attention.Options.DEFAULT.lengths(900, 300)));
  }

  @Test
  void packedSequences() {
    long[] rows = {0, 5, 5, 40};
    long[] keys = {0, 300, 310, 360};
    same(in -> attention(in.floats(1, 2, 40, 16), in.floats(1, 2, 360, 16), in.floats(1, 2, 360, 16),
        Attention.Options.causal(Alignment.BOTTOM_RIGHT).packed(rows, keys)));
  }

  @Test
  void pagedKeys() {
    same(in -> attention(in.floats(2, 4, 3, 32), in.floats(5, 2, 64, 32), in.floats(5, 2, 64, 32),
        Attention.Options.causal(Alignment.BOTTOM_RIGHT).paged(new long[] {3, 1, 4, 0, 2, -1}, 3, 170, 100)));
  }

  @Test
  void attentionGradient() {
    same(in -> {
      Tensor q = in.floats(2, 4, 40, 24);
      Tensor k = in.floats(2, 2, 140, 24);
      Tensor v = in.floats(2, 2, 140, 32);
      Tensor bias = in.floats(1, 4, 40, 140);
      Attention.Options options = Attention.Options.causal(Alignment.BOTTOM_RIGHT).bias(bias).softcap(5);
      Attention.Gradients g = Attention.backward(q, k, v, options, Attention.forward(q, k, v, options),
          in.floats(2, 4, 40, 32), true);
      return new Tensor[] {g.dq(), g.dk(), g.dv(), g.dbias()};
    });
  }

  @Test
  void layerNormAndItsGradient() {
    same(in -> {
      Tensor x = in.floats(9, 100);
      Tensor gamma = in.floats(100);
      LayerNorm.Result y = LayerNorm.forward(x, gamma, in.floats(100), 1e-5);
      LayerNorm.Gradients g = LayerNorm.backward(x, gamma, in.floats(9, 100), y.mean(), y.rstd());
      return new Tensor[] {y.y(), y.mean(), y.rstd(), g.dx(), g.dgamma(), g.dbeta()};
    });
  }

  @Test
  void lstmItsStepAndItsGradient() {
    same(in -> {
      Tensor weight = in.floats(2, 20, 80);
      Lstm.Options o = new Lstm.Options(in.floats(80), in.floats(3, 7, 20), in.floats(3, 7, 20), 1, true);
      Lstm.Training f = Lstm.forward(in.floats(4, 3, 7, 80), weight, o);
      Lstm.Gradients g = Lstm.backward(weight, o, f, in.floats(4, 3, 7, 20), in.floats(3, 7, 20));
      Tensor h = in.floats(3, 7, 20);
      Tensor c = in.floats(3, 7, 20);
      Lstm.step(in.floats(3, 4, 80), weight, null, in.floats(3, 7, 20).slice(1, 2, 7), null, h.slice(1, 1, 5), c.slice(1, 3, 7));
      return new Tensor[] {f.h(), f.c(), f.gates(), f.cells(), g.dx(), g.dweight(), g.dbias(), g.dh0(), g.dc0(), h, c};
    });
  }

  @Test
  void softmaxOverTheLastAndAnotherDimension() {
    same(in -> {
      Tensor x = in.floats(3, 37, 5);
      Tensor y = Softmax.softmax(x, 1);
      Tensor z = Softmax.logSoftmax(x, 2);
      Tensor dy = in.floats(3, 37, 5);
      return new Tensor[] {y, z, Softmax.backward(y, dy, 1), Softmax.logBackward(z, dy, 2)};
    });
  }

  @Test
  void reductions() {
    same(in -> {
      Tensor x = in.floats(4, 70, 6);
      return new Tensor[] {Reduce.sum(x, 2), Reduce.mean(x, 1), Reduce.max(x, 0)};
    });
  }

  @Test
  void embeddingAndItsGradient() {
    same(in -> {
      Tensor ids = Tensor.of(in.device, new long[] {4, 0, 4, 9, 2}, 5);
      return new Tensor[] {Embedding.lookup(in.floats(10, 33), ids), Embedding.backward(in.floats(5, 33), ids, 10)};
    });
  }

  @Test
  void nadeAndItsGradient() {
    same(in -> {
      Nade.Weights weights = new Nade.Weights(in.floats(40, 33), in.floats(40, 2, 33), in.floats(40, 2), in.floats(40),
          Activation.SIGMOID);
      Tensor x = in.floats(5, 40);
      Tensor start = in.floats(33);
      Nade.Result r = Nade.forward(x, weights, start);
      Nade.Gradients g = Nade.backward(x, weights, start, in.floats(5, 40, 2), in.floats(5, 33), true);
      Nade.Weights one = new Nade.Weights(weights.w(), in.floats(40, 1, 33), null);
      Nade.Sample s = Nade.sample(in.floats(5, 40), null, null, one, start);
      return new Tensor[] {r.y(), r.state(), g.dx(), g.dw(), g.dv(), g.dbias(), g.dscale(), g.dstart(), s.x(), s.y(), s.state()};
    });
  }

  @Test
  void convWithEverythingAndItsGradient() {
    ConvGeometry geometry = ConvGeometry.UNIT.stride(2, 1).padding(1, 2, 0, 1).dilation(1, 2).groups(2);
    same(in -> {
      Tensor x = in.floats(3, 6, 17, 13);
      Tensor weight = in.floats(40, 3, 3, 2);
      Tensor residual = in.floats(3, 40, 8, 14);
      Tensor y = Conv.apply(x, weight, geometry, Conv.Epilogue.bias(in.floats(40)).leakyRelu(0.1).residual(residual));
      Conv.Gradients g = Conv.backward(x, weight, in.floats(3, 40, 8, 14), geometry);
      return new Tensor[] {y, g.dx(), g.dw(), g.db()};
    });
  }

  @Test
  void convWithPackedFilters() {
    same(in -> {
      try (PackedFilter filter = PackedFilter.conv(in.floats(70, 12, 3, 3), ConvGeometry.UNIT.padding(1))) {
        Conv.Epilogue epilogue = Conv.Epilogue.bias(in.floats(70)).activation(Activation.SILU);
        return new Tensor[] {Conv.apply(in.floats(2, 12, 9, 11), filter, epilogue)};
      }
    });
  }

  @Test
  void depthwiseConvOfALineAndItsGradient() {
    ConvGeometry geometry = ConvGeometry.UNIT.padding(2).groups(9);
    same(in -> {
      Tensor x = in.floats(2, 9, 700);
      Tensor weight = in.floats(9, 1, 5);
      Conv.Gradients g = Conv.backward(x, weight, in.floats(2, 9, 700), geometry);
      return new Tensor[] {Conv.apply(x, weight, geometry, Conv.Epilogue.NONE), g.dx(), g.dw(), g.db()};
    });
  }

  @Test
  void maskedconvWithAWindowAndItsGradient() {
    ConvGeometry geometry = ConvGeometry.UNIT.padding(2);
    same(in -> {
      Tensor x = in.floats(2, 6, 10, 9);
      Tensor weight = in.floats(60, 6, 5, 5);
      try (FilterMask mask = FilterMask.raster(in.device, FilterMask.Type.A, 60, 6, 5, 5, 3);
          PackedFilter filter = PackedFilter.maskedconv(weight, mask, geometry)) {
        Tensor y = MaskedConv.apply(x, weight, mask, geometry, Conv.Epilogue.bias(in.floats(60)));
        Tensor part = in.floats(2, 60, 10, 9);
        MaskedConv.into(x, filter, Conv.Epilogue.NONE, part, 3, 4, 2, 9);
        Conv.Gradients g = MaskedConv.backward(x, weight, mask, in.floats(2, 60, 10, 9), geometry);
        return new Tensor[] {y, part, g.dx(), g.dw(), g.db()};
      }
    });
  }

  @Test
  void stridedMaskedConvGradient() {
    ConvGeometry geometry = ConvGeometry.UNIT.stride(2, 3).padding(1);
    same(in -> {
      try (FilterMask mask = FilterMask.of(in.device, 18, 10, 3, 4, 1, (o, c, ky, kx) -> (o + c + ky * kx) % 3 != 0)) {
        Tensor weight = in.floats(18, 10, 3, 4);
        Conv.Gradients g = MaskedConv.backward(in.floats(2, 10, 8, 11), weight, mask, in.floats(2, 18, 4, 4), geometry);
        return new Tensor[] {g.dx(), g.dw(), g.db()};
      }
    });
  }

  @Test
  void deconvWithOutputPaddingAndItsGradient() {
    ConvGeometry geometry = ConvGeometry.UNIT.stride(3, 2).padding(1, 0, 2, 1).dilation(2, 1).groups(2);
    same(in -> {
      Tensor x = in.floats(2, 8, 5, 7);
      Tensor weight = in.floats(8, 17, 2, 4);
      Tensor y = Deconv.apply(x, weight, geometry, 1, 1, Conv.Epilogue.bias(in.floats(34)).activation(Activation.RELU));
      Conv.Gradients g = Deconv.backward(x, weight, in.floats(y.shape()), geometry);
      try (PackedFilter filter = PackedFilter.deconv(weight, geometry)) {
        Tensor packed = Deconv.apply(x, filter, 1, 1, Conv.Epilogue.NONE);
        return new Tensor[] {y, packed, g.dx(), g.dw(), g.db()};
      }
    });
  }

  @Test
  void weightGradientWithoutImages() {
    same(in -> {
      Tensor weight = in.floats(20, 3, 3, 3);
      Conv.Gradients g = Conv.backward(in.floats(0, 3, 8, 8), weight, in.floats(0, 20, 6, 6), ConvGeometry.UNIT);
      return new Tensor[] {g.dw(), g.db()};
    });
  }

  @ParameterizedTest
  @EnumSource
  void resizeAndItsGradient(Resize.Coordinates coordinates) {
    for (Resize.Options options : List.of(Resize.Options.linear(coordinates),
        Resize.Options.nearest(coordinates, Resize.Rounding.ROUND_PREFER_FLOOR))) {
      same(in -> {
        Resize.Options o = options.region(new Resize.Region(-0.2, 0.1, 1.1, 0.8, 0.5));
        Tensor larger = Resize.apply(in.floats(2, 3, 9, 20), Resize.Target.scale(1.7, 2), o);
        Tensor smaller = Resize.apply(in.floats(3, 40, 17), 11, 9, o);
        return new Tensor[] {larger, smaller, Resize.backward(in.floats(2, 3, 15, 40), 9, 20, Resize.Target.scale(1.7, 2), o),
            Resize.backward(in.floats(3, 11, 9), 40, 17, Resize.Target.size(11, 9), o)};
      });
    }
  }

  @Test
  void batchNormAndItsGradient() {
    for (long[] shape : new long[][] {{4, 3, 7, 9}, {2, 2, 70, 70}, {9, 20}}) {
      same(in -> {
        long channels = shape[1];
        Tensor x = in.floats(shape);
        Tensor gamma = in.floats(channels);
        Tensor beta = in.floats(channels);
        Tensor mean = in.floats(channels);
        Tensor variance = Elementwise.apply(Elementwise.Op.SQUARE, in.floats(channels));
        Tensor y = BatchNorm.apply(x, gamma, beta, mean, variance, 1e-5, false);
        BatchNorm.Result r = BatchNorm.train(x, gamma, beta, 1e-5, true, BatchNorm.Running.pytorch(mean, variance, 0.1));
        BatchNorm.Gradients g = BatchNorm.backward(x, gamma, in.floats(shape), r.y(), r.mean(), r.rstd(), true);
        BatchNorm.Gradients h = BatchNorm.backward(x, null, in.floats(shape), null, mean, BatchNorm.rstd(variance, 1e-5), false);
        return new Tensor[] {y, r.y(), r.mean(), r.variance(), r.rstd(), mean, variance, g.dx(), g.dgamma(), g.dbeta(), h.dx(),
            h.dgamma()};
      });
    }
  }

  private static float[] floatsOf(Tensor integers) {
    long[] values = integers.toLongs();
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) floats[i] = values[i];
    return floats;
  }

  @Test
  void poolingOfWindowsItsGradientAndTheWayBack() {
    PoolGeometry windows = PoolGeometry.window(3, 2).stride(2, 1).padding(1, 0, 1, 1);
    PoolGeometry tiles = PoolGeometry.tiles(2);
    same(in -> {
      Tensor x = in.floats(2, 3, 12, 10);
      Pool.Max max = Pool.maxWithIndices(x, windows);
      Tensor average = Pool.average(x, windows);
      Tensor dx = Pool.maxBackward(in.floats(max.y().shape()), max.indices(), windows, x.shape());
      Tensor da = Pool.averageBackward(in.floats(average.shape()), windows, x.shape());
      Pool.Max halved = Pool.maxWithIndices(x, tiles);
      Tensor back = Unpool.apply(halved.y(), halved.indices(), tiles);
      return new Tensor[] {max.y(), floats(max.indices()), average, dx, da, back,
          Unpool.backward(in.floats(back.shape()), halved.indices())};
    });
  }

  @Test
  void poolingOfRegionsOverAPyramidAndItsGradient() {
    same(in -> {
      Pyramid maps = new Pyramid(List.of(in.floats(2, 6, 19, 23), in.floats(2, 6, 9, 11)), List.of(1.0, 0.5));
      Tensor boxes = Elementwise.apply(Elementwise.Op.SCALE, in.floats(12, 4), null, 9);
      Tensor images = Tensor.of(in.device, new int[] {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, 12);
      Tensor levels = Tensor.of(in.device, new int[] {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}, 12);
      try (Rois plain = Rois.of(boxes, images); Rois rois = plain.onLevels(levels)) {
        Pool.Max max = RoiPool.maxWithIndices(maps, rois, 3, 4);
        Tensor at = Tensor.of(in.device, floatsOf(max.indices()), max.indices().shape());
        List<Tensor> dx = RoiPool.maxBackward(max.y(), max.indices(), rois, maps.shape());
        Tensor spp = Spp.apply(maps, rois, 1, 2, 3);
        Tensor ps = PsRoiPool.apply(maps, rois, RoiPool.Rounding.RFCN, 3, 2);
        List<Tensor> dps = PsRoiPool.backward(ps, rois, RoiPool.Rounding.RFCN, maps.shape());
        return new Tensor[] {max.y(), at, dx.get(0), dx.get(1), spp, ps, dps.get(0), dps.get(1)};
      }
    });
  }

  @ParameterizedTest
  @EnumSource
  void roialignAndItsGradient(RoiAlign.Op op) {
    same(in -> {
      Pyramid maps = new Pyramid(List.of(in.floats(2, 18, 12, 17), in.floats(2, 18, 6, 9)), List.of(0.5, 0.25));
      RoiAlign.Options adaptive = RoiAlign.Options.ALIGNED.op(op);
      Tensor boxes = Elementwise.apply(Elementwise.Op.MUL, in.floats(7, 4), Tensor.of(in.device, new float[] {20}, 1));
      try (Rois plain = Rois.of(boxes, Tensor.of(in.device, new int[] {0, 1, 1, 0, 0, 1, 0}, 7));
          Rois rois = plain.onLevels(Tensor.of(in.device, new int[] {1, 0, 1, 0, 0, 0, 1}, 7))) {
        Tensor y = RoiAlign.apply(maps, rois, 3, 2, adaptive);
        Tensor dy = in.floats(7, 3, 3, 2);
        if (op == RoiAlign.Op.AVERAGE) {
          return new Tensor[] {y, PsRoiAlign.averageBackward(dy, rois, maps.shape(), adaptive.sampling(2)).get(1),
              RoiAlign.averageBackward(y, rois, maps.shape(), adaptive).get(0)};
        }
        Pool.Max max = PsRoiAlign.maxWithIndices(maps, rois, 3, 2, adaptive.sampling(2));
        return new Tensor[] {y, max.y(), PsRoiAlign.maxBackward(dy, max.indices(), rois, maps.shape(), adaptive.sampling(2)).get(0)};
      }
    });
  }

  /** Numbers of all magnitudes, so that some become subnormal, infinite or zero. */
  @Test
  void casts() {
    same(in -> {
      Tensor x = Elementwise.mul(in.floats(5, 6, 70), Elementwise.apply(Elementwise.Op.EXP, Elementwise.scale(in.floats(5, 6, 70), 8)));
      Tensor brain = x.transpose(0, 2).to(DType.BFLOAT16);
      Tensor half = x.to(DType.FLOAT16);
      Tensor strided = brain.permute(1, 0, 2).copy();
      return new Tensor[] {brain, half, strided, half.to(DType.FLOAT32), brain.to(DType.FLOAT16), half.transpose(1, 2).to(DType.BFLOAT16)};
    });
  }

  @ParameterizedTest
  @EnumSource
  void elementwise(Elementwise.Op op) {
    same(in -> {
      Tensor x = in.floats(3, 4, 50);
      Tensor y = op.operands() == 2 ? in.floats(4, 1) : null;
      return new Tensor[] {Elementwise.apply(op, x, y, 0.3)};
    });
  }

  /** Corners of standard normal numbers: half of all extents are negative. */
  @Test
  void overlapsOfBoxesAndTheirGradient() {
    for (Iou.Kind kind : Iou.Kind.values()) {
      for (Pixels pixels : Pixels.values()) {
        same(in -> new Tensor[] {Iou.pairwise(kind, in.floats(40, 4), in.floats(70, 4), pixels),
            Iou.paired(kind, in.floats(300, 4), in.floats(300, 4), pixels)});
        if (kind == Iou.Kind.IOA) continue;
        same(in -> {
          Iou.Gradients g = Iou.backward(kind, in.floats(300, 4), in.floats(300, 4), in.floats(300), pixels);
          return new Tensor[] {g.da(), g.db()};
        });
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void warpedBoxesAndTheirGradient(RoiWarp.Mode mode) {
    RoiWarp.Options options = RoiWarp.Options.DEFAULT.mode(mode).context(1).pixels(Pixels.INCLUSIVE);
    float[] corners = {1, 2, 7, 5, -3, 0.5f, 4, 30, 2, 2, 1, 9, 8, 8, 8, 8, Float.NaN, 0, 3, 3, 0, 0, 11, 8};
    same(in -> {
      Rois rois = Rois.of(Tensor.of(in.device, corners, 6, 4), Tensor.of(in.device, new int[] {0, 1, 1, 0, 0, 1}, 6));
      Tensor y = RoiWarp.apply(in.floats(2, 3, 9, 12), rois, 7, 20, options.fill(in.floats(3)));
      return new Tensor[] {y, RoiWarp.backward(in.floats(6, 3, 7, 20), rois, new long[] {2, 3, 9, 12}, options)};
    });
  }

  @Test
  void decodedBoxes() {
    YoloBoxes.Grid grid = new YoloBoxes.Grid(new double[][] {{10, 13}, {33, 23}}, 32, 16, 1.05);
    same(in -> new Tensor[] {BoxDeltas.decode(BoxDeltas.Coding.TORCHVISION, in.floats(50, 4), in.floats(50, 12)),
        YoloBoxes.decode(grid, in.floats(2, 5, 7, 2, 4)), Boxes.clip(in.floats(50, 4), new Boxes.Size(1, 0.5), Pixels.BETWEEN)});
  }

  /** Along both dimensions; floats hold the indices. */
  @Test
  void topk() {
    same(in -> {
      Tensor x = in.floats(5, 700);
      TopK.Result r = TopK.apply(x, 70);
      TopK.Result least = TopK.apply(x, 3, 0, false);
      return new Tensor[] {r.values(), floats(r.indices()), least.values(), floats(least.indices())};
    });
  }

  @ParameterizedTest
  @EnumSource
  void nms(Nms.Method method) {
    same(in -> {
      Tensor boxes = in.floats(2, 60, 4);
      Tensor scores = Elementwise.apply(Elementwise.Op.SQUARE, in.floats(2, 3, 60));
      Nms.Options o = Nms.Options.DEFAULT.format(Nms.Format.ANY_CORNERS).iouAbove(0.2).scoreThreshold(0.1).maxPerImage(25);
      o = method == Nms.Method.LINEAR ? o.linear(0.2) : method == Nms.Method.GAUSSIAN ? o.gaussian(0.5, 0.2) : o;
      Nms.Result r = Nms.apply(boxes, scores, o);
      Nms.Padded p = Nms.padded(boxes, scores, o.agnostic(true).format(Nms.Format.CENTER));
      return new Tensor[] {floats(r.indices()), r.scores(), floats(p.indices()), p.scores(), floats(p.counts())};
    });
  }

  private static Tensor floats(Tensor integers) {
    long[] values = integers.toLongs();
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values[i];
    }
    return Tensor.of(integers.device(), floats, integers.shape());
  }
}
