package org.ondol.test.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.Rois;
import org.ondol.test.support.TestDevices;

/** Android's cases of ROI_ALIGN: channels last, operands by position, samples of height and width apart. */
class RoiAlignConformanceTest {
  private static final Path FILE = Path.of(System.getProperty("ondol.data", "../../shared/data"), "nnapi", "V1_2_roi_align.json");

  @TestFactory
  List<DynamicNode> nnapi() throws IOException {
    if (!Files.isRegularFile(FILE)) {
      System.out.println("[skipped] roialign conformance: no file " + FILE.toAbsolutePath().normalize());
      Assumptions.abort("no file " + FILE);
    }
    List<DynamicNode> tests = new ArrayList<>();
    for (JsonElement test : JsonParser.parseString(Files.readString(FILE)).getAsJsonArray()) {
      JsonObject c = test.getAsJsonObject();
      tests.add(DynamicTest.dynamicTest("case " + c.get("case").getAsInt(), () -> check(c)));
    }
    tests.add(DynamicTest.dynamicTest("as many as the file has", () -> assertEquals(4, tests.size())));
    return tests;
  }

  private static void check(JsonObject c) {
    JsonArray in = c.getAsJsonArray("ops").get(0).getAsJsonObject().getAsJsonArray("inputs");
    float[] expected = ConvConformanceTest.floats(c.getAsJsonObject("data").getAsJsonArray("out"));
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Rois rois = Rois.of(tensor(c, "roi", device), images(in, device))) {
        Tensor x = tensor(c, "in", device).permute(0, 3, 1, 2);
        double ratio = value(in, 5).getAsDouble();
        assertEquals(ratio, value(in, 6).getAsDouble(), "one scale for both axes");
        RoiAlign.Options options = RoiAlign.Options.NOT_ALIGNED.sampling(value(in, 7).getAsLong(), value(in, 8).getAsLong());
        Tensor y = RoiAlign.apply(x, 1 / ratio, rois, value(in, 3).getAsLong(), value(in, 4).getAsLong(), options);
        ConformanceTest.compare("case " + c.get("case") + " on " + device, y.permute(0, 2, 3, 1).toFloats(), expected);
      }
    }
  }

  private static JsonElement value(JsonArray inputs, int i) {
    return inputs.get(i).getAsJsonObject().get("value");
  }

  private static Tensor images(JsonArray inputs, Device device) {
    long[] images = ConvConformanceTest.longs(value(inputs, 2).getAsJsonArray());
    return Tensor.of(device, images, images.length);
  }

  private static Tensor tensor(JsonObject c, String name, Device device) {
    return Tensor.of(device, ConvConformanceTest.floats(c.getAsJsonObject("data").getAsJsonArray(name)),
        ConvConformanceTest.longs(c.getAsJsonObject("tensors").getAsJsonObject(name).getAsJsonArray("shape")));
  }
}
