package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Yolo;
import org.ondol.models.images.Picture;
import org.ondol.models.weights.SafeTensors;
import org.ondol.test.support.TestDevices;

/** YOLO-Fastest 1.1 with its author's weights, on every device. */
class YoloTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"));
  private static final Path FOLDER = DATA.resolve("yolo-fastest");

  private static void need(Path path) {
    if (!Files.exists(path)) {
      System.out.println("[skipped] no " + path.toAbsolutePath().normalize());
      Assumptions.abort("no " + path);
    }
  }

  @Test
  void headsOfTheDog() throws IOException {
    SafeTensors golden = Network.open("yolo-fastest", "golden_dog");
    for (int head = 0; head < 2; head++) {
      int which = head;
      float[] actual = Network.everywhere(golden, n -> {
        try (Yolo yolo = Yolo.load(FOLDER, n.device(), Yolo.THRESHOLD)) {
          return yolo.maps(n.tensor(golden.floats("input"), 1, 3, 320, 320)).get(which);
        }
      });
      double distance = Network.distance(actual, golden.floats("head" + head));
      System.out.printf(Locale.ROOT, "[yolo-fastest] head %d: largest difference %.2g%n", head, distance);
      assertTrue(distance <= 1e-4, "head " + head + " differs by " + distance);
    }
  }

  private static byte[] goldenBytes() throws IOException {
    float[] input = Network.open("yolo-fastest", "golden_dog").floats("input"); // bytes / 255
    byte[] planes = new byte[input.length];
    for (int i = 0; i < planes.length; i++) planes[i] = (byte) Math.round(input[i] * 255);
    return planes;
  }

  /** Boxes of the golden image itself. */
  @Test
  void boxesOfTheDog() throws IOException {
    byte[] planes = goldenBytes();
    JsonArray expected = expected().getAsJsonObject("dog.jpg").getAsJsonArray("detections");
    for (Device device : TestDevices.available()) {
      try (Yolo yolo = Yolo.load(FOLDER, device, Yolo.THRESHOLD)) {
        List<Detection> found = yolo.detect(new Picture(320, 320, planes)).stream()
            .map(d -> d.scaled(768 / 320.0, 576 / 320.0)).toList();
        same("the golden dog on " + device, yolo, found, expected, 1e-3);
      }
    }
  }

  private static JsonObject expected() throws IOException {
    need(FOLDER);
    return JsonParser.parseString(Files.readString(FOLDER.resolve("expected_detections.json"))).getAsJsonObject()
        .getAsJsonObject("images");
  }

  /**
   * From the file of a photograph to boxes in its pixels: decoded and stretched to the very bytes of the golden input,
   * and the expected boxes and scores in all five.
   */
  @Test
  void boxesInFivePhotographs() throws IOException {
    need(DATA.resolve("images"));
    JsonObject images = expected();
    assertEquals(5, images.size());
    assertArrayEquals(goldenBytes(), Picture.read(DATA.resolve("images/dog.jpg")).resized(320, 320).planes());
    List<List<Detection>> first = null;
    for (Device device : TestDevices.available()) {
      List<List<Detection>> all = new ArrayList<>();
      try (Yolo yolo = Yolo.load(FOLDER, device, Yolo.THRESHOLD)) {
        for (String name : images.keySet()) {
          List<Detection> found = yolo.detect(Picture.read(DATA.resolve("images").resolve(name)));
          same(name + " on " + device, yolo, found, images.getAsJsonObject(name).getAsJsonArray("detections"), 1e-3);
          all.add(found);
        }
      }
      if (first == null) first = all;
      assertEquals(first, all, "the same bits on " + device);
    }
  }

  private static void same(String what, Yolo yolo, List<Detection> found, JsonArray expected,
      double tolerance) {
    assertEquals(expected.size(), found.size(), what + ": " + found);
    for (int i = 0; i < found.size(); i++) {
      Detection d = found.get(i);
      JsonObject e = expected.get(i).getAsJsonObject();
      assertEquals(e.get("class").getAsString(), yolo.classes().get(d.label()), what);
      assertEquals(e.get("score").getAsDouble(), d.score(), tolerance, what);
      JsonArray b = e.getAsJsonArray("box");
      double iou = iou(d, b.get(0).getAsDouble(), b.get(1).getAsDouble(), b.get(2).getAsDouble(), b.get(3).getAsDouble());
      assertTrue(iou >= 0.99, what + ": " + d + " where " + b + " was expected");
    }
  }

  private static double iou(Detection d, double x1, double y1, double x2, double y2) {
    double w = Math.min(d.x2(), x2) - Math.max(d.x1(), x1);
    double h = Math.min(d.y2(), y2) - Math.max(d.y1(), y1);
    double both = Math.max(0, w) * Math.max(0, h);
    double own = (double) (d.x2() - d.x1()) * (d.y2() - d.y1());
    return both / (own + (x2 - x1) * (y2 - y1) - both);
  }
}
