package org.ondol.test.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.test.support.TestDevices;

/**
 * ONNX's own single-operator cases, read from their files, for every operator that the core has. A case passes on every
 * device or stands in {@link #NOT_COVERED} with the reason; a new operator of the data set must be put in one of the lists.
 */
class ConformanceTest {
  /** Where the cases lie when the project is checked out beside its data; see that folder's README. */
  private static final Path CASES = Path.of(System.getProperty("ondol.data", "../../shared/data"), "onnx-node");

  private static final Set<String> OPERATORS = Set.of("Attention", "Conv", "ConvTranspose", "Gemm", "MatMul", "Softmax", "LogSoftmax",
      "LayerNormalization", "ReduceSum", "ReduceMean", "ReduceMax", "Gather", "Gelu", "Add", "Sub", "Mul", "Div", "Erf",
      "Exp", "Log", "Sigmoid", "Tanh", "Relu", "Sqrt", "Neg", "Abs", "Reciprocal", "Resize", "BatchNormalization",
      "MaxPool", "AveragePool", "GlobalAveragePool", "NonMaxSuppression", "TopK", "RoiAlign", "LSTM");

  /** Operators of the data set that no kernel of the core computes. */
  private static final Set<String> OTHER_OPERATORS = Set.of("Adam",
      "CausalConvWithState", "Col2Im", "Concat", "DeformConv", "Elu", "Flatten", "GRU",
      "GridSample", "GroupNormalization", "HardSigmoid", "InstanceNormalization", "LeakyRelu",
      "Mish", "Momentum", "NegativeLogLikelihoodLoss", "PRelu", "RMSNormalization", "RNN",
      "RotaryEmbedding", "Selu", "SoftmaxCrossEntropyLoss", "Softplus", "Transpose");

  private static final String SCORES = "asks for the Lq x Lk matrix of scores, which attention never holds; its first output"
      + " is checked";
  private static final String CUBIC = "cubic interpolation; resize has nearest and linear";
  private static final String ANTIALIAS = "antialiasing; resize samples";
  private static final String VOLUMES = "three-dimensional windows; pool has one and two dimensions";
  private static final String BYTES = "uint8 maps; pool has float32";
  private static final String HALF = "float16 operands; the core has float32 and indices";

  /**
   * Cases whose inputs and expected values were written down with four decimals, the averages being those of the inputs
   * before that: half of the last decimal is lost on either side. Upstream's tolerance is wider.
   */
  private static final Set<String> ROUNDED = Set.of("test_averagepool_2d_ceil_last_window_starts_on_pad",
      "test_roialign_aligned_true");

  /** Cases of the operators above that the contract leaves out, wholly or in one output. */
  private static final Map<String, String> NOT_COVERED = new TreeMap<>(Map.ofEntries(
      Map.entry("test_attention_23_fullymasked_qk_matmul_output_mode3_zero", SCORES),
      Map.entry("test_attention_24_fullymasked_qk_matmul_output_mode3_zero", SCORES),
      Map.entry("test_attention_3d_with_past_and_present_qk_matmul", SCORES),
      Map.entry("test_attention_3d_with_past_and_present_qk_matmul_bias", SCORES),
      Map.entry("test_attention_3d_with_past_and_present_qk_matmul_softmax", SCORES),
      Map.entry("test_attention_4d_with_past_and_present_qk_matmul", SCORES),
      Map.entry("test_attention_4d_with_past_and_present_qk_matmul_bias_3d_mask", SCORES),
      Map.entry("test_attention_4d_with_past_and_present_qk_matmul_bias_4d_mask", SCORES),
      Map.entry("test_attention_4d_with_qk_matmul", SCORES),
      Map.entry("test_attention_4d_with_qk_matmul_bias", SCORES),
      Map.entry("test_attention_4d_with_qk_matmul_softcap", SCORES),
      Map.entry("test_attention_4d_with_qk_matmul_softmax", SCORES),
      Map.entry("test_resize_downsample_scales_cubic", CUBIC),
      Map.entry("test_resize_downsample_scales_cubic_align_corners", CUBIC),
      Map.entry("test_resize_upsample_scales_cubic_A_n0p5_exclude_outside", CUBIC),
      Map.entry("test_resize_upsample_scales_cubic_asymmetric", CUBIC),
      Map.entry("test_resize_downsample_scales_linear_antialias", ANTIALIAS),
      Map.entry("test_averagepool_3d_default", VOLUMES),
      Map.entry("test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False", VOLUMES),
      Map.entry("test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False", VOLUMES),
      Map.entry("test_averagepool_3d_dilations_small", VOLUMES),
      Map.entry("test_maxpool_3d_dilations", VOLUMES),
      Map.entry("test_maxpool_3d_dilations_use_ref_impl", VOLUMES),
      Map.entry("test_maxpool_3d_dilations_use_ref_impl_large", VOLUMES),
      Map.entry("test_maxpool_2d_uint8", BYTES),
      Map.entry("test_attention_24_qk_matmul_output_mode3_softmax_precision", HALF),
      Map.entry("test_attention_4d_gqa_with_past_and_present_fp16", HALF)));

