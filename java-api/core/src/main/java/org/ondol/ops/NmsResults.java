package org.ondol.ops;

import java.util.Arrays;
import org.ondol.Device;
import org.ondol.Tensor;

/** From rows of a fixed length to one list, on the host: how long it is only the counts tell. */
final class NmsResults {
  private NmsResults() {}

  static Nms.Result compact(Nms.Padded padded, long boxes, boolean agnostic) {
    long[] counts = padded.counts().toLongs();
    long[] from = padded.indices().toLongs();
    float[] fromScores = padded.scores().toFloats();
    int groups = Math.toIntExact(padded.counts().size(1));
    int width = Math.toIntExact(padded.indices().size(2));
    int total = Math.toIntExact(Arrays.stream(counts).sum());
    int[] indices = new int[3 * total];
    float[] scores = new float[total];
    int at = 0;
    for (int row = 0; row < counts.length; row++) {
      for (int i = row * width; i < row * width + counts[row]; i++) {
        indices[3 * at] = row / groups;
        indices[3 * at + 1] = agnostic ? (int) (from[i] / boxes) : row % groups;
        indices[3 * at + 2] = agnostic ? (int) (from[i] % boxes) : (int) from[i];
        scores[at++] = fromScores[i];
      }
    }
    return result(padded.indices().device(), indices, scores);
  }

  private static Nms.Result result(Device device, int[] indices, float[] scores) {
    Tensor list = Tensor.of(device, indices, scores.length, 3);
    boolean done = false;
    try {
      Nms.Result result = new Nms.Result(list, Tensor.of(device, scores, scores.length));
      done = true;
      return result;
    } finally {
      if (!done) list.close();
    }
  }
}
