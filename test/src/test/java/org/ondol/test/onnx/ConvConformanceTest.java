package org.ondol.test.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.AttributeProto;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.test.support.TestDevices;

/**
 * Convolutions that others computed: models converted from PyTorch, ONNX Runtime's cases for the web and Android's
 * neural network tests. Conv and ConvTranspose of one and two dimensions must pass on every device.
 */
class ConvConformanceTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"));
  private static final String VOLUME = "a convolution of volumes; the core has maps and sequences";

  private static Path folder(String name) {
    Path folder = DATA.resolve(name);
    if (!Files.isDirectory(folder)) {
      System.out.println("[skipped] conv conformance: no folder " + folder.toAbsolutePath().normalize());
      Assumptions.abort("no folder " + folder);
    }
    return folder;
  }

  private static List<Path> list(Path folder, String contains) throws IOException {
    try (var files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().contains(contains)).sorted().toList();
    }
  }

  private static DynamicNode test(OnnxCase c) {
    return DynamicTest.dynamicTest(c.name(), () -> {
      if (c.input(0).rank() == 5) {
        Assumptions.abort(VOLUME);
      }
      for (Device device : TestDevices.available()) {
        ConformanceTest.compare(c.name() + " on " + device, OnnxRunner.run(c, device)[0], c.outputs().get(0).floats());
      }
    });
  }

  /** All that are Conv or ConvTranspose, and as many as the data set has. */
  private static List<DynamicNode> tests(String what, List<OnnxCase> cases, int volumes, int others) {
    List<DynamicNode> tests = new ArrayList<>(cases.stream().map(ConvConformanceTest::test).toList());
    long skipped = cases.stream().filter(c -> c.input(0).rank() == 5).count();
    System.out.println("[conformance] " + what + ": " + (cases.size() - skipped) + " convolutions; not covered: "
        + skipped
        + " cases, each " + VOLUME);
    tests.add(DynamicTest.dynamicTest("the data set has what it had", () -> {
      assertEquals(volumes, skipped, "convolutions of volumes");
      assertEquals(others, cases.size() - skipped, "convolutions of maps and sequences");
    }));
    return tests;
  }

  @TestFactory
  List<DynamicNode> convertedFromPyTorch() throws IOException {
    List<OnnxCase> cases = new ArrayList<>();
    for (String part : new String[] {"pytorch-converted", "pytorch-operator"}) {
      for (Path f : list(folder("onnx-converted").resolve(part), "onv")) {
        OnnxCase c = OnnxCase.read(f);
        assertTrue(c.op().startsWith("Conv"), c.name() + " begins with " + c.op());
        cases.add(c);
      }
    }
    return tests("converted from PyTorch", cases, 6, 15);
  }

  @TestFactory
  List<DynamicNode> onnxRuntimeWeb() throws IOException {
    List<OnnxCase> cases = new ArrayList<>();
    for (Path f : list(folder("ort-web"), "conv")) {
      // Gson reads the comments of .jsonc by itself.
      for (JsonElement e : JsonParser.parseString(Files.readString(f)).getAsJsonArray()) {
        JsonObject test = e.getAsJsonObject();
        for (JsonElement c : test.getAsJsonArray("cases")) {
          cases.add(webCase(test, c.getAsJsonObject()));
        }
      }
    }
    return tests("ONNX Runtime for the web", cases, 11, 15);
  }

  private static OnnxCase webCase(JsonObject test, JsonObject c) {
    Map<String, AttributeProto> attributes = new TreeMap<>();
    for (JsonElement e : test.getAsJsonArray("attributes")) {
      JsonObject a = e.getAsJsonObject();
      AttributeProto.Builder b = AttributeProto.newBuilder();
      switch (a.get("type").getAsString()) {
        case "ints" -> a.getAsJsonArray("data").forEach(v -> b.addInts(v.getAsLong()));
        case "int" -> b.setI(a.get("data").getAsLong());
        case "string" -> b.setS(ByteString.copyFromUtf8(a.get("data").getAsString()));
        default -> throw new IllegalArgumentException("attribute " + a);
      }
      attributes.put(a.get("name").getAsString(), b.build());
    }
    return new OnnxCase(test.get("name").getAsString() + ", " + c.get("name").getAsString(),
        test.get("operator").getAsString(), 0, attributes, webValues(c.getAsJsonArray("inputs")),
        webValues(c.getAsJsonArray("outputs")));
  }

  private static List<OnnxValue> webValues(JsonArray values) {
    List<OnnxValue> list = new ArrayList<>();
    for (JsonElement e : values) {
      JsonObject v = e.getAsJsonObject();
      assertEquals("float32", v.get("type").getAsString());
      list.add(v.get("data").isJsonNull() ? null
          : new OnnxValue("float", longs(v.getAsJsonArray("dims")), floats(v.getAsJsonArray("data")), null));
    }
    return list;
  }

  static long[] longs(JsonArray a) {
    return a.asList().stream().mapToLong(JsonElement::getAsLong).toArray();
  }

  static float[] floats(JsonArray a) {
    float[] values = new float[a.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = a.get(i).getAsFloat();
    }
    return values;
  }

  @TestFactory
  List<DynamicNode> androidNeuralNetworks() throws IOException {
    List<DynamicNode> tests = new ArrayList<>();
    for (String op : new String[] {"depthwise_conv", "transpose_conv2d"}) {
      for (Path f : list(folder("nnapi"), op)) {
        for (JsonElement e : JsonParser.parseString(Files.readString(f)).getAsJsonArray()) {
          NnapiConv c = new NnapiConv(e.getAsJsonObject());
          tests.add(DynamicTest.dynamicTest(f.getFileName() + " case " + c.number(), () -> {
            for (Device device : TestDevices.available()) {
              ConformanceTest.compare("case on " + device, c.run(device), c.expected());
            }
          }));
        }
      }
    }
    assertEquals(12, tests.size(), "cases of the data set");
    System.out.println("[conformance] Android neural networks: " + tests.size() + " convolutions");
    return tests;
  }

  @TestFactory
  List<DynamicNode> androidRoiPooling() throws IOException {
    List<DynamicNode> tests = new ArrayList<>();
    for (Path f : list(folder("nnapi"), "roi_pooling")) {
      for (JsonElement e : JsonParser.parseString(Files.readString(f)).getAsJsonArray()) {
        NnapiRoiPool c = new NnapiRoiPool(e.getAsJsonObject());
        tests.add(DynamicTest.dynamicTest(f.getFileName() + " case " + c.number(), () -> {
          for (Device device : TestDevices.available()) {
            ConformanceTest.compare("case on " + device, c.run(device), c.expected());
          }
        }));
      }
    }
    assertEquals(2, tests.size(), "cases of the data set");
    return tests;
  }
}