  @TestFactory
  List<DynamicNode> cases() throws IOException {
    if (!Files.isDirectory(CASES)) {
      System.out.println("[skipped] ONNX conformance: no folder " + CASES.toAbsolutePath().normalize());
      Assumptions.abort("no folder " + CASES);
    }
    List<DynamicNode> tests = new ArrayList<>();
    int others = 0;
    List<String> unknown = new ArrayList<>();
    try (var folders = Files.list(CASES)) {
      for (Path folder : folders.filter(Files::isDirectory).sorted().toList()) {
        OnnxCase c = OnnxCase.read(folder);
        if (OPERATORS.contains(c.op())) {
          tests.add(DynamicTest.dynamicTest(c.name(), () -> check(c)));
        } else if (OTHER_OPERATORS.contains(c.op())) {
          others++;
        } else {
          unknown.add(c.op() + " (" + c.name() + ")");
        }
      }
    }
    System.out.println("[conformance] " + tests.size() + " cases of " + OPERATORS.size() + " operators, " + others
        + " cases of operators that the core does not have. In part or not covered:");
    NOT_COVERED.forEach((name, reason) -> System.out.println("[conformance]   " + name + ": " + reason));
    tests.add(DynamicTest.dynamicTest("every operator of the data set is in a list", () ->
        assertEquals(List.of(), unknown)));
    return tests;
  }

  private static void check(OnnxCase c) {
    String reason = NOT_COVERED.get(c.name());
    if (HALF.equals(reason)) {
      assertEquals("float16", c.input(0).type(), c.name() + " is listed as not covered without need");
      Assumptions.abort(reason);
    }
    if (CUBIC.equals(reason) || ANTIALIAS.equals(reason)) {
      assertTrue(c.stringAttribute("mode", "nearest").equals("cubic") || c.intAttribute("antialias", 0) != 0,
          c.name() + " is listed as not covered without need");
      Assumptions.abort(reason);
    }
    if (VOLUMES.equals(reason) || BYTES.equals(reason)) {
      assertTrue(c.input(0).rank() == 5 || !c.input(0).type().equals("float"), c.name() + " is listed as not covered without need");
      Assumptions.abort(reason);
    }
    for (Device device : TestDevices.available()) {
      float[][] actual = OnnxRunner.run(c, device);
      for (int i = 0; i < c.outputs().size(); i++) {
        if (c.wants(i) && i < actual.length) {
          String what = c.name() + " output " + i + " on " + device;
          if (ROUNDED.contains(c.name())) {
            compareRounded(what, actual[i], values(c.outputs().get(i)));
          } else {
            compare(what, actual[i], values(c.outputs().get(i)));
          }
        } else if (c.wants(i) && !SCORES.equals(reason)) {
          fail(c.name() + " wants output " + i + " and is not listed as covered in part");
        }
      }
    }
  }

  private static float[] values(OnnxValue v) {
    if (v.floats() != null) return v.floats();
    float[] floats = new float[v.longs().length];
    for (int i = 0; i < floats.length; i++) floats[i] = v.longs()[i];
    return floats;
  }

  private static void compareRounded(String what, float[] actual, float[] expected) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      double decimals = expected[i] * 1e4;
      assertEquals(Math.rint(decimals), decimals, 1e-3, what + " is listed as rounded without need");
      assertEquals(expected[i], actual[i], 1e-4 + 1e-6, what + ": element " + i);
    }
  }

  /** Upstream's tolerance is rtol 1e-3 and atol 1e-7; float32 against their float32 needs less of the first. */
  static void compare(String what, float[] actual, float[] expected) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      boolean same = actual[i] == expected[i] || Float.isNaN(actual[i]) && Float.isNaN(expected[i]);
      if (!same && !(Math.abs(actual[i] - expected[i]) <= 1e-6 + 1e-5 * Math.abs(expected[i]))) {
        fail("%s: element %d is %s, expected %s".formatted(what, i, actual[i], expected[i]));
      }
    }
  }
}
