package org.ondol.test.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Threads;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Nms;
import org.ondol.spi.Kernels;
import org.ondol.test.oracle.AttentionCase;
import org.ondol.test.oracle.Bound;
import org.ondol.test.support.Bits;
import org.ondol.test.support.Operands;
import org.ondol.test.support.TestDevices;

/**
 * The same bits from every kernel variant, with 1, 2 and 7 threads, as from the scalar reference of docs/arithmetic.md, and
 * that reference within the float64 oracle's bound. Cases are drawn from a seed that a failure names; run with
 * -Dondol.test.seed to repeat it and -Dondol.test.cases to draw more.
 */
class ParityTest {
  private static final long SEED = Long.getLong("ondol.test.seed", 20260101);
  private static final int CASES = Integer.getInteger("ondol.test.cases", 60);
  private static final int[] THREADS = {1, 2, 7};

  /** One entry per method of {@link Kernels} that computes; elementwise has one per operation. */
  private static final Map<String, Function<Draw, ParityCase>> OPS = new LinkedHashMap<>();

  static {
    OPS.put("gemm", GemmCases::new);
    OPS.put("attention", AttentionCases::forward);
    OPS.put("attentionBackward", AttentionCases::backward);
    OPS.put("softmax", RowCases::softmax);
    OPS.put("softmaxBackward", RowCases::softmaxBackward);
    OPS.put("layernorm", RowCases::layernorm);
    OPS.put("layernormBackward", RowCases::layernormBackward);
    OPS.put("reduce", RowCases::reduce);
    OPS.put("embedding", d -> new EmbeddingCases(d, false));
    OPS.put("embeddingBackward", d -> new EmbeddingCases(d, true));
    OPS.put("conv", ConvCases::conv);
    OPS.put("deconv", ConvCases::deconv);
    OPS.put("convweight", ConvGradientCases::new);
    OPS.put("winograd", WinogradCases::new);
    OPS.put("pool", PoolCases::new);
    OPS.put("poolBackward", PoolGradientCases::new);
    OPS.put("unpool", d -> new UnpoolCases(d, false));
    OPS.put("unpoolBackward", d -> new UnpoolCases(d, true));
    OPS.put("roialign", RoiAlignCases::new);
    OPS.put("roialignBackward", RoiAlignGradientCases::new);
    OPS.put("roipool", RoiPoolCases::new);
    OPS.put("roipoolBackward", RoiPoolGradientCases::new);
    OPS.put("elementwise", d -> new ElementwiseCases(d.of(Elementwise.Op.values()), d));
    OPS.put("cast", CastCases::new);
    OPS.put("resize", d -> new ResizeCases(d, false));
    OPS.put("resizeBackward", d -> new ResizeCases(d, true));
    OPS.put("batchnorm", BatchNormCases::forward);
    OPS.put("batchnormBackward", BatchNormCases::backward);
    OPS.put("iou", d -> new IouCases(d, false));
    OPS.put("iouBackward", d -> new IouCases(d, true));
    OPS.put("roiwarp", d -> new RoiWarpCases(d, false));
    OPS.put("roiwarpBackward", d -> new RoiWarpCases(d, true));
    OPS.put("topk", TopKCases::new);
    OPS.put("nms", NmsCases::new);
    OPS.put("nade", NadeCases::forward);
    OPS.put("nadeBackward", NadeCases::backward);
    OPS.put("lstm", LstmCases::forward);
    OPS.put("lstmBackward", LstmCases::backward);
  }

  /** Attention's contract is the widest by far. */
  private static int cases(String op) {
    return switch (op) {
      case "attention" -> 5 * CASES;
      case "attentionBackward" -> 3 * CASES;
      case "elementwise" -> 10 * CASES;
      case "gemm", "deconv", "convweight", "poolBackward", "roialign", "roialignBackward", "roipool", "roipoolBackward" -> 3 * CASES;
      case "conv", "pool" -> 6 * CASES;
      case "cast", "resize", "resizeBackward", "iou", "roiwarp", "roiwarpBackward", "topk", "nade", "nadeBackward", "lstm" ->
          2 * CASES;
      case "nms" -> 5 * CASES;
      default -> CASES;
    };
  }

  private record Expected(long seed, ParityCase call, Map<String, float[]> results) {}

  private static final Map<String, List<Expected>> EXPECTED = new LinkedHashMap<>();

  private static int threadsBefore;

  @BeforeAll
  static void announce() {
    threadsBefore = Threads.count();
    System.out.println("[parity] seed " + SEED + ", " + CASES + " cases per unit, threads " + Arrays.toString(THREADS));
  }

  @AfterAll
  static void restore() {
    Threads.set(threadsBefore);
    EXPECTED.clear();
  }

  @Test
  void everyKernelHasAParityTest() {
    Set<String> kernels = new TreeSet<>();
    for (Method m : Kernels.class.getMethods()) {
      boolean computes = m.getParameterCount() == 1 && m.getParameterTypes()[0].getSimpleName().endsWith("Args");
      if (computes && !Modifier.isStatic(m.getModifiers())) {
        kernels.add(m.getName());
      }
    }
    assertEquals(kernels, new TreeSet<>(OPS.keySet()), "operations of the backend interface and of this test");
  }

