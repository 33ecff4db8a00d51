package org.ondol.test.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.ShapeException;
import org.ondol.Tensor;
import org.ondol.models.detection.Detection;
import org.ondol.models.detection.Mtcnn;
import org.ondol.models.images.Picture;
import org.ondol.models.weights.SafeTensors;
import org.ondol.models.weights.WeightsException;
import org.ondol.test.support.TestDevices;

/** MTCNN with its authors' weights against reference outputs of the networks and of the whole cascade. */
class MtcnnTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.data", "../../shared/data"));

  private static Mtcnn open(Device device, int leastFace) throws IOException {
    Network.open("mtcnn", "golden").close(); // or skips
    return Mtcnn.load(DATA.resolve("mtcnn"), device, leastFace);
  }

  private static Tensor tensor(SafeTensors file, String name, Device device) {
    return Tensor.of(device, file.floats(name), file.shape(name));
  }

  /** p(face) of golden values [N, 2, ...]. */
  private static float[] faces(SafeTensors golden, String name) {
    float[] both = golden.floats(name);
    int images = (int) golden.shape(name)[0];
    int each = both.length / images / 2;
    float[] faces = new float[images * each];
    for (int i = 0; i < faces.length; i++) faces[i] = both[(i / each * 2 + 1) * each + i % each];
    return faces;
  }

  /** Golden maps [1, C, W, H] with the channels last. */
  private static float[] channelsLast(SafeTensors golden, String name) {
    float[] planes = golden.floats(name);
    int channels = (int) golden.shape(name)[1];
    int each = planes.length / channels;
    float[] rows = new float[planes.length];
    for (int i = 0; i < rows.length; i++) rows[i] = planes[i % channels * each + i / channels];
    return rows;
  }

  @Test
  void networksGiveTheReferenceOutputs() throws IOException {
    SafeTensors golden = Network.open("mtcnn", "golden");
    for (Device device : TestDevices.available()) {
      try (Scope scope = Scope.open(); Mtcnn mtcnn = open(device, 20)) {
        Mtcnn.Judgement p = mtcnn.propose(tensor(golden, "pnet_input", device));
        assertArrayEquals(faces(golden, "pnet_prob"), p.faces(), 1e-4f, device + ": P-Net");
        assertArrayEquals(channelsLast(golden, "pnet_reg"), p.moves(), 1e-4f, device + ": P-Net's boxes");
        Mtcnn.Judgement r = mtcnn.refine(tensor(golden, "rnet_input", device));
        assertArrayEquals(faces(golden, "rnet_prob"), r.faces(), 1e-4f, device + ": R-Net");
        assertArrayEquals(golden.floats("rnet_reg"), r.moves(), 1e-4f, device + ": R-Net's boxes");
        Mtcnn.Judgement o = mtcnn.output(tensor(golden, "onet_input", device));
        assertArrayEquals(faces(golden, "onet_prob"), o.faces(), 1e-4f, device + ": O-Net");
        assertArrayEquals(golden.floats("onet_reg"), o.moves(), 1e-4f, device + ": O-Net's boxes");
        assertArrayEquals(golden.floats("onet_landmarks"), o.points(), 1e-4f, device + ": landmarks");
      }
    }
    golden.close();
  }

  @Test
  void facesAreThoseOfTheReference() throws IOException {
    Network.open("mtcnn", "golden").close(); // or skips
    JsonObject images = JsonParser.parseString(Files.readString(DATA.resolve("mtcnn/expected_faces.json")))
        .getAsJsonObject().getAsJsonObject("images");
    for (Map.Entry<String, JsonElement> image : images.entrySet()) {
      Picture picture = Picture.read(DATA.resolve("images").resolve(image.getKey()));
      for (JsonElement run : image.getValue().getAsJsonArray()) {
        int least = run.getAsJsonObject().get("min_face_size").getAsInt();
        JsonArray expected = run.getAsJsonObject().getAsJsonArray("faces");
        List<Mtcnn.Face> first = null;
        for (Device device : TestDevices.available()) {
          try (Mtcnn mtcnn = open(device, least)) {
            List<Mtcnn.Face> found = mtcnn.faces(picture);
            compare(expected, found, image.getKey() + " on " + device + ", faces of " + least);
            if (first == null) first = found;
            assertEquals(first, found, device + " differs");
          }
        }
      }
    }
  }

  private static void compare(JsonArray expected, List<Mtcnn.Face> found, String where) {
    assertEquals(expected.size(), found.size(), where + ": " + found);
    for (JsonElement e : expected) {
      JsonObject face = e.getAsJsonObject();
      float[] box = floats(face.getAsJsonArray("box"));
      Mtcnn.Face best = found.get(0);
      for (Mtcnn.Face f : found) if (iou(box, f) > iou(box, best)) best = f;
      assertTrue(iou(box, best) >= 0.99, where + ": IoU " + iou(box, best) + " of " + best + " with " + face);
      assertEquals(face.get("score").getAsFloat(), best.score(), 0.005, where);
      JsonArray points = face.getAsJsonArray("landmarks");
      for (int p = 0; p < 5; p++) {
        float[] at = floats(points.get(p).getAsJsonArray());
        assertEquals(at[0], best.landmarks().get(p).x(), 1, where + ": x of point " + p);
        assertEquals(at[1], best.landmarks().get(p).y(), 1, where + ": y of point " + p);
      }
    }
  }

  private static float[] floats(JsonArray array) {
    float[] values = new float[array.size()];
    for (int i = 0; i < values.length; i++) values[i] = array.get(i).getAsFloat();
    return values;
  }

  private static double iou(float[] a, Mtcnn.Face b) {
    double w = Math.max(0, Math.min(a[2], b.x2()) - Math.max(a[0], b.x1()));
    double h = Math.max(0, Math.min(a[3], b.y2()) - Math.max(a[1], b.y1()));
    double union = (double) (a[2] - a[0]) * (a[3] - a[1]) + (double) (b.x2() - b.x1()) * (b.y2() - b.y1()) - w * h;
    return w * h / union;
  }

  @Test
  void aDetectionHoldsTheLastPixel() throws IOException {
    Picture picture = Picture.read(DATA.resolve("images/astronaut.jpg"));
    try (Mtcnn mtcnn = open(Device.of("java"), 80)) {
      Mtcnn.Face face = mtcnn.faces(picture).getFirst();
      assertEquals(List.of("face"), mtcnn.classes());
      assertEquals(new Detection(0, face.score(), face.x1(), face.y1(), face.x2() + 1, face.y2() + 1),
          mtcnn.detect(picture).getFirst());
    }
  }

  @Test
  void picturesTooSmallForAFaceShowNone() throws IOException {
    try (Mtcnn mtcnn = open(Device.of("java"), 20)) {
      for (int[] size : new int[][] {{1, 1}, {19, 200}, {21, 20}}) {
        assertEquals(List.of(), mtcnn.faces(new Picture(size[0], size[1], new byte[3 * size[0] * size[1]])));
      }
    }
  }

  @Test
  void badArgumentsAreNamed() throws IOException {
    Device java = Device.of("java");
    assertThrows(InvalidArgumentException.class, () -> Mtcnn.load(DATA, java, 11));
    assertThrows(InvalidArgumentException.class, () -> Mtcnn.load(null, java, 20));
    assertThrows(WeightsException.class, () -> Mtcnn.load(Path.of("nowhere"), java, 20));
    try (Scope scope = Scope.open(); Mtcnn mtcnn = open(java, 20)) {
      assertThrows(InvalidArgumentException.class, () -> mtcnn.faces(null));
      assertThrows(ShapeException.class, () -> mtcnn.refine(Tensor.zeros(java, 1, 3, 48, 48)));
      assertThrows(ShapeException.class, () -> mtcnn.output(Tensor.zeros(java, 1, 3, 24, 24)));
      assertThrows(ShapeException.class, () -> mtcnn.propose(Tensor.zeros(java, 1, 3, 11, 12)));
      assertThrows(ShapeException.class, () -> mtcnn.propose(Tensor.zeros(java, 1, 1, 12, 12)));
    }
  }
}
