package org.ondol.test.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise;
import org.ondol.ops.Gemm;
import org.ondol.ops.Lstm;
import org.ondol.test.support.TestDevices;

/** Android's LSTM cases: one step each, of gates with weights of their own. */
class NnapiLstmTest {
  private static final Path CASES = Path.of(System.getProperty("ondol.data", "../../shared/data"), "nnapi");
  private static final Set<String> COVERED = Set.of("V1_0_lstm", "V1_0_lstm_state", "V1_0_lstm_state2");

  private static final String PEEPHOLES = "peepholes; the gates see no cells";
  private static final String SHARED =
      "the file has one array for operands of the same name, of which one is empty or another's";

  private static final Map<String, String> NOT_COVERED = new TreeMap<>(Map.ofEntries(
      Map.entry("V1_0_lstm2_state2", PEEPHOLES + ", and no input gate"),
      Map.entry("V1_0_lstm3", PEEPHOLES + ", and a projection"),
      Map.entry("V1_0_lstm3_state", PEEPHOLES + ", and a projection"),
      Map.entry("V1_2_bidirectional_sequence_lstm", SHARED),
      Map.entry("V1_2_bidirectional_sequence_lstm_aux_input", SHARED),
      Map.entry("V1_2_bidirectional_sequence_lstm_cifg_peephole", PEEPHOLES + ", and no input gate"),
      Map.entry("V1_2_bidirectional_sequence_lstm_merge_outputs", SHARED),
      Map.entry("V1_2_unidirectional_sequence_lstm_batch_major_peephole_projection_bias",
          PEEPHOLES + ", and a projection"),
      Map.entry("V1_2_unidirectional_sequence_lstm_cifg_peephole", PEEPHOLES + ", and no input gate"),
      Map.entry("V1_2_unidirectional_sequence_lstm_norm_peephole_projection",
          PEEPHOLES + ", a projection and normalised gates"),
      Map.entry("V1_3_bidirectional_sequence_lstm_state_output", SHARED),
      Map.entry("V1_3_unidirectional_sequence_lstm_layer_norm_cifg_peephole_state_output",
          PEEPHOLES + ", a projection and normalised gates")));

  @TestFactory
  List<DynamicNode> cases() throws IOException {
    if (!Files.isDirectory(CASES)) {
      System.out.println("[skipped] Android's LSTM cases: no folder " + CASES.toAbsolutePath().normalize());
      Assumptions.abort("no folder " + CASES);
    }
    Set<String> found;
    try (var files = Files.list(CASES)) {
      found = files.map(f -> f.getFileName().toString()).filter(f -> f.contains("lstm") && f.endsWith(".json"))
          .map(f -> f.substring(0, f.length() - 5)).collect(Collectors.toCollection(TreeSet::new));
    }
    System.out.println("[conformance] " + COVERED.size() + " LSTM cases of Android. Not covered:");
    NOT_COVERED.forEach((name, reason) -> System.out.println("[conformance]   " + name + ": " + reason));
    List<DynamicNode> tests = new ArrayList<>();
    Set<String> known = new TreeSet<>(COVERED);
    known.addAll(NOT_COVERED.keySet());
    tests.add(DynamicTest.dynamicTest("every case is in a list", () -> assertEquals(known, found)));
    for (String name : COVERED) {
      JsonArray file = JsonParser.parseString(Files.readString(CASES.resolve(name + ".json"))).getAsJsonArray();
      for (JsonElement test : file) {
        tests.add(DynamicTest.dynamicTest(name, () -> check(new Case(test.getAsJsonObject()))));
      }
    }
    return tests;
  }

  private static void check(Case c) {
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open()) {
        Lstm.Result r = c.run(device);
        c.compare(1, r.h(), device);
        c.compare(2, r.c(), device);
        c.compare(3, r.h(), device);
      }
    }
  }

  /** Operands by position, as the data's README lists them. */
  private record Case(JsonObject test) {
    private JsonObject node() {
      return test.getAsJsonArray("ops").get(0).getAsJsonObject();
    }

    private String operand(int i) {
      return node().getAsJsonArray("inputs").get(i).getAsJsonObject().get("ref").getAsString();
    }

    private Tensor tensor(Device device, int i) {
      return Tensor.of(device, floats(operand(i)), ConvConformanceTest.longs(
          test.getAsJsonObject("tensors").getAsJsonObject(operand(i)).getAsJsonArray("shape")));
    }

    private float[] floats(String name) {
      return ConvConformanceTest.floats(test.getAsJsonObject("data").getAsJsonArray(name));
    }

    /** Input, forget, cell and output, one below the other. */
    private Tensor gates(Device device, int first) {
      Tensor one = tensor(device, first);
      long[] shape = one.shape();
      long rows = shape[0];
      shape[0] = 4 * rows;
      Tensor all = Tensor.empty(device, shape);
      for (int gate = 0; gate < 4; gate++) {
        all.slice(0, gate * rows, (gate + 1) * rows).assign(tensor(device, first + gate));
      }
      return all;
    }

    Lstm.Result run(Device device) {
      Tensor z = Elementwise.add(Gemm.matmul(tensor(device, 0), gates(device, 1).transpose(0, 1)), gates(device, 12));
      return Lstm.apply(z.unsqueeze(1).unsqueeze(0), gates(device, 5).transpose(0, 1).unsqueeze(0),
          Lstm.Options.NONE.state(tensor(device, 18).unsqueeze(1), tensor(device, 19).unsqueeze(1)));
    }

    void compare(int output, Tensor actual, Device device) {
      String name = node().getAsJsonArray("outputs").get(output).getAsString();
      String kind = test.getAsJsonObject("tensors").getAsJsonObject(name).get("kind").getAsString();
      if (kind.equals("ignored")) {
        return;
      }
      float[] expected = floats(name);
      float[] values = actual.toFloats();
      assertEquals(expected.length, values.length, name);
      for (int i = 0; i < expected.length; i++) {
        if (!(Math.abs(values[i] - expected[i]) <= 1e-5 * (1 + Math.abs(expected[i])))) {
          fail("%s[%d] on %s is %s, expected %s".formatted(name, i, device, values[i], expected[i]));
        }
      }
    }
  }
}
