package org.ondol.test.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Anchors;
import org.ondol.ops.BoxDeltas;
import org.ondol.ops.Boxes;
import org.ondol.ops.Nms;
import org.ondol.ops.Pixels;
import org.ondol.ops.RpnProposals;
import org.ondol.test.support.TestDevices;

/** Android's neural network tests of boxes: AXIS_ALIGNED_BBOX_TRANSFORM and GENERATE_PROPOSALS. */
class NnapiBoxesTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data")).resolve("nnapi");

  /** Of what was written with about that many digits. */
  private static final double RELATIVE = 1e-5;

  private static List<JsonObject> cases(String file) throws IOException {
    Path path = DATA.resolve(file);
    if (!Files.isRegularFile(path)) {
      System.out.println("[skipped] boxes of Android's tests: no file " + path.toAbsolutePath().normalize());
      Assumptions.abort("no file " + path);
    }
    List<JsonObject> cases = new ArrayList<>();
    for (JsonElement e : JsonParser.parseString(Files.readString(path)).getAsJsonArray()) {
      cases.add(e.getAsJsonObject());
    }
    return cases;
  }

  private static float[] data(JsonObject test, String name) {
    JsonArray values = test.getAsJsonObject("data").getAsJsonArray(name);
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).getAsFloat();
    }
    return floats;
  }

  private static long[] shape(JsonObject test, String name) {
    JsonArray sizes = test.getAsJsonObject("tensors").getAsJsonObject(name).getAsJsonArray("shape");
    long[] shape = new long[sizes.size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = sizes.get(i).getAsLong();
    }
    return shape;
  }

  private static JsonArray operands(JsonObject test) {
    return test.getAsJsonArray("ops").get(0).getAsJsonObject().getAsJsonArray("inputs");
  }

  private static String name(JsonObject test, int operand) {
    return operands(test).get(operand).getAsJsonObject().get("ref").getAsString();
  }

  private static double number(JsonObject test, int operand) {
    return operands(test).get(operand).getAsJsonObject().get("value").getAsDouble();
  }

  private static Tensor tensor(JsonObject test, int operand, Device device) {
    return Tensor.of(device, data(test, name(test, operand)), shape(test, name(test, operand)));
  }

  private static String output(JsonObject test, int i) {
    return test.getAsJsonArray("ops").get(0).getAsJsonObject().getAsJsonArray("outputs").get(i).getAsString();
  }

  private static void near(float[] expected, float[] actual, double scale) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], RELATIVE * Math.max(scale, Math.abs(expected[i])), "element " + i);
    }
  }

  @Test
  void axisAlignedBboxTransform() throws IOException {
    for (JsonObject test : cases("V1_2_axis_aligned_bbox_transform.json")) {
      float[] images = data(test, name(test, 2));
      float[] info = data(test, name(test, 3));
      List<Boxes.Size> sizes = new ArrayList<>();
      for (float image : images) {
        sizes.add(new Boxes.Size(info[2 * (int) image], info[2 * (int) image + 1]));
      }
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open()) {
          Tensor decoded = BoxDeltas.decode(BoxDeltas.Coding.PLAIN, tensor(test, 0, device), tensor(test, 1, device));
          Tensor boxes = decoded.reshape(sizes.size(), decoded.size(1) / 4, 4);
          near(data(test, output(test, 0)), Boxes.clip(boxes, sizes, Pixels.BETWEEN).toFloats(), 100);
        }
      }
    }
  }

  @Test
  void generateProposals() throws IOException {
    for (JsonObject test : cases("V1_2_generate_proposals.json")) {
      JsonObject layout = operands(test).get(10).getAsJsonObject();
      assertEquals(false, layout.get("value").getAsBoolean(), "channels last");
      for (Device device : TestDevices.available()) {
        try (Scope scope = Scope.open()) {
          proposals(test, device);
        }
      }
    }
  }

  /** Scores [N, H, W, A]; the counts are unlimited where they are not positive. */
  private static void proposals(JsonObject test, Device device) {
    Tensor scores = tensor(test, 0, device);
    long n = scores.size(0);
    long all = scores.count() / n;
    float[] corners = data(test, name(test, 2));
    double[][] base = new double[corners.length / 4][4];
    for (int i = 0; i < corners.length; i++) {
      base[i / 4][i % 4] = corners[i];
    }
    Tensor anchors = Anchors.grid(device, base, scores.size(1), scores.size(2), number(test, 4), number(test, 5)).reshape(all, 4);
    float[] info = data(test, name(test, 3));
    List<Boxes.Size> sizes = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      sizes.add(new Boxes.Size(info[2 * i], info[2 * i + 1]));
    }
    long most = (long) number(test, 7);
    RpnProposals.Options options = new RpnProposals.Options(BoxDeltas.Coding.PLAIN, number(test, 9), true, false,
        Math.max(0, (long) number(test, 6)), Nms.Options.DEFAULT.iouAtLeast(number(test, 8)).maxPerImage(most < 0 ? -1 : most));
    RpnProposals.Result r = RpnProposals.apply(scores.reshape(n, all), tensor(test, 1, device).reshape(n, all, 4), anchors, sizes, options);
    near(data(test, output(test, 0)), r.scores().toFloats(), 0);
    near(data(test, output(test, 1)), r.boxes().toFloats(), 10);
    float[] images = data(test, output(test, 2));
    long[] actual = r.images().toLongs();
    float[] floats = new float[actual.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = actual[i];
    }
    assertArrayEquals(images, floats);
  }
}
