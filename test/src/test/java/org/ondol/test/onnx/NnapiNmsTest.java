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
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Nms;
import org.ondol.test.support.TestDevices;

/** Android's cases of BOX_WITH_NMS_LIMIT: boxes for each class, class 0 the background, all images in one list. */
class NnapiNmsTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"), "nnapi");

  /** One case: its arrays, and its numbers by their position among the operands. */
  private record Golden(JsonObject test) {
    float[] floats(String name) {
      return ConvConformanceTest.floats(test.getAsJsonObject("data").getAsJsonArray(name));
    }

    long[] longs(String name) {
      return ConvConformanceTest.longs(test.getAsJsonObject("data").getAsJsonArray(name));
    }

    double operand(int i) {
      JsonArray inputs = test.getAsJsonArray("ops").get(0).getAsJsonObject().getAsJsonArray("inputs");
      return inputs.get(i).getAsJsonObject().get("value").getAsDouble();
    }

    int classes() {
      return test.getAsJsonObject("tensors").getAsJsonObject("scores").getAsJsonArray("shape").get(1).getAsInt();
    }

    Nms.Options options() {
      Nms.Options o = Nms.Options.DEFAULT.scoreThreshold(operand(3)).maxPerImage((long) operand(4))
          .iouAtLeast(operand(6)).background(0);
      return switch ((int) operand(5)) {
        case 0 -> o;
        case 1 -> o.linear(operand(8));
        default -> o.gaussian(operand(7), operand(8));
      };
    }
  }

  /** Scores, boxes, classes and images of all that was selected. */
  private record Found(List<Float> scores, List<Float> boxes, List<Long> classes, List<Long> images) {
    Found() {
      this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }
  }

  @TestFactory
  List<DynamicNode> boxWithNmsLimit() throws IOException {
    if (!Files.isDirectory(DATA)) {
      System.out.println("[skipped] BOX_WITH_NMS_LIMIT: no folder " + DATA.toAbsolutePath().normalize());
      Assumptions.abort("no folder " + DATA);
    }
    List<DynamicNode> tests = new ArrayList<>();
    for (String kernel : new String[] {"hard", "linear", "gaussian"}) {
      String file = "V1_2_box_with_nms_limit_" + kernel + ".json";
      for (JsonElement e : JsonParser.parseString(Files.readString(DATA.resolve(file))).getAsJsonArray()) {
        Golden golden = new Golden(e.getAsJsonObject());
        tests.add(DynamicTest.dynamicTest(kernel + " " + golden.test.get("case"), () -> {
          for (Device device : TestDevices.available()) {
            check(golden, device);
          }
        }));
      }
    }
    tests.add(DynamicTest.dynamicTest("the data set has what it had", () -> assertEquals(6, tests.size())));
    return tests;
  }

  private static void check(Golden golden, Device device) {
    Found found = new Found();
    long[] images = golden.longs("batchSplit");
    for (long image : Arrays.stream(images).distinct().sorted().toArray()) {
      int first = (int) Arrays.stream(images).takeWhile(i -> i != image).count();
      int rows = (int) Arrays.stream(images).filter(i -> i == image).count();
      select(golden, device, image, first, rows, found);
    }
    String on = " on " + device;
    ConformanceTest.compare("scores" + on, floats(found.scores), golden.floats("scoresOut"));
    assertArrayEquals(golden.floats("roiOut"), floats(found.boxes), "boxes" + on);
    assertArrayEquals(golden.longs("classesOut"), longs(found.classes), "classes" + on);
    assertArrayEquals(golden.longs("batchSplitOut"), longs(found.images), "images" + on);
  }

  private static void select(Golden golden, Device device, long image, int first, int rows, Found found) {
    int classes = golden.classes();
    float[] boxes = Arrays.copyOfRange(golden.floats("roi"), first * classes * 4, (first + rows) * classes * 4);
    float[] scores = Arrays.copyOfRange(golden.floats("scores"), first * classes, (first + rows) * classes);
    try (Scope scope = Scope.open()) {
      Nms.Result r = Nms.apply(Tensor.of(device, boxes, 1, rows, classes, 4),
          Tensor.of(device, scores, 1, rows, classes).transpose(1, 2), golden.options());
      long[] indices = r.indices().toLongs();
      float[] selected = r.scores().toFloats();
      for (int i = 0; i < selected.length; i++) {
        found.scores.add(selected[i]);
        found.classes.add(indices[3 * i + 1]);
        found.images.add(image);
        for (int d = 0; d < 4; d++) {
          found.boxes.add(boxes[(int) ((indices[3 * i + 2] * classes + indices[3 * i + 1]) * 4) + d]);
        }
      }
    }
  }

  private static float[] floats(List<Float> list) {
    float[] array = new float[list.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = list.get(i);
    }
    return array;
  }

  private static long[] longs(List<Long> list) {
    return list.stream().mapToLong(l -> l).toArray();
  }
}