  @TestFactory
  List<DynamicNode> referenceIsWithinTheOraclesBound() {
    List<DynamicNode> tests = new ArrayList<>();
    OPS.keySet().forEach(op -> tests.add(DynamicTest.dynamicTest(op, () -> {
      for (Expected e : expected(op)) {
        e.call.oracle().forEach((name, values) -> withinBound(e, name, values));
      }
    })));
    return tests;
  }

  private static void withinBound(Expected e, String name, Bound.Values values) {
    String outside = values.firstOutside(e.results.get(name));
    if (outside != null) {
      fail("%s%n%s: %s (seed %d)".formatted(e.call.describe(), name, outside, e.seed));
    }
  }

  @TestFactory
  List<DynamicNode> sameBitsOnEveryDevice() {
    List<DynamicNode> tests = new ArrayList<>();
    for (String op : OPS.keySet()) {
      for (String device : TestDevices.NAMES) {
        tests.add(DynamicTest.dynamicTest(op + " on " + device, () -> sameBits(op, TestDevices.require(device))));
      }
    }
    return tests;
  }

  private static void sameBits(String op, Device device) {
    for (int threads : op.equals("large") ? new int[] {2, 7} : THREADS) {
      Threads.set(threads);
      for (Expected e : expected(op)) {
        try (Operands operands = new Operands(device, e.seed)) {
          compare(e, device, threads, e.call.run(operands), operands.damage());
        } catch (UnsupportedOnDeviceException x) {
          TestDevices.incomplete(device, x);
        } catch (RuntimeException x) {
          throw new AssertionError(where(e, device, threads) + ": " + x, x);
        }
      }
    }
  }

  private static void compare(Expected e, Device device, int threads, Map<String, float[]> actual, String damage) {
    if (damage != null) {
      fail(where(e, device, threads) + ": " + damage);
    }
    assertEquals(e.results.keySet(), actual.keySet(), where(e, device, threads));
    actual.forEach((name, values) -> {
      String difference = Bits.difference(values, e.results.get(name));
      if (difference != null) {
        fail(where(e, device, threads) + ": " + name + ": " + difference);
      }
    });
  }

  private static String where(Expected e, Device device, int threads) {
    return e.call.describe() + "%non %s with %d threads, seed %d".formatted(device, threads, e.seed);
  }

  /** Sizes beyond every block and split, where the drawn cases are small for the sake of their number. */
  @TestFactory
  List<DynamicNode> sameBitsAtRealSizes() {
    List<DynamicNode> tests = new ArrayList<>();
    for (String device : TestDevices.NAMES) {
      tests.add(DynamicTest.dynamicTest(device, () -> sameBits("large", TestDevices.require(device))));
    }
    return tests;
  }

  private static List<ParityCase> large() {
    Draw d = new Draw(SEED);
    AttentionCase causal = AttentionDraw.sized(d, 1, 2, 2, 601, 601, 64);
    causal.windowRight = 0;
    AttentionCase grouped = AttentionDraw.sized(d, 2, 6, 2, 130, 517, 80);
    grouped.bottomRight = true;
    grouped.windowRight = 0;
    grouped.windowLeft = 200;
    AttentionCase decode = AttentionDraw.sized(d, 1, 8, 2, 1, 4099, 128);
    AttentionCase few = AttentionDraw.sized(d, 2, 4, 4, 16, 2048, 32);
    few.kvLengths = new long[] {2048, 1029};
    AttentionCase training = AttentionDraw.sized(d, 1, 2, 1, 300, 300, 64);
    training.windowRight = 0;
    Draw.Fill tame = Draw.Fill.TAME;
    List<ParityCase> large = new ArrayList<>(ConvLarge.cases(d));
    large.addAll(List.of(AttentionCases.forward(causal, tame, 0), AttentionCases.forward(grouped, tame, 0),
        AttentionCases.forward(decode, tame, 0), AttentionCases.forward(few, tame, 1), AttentionCases.backward(training, tame),
        new GemmCases(d, 257, 513, 300), new GemmCases(d, 1, 3001, 700), new GemmCases(d, 1000, 17, 515)));
    large.addAll(List.of(new ResizeCases(d, false, 1, 3, 150, 260), new ResizeCases(d, true, 1, 3, 90, 130),
        BatchNormCases.large(d)));
    large.addAll(List.of(PoolCases.large(d)));
    large.addAll(List.of(PoolGradientCases.large(d)));
    large.addAll(List.of(IouCases.large(d)));
    large.addAll(List.of(RoiWarpCases.large(d)));
    large.addAll(List.of(LstmCases.large(d)));
    large.addAll(List.of(TopKCases.large(d, 70_001), TopKCases.large(d, 5000)));
    large.addAll(List.of(NadeCases.large(d)));
    for (Nms.Method method : Nms.Method.values()) large.add(NmsCases.large(d, method));
    return large;
  }

  /** Drawn and computed once, then shared by all devices. */
  private static List<Expected> expected(String op) {
    return EXPECTED.computeIfAbsent(op, o -> {
      List<Expected> list = new ArrayList<>();
      if (o.equals("large")) {
        large().forEach(call -> list.add(new Expected(SEED, call, call.page())));
        return list;
      }
      for (int i = 0; i < cases(o); i++) {
        long seed = SEED + 1_000_003L * i + o.hashCode();
        ParityCase call = OPS.get(o).apply(new Draw(seed));
        list.add(new Expected(seed, call, call.page()));
      }
      return list;
    });
  }
}
