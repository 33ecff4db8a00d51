package org.ondol.bench.peers;

import static org.bytedeco.opencv.global.opencv_core.CV_32F;
import static org.bytedeco.opencv.global.opencv_core.CV_8UC3;
import static org.bytedeco.opencv.global.opencv_core.setNumThreads;
import static org.bytedeco.opencv.global.opencv_dnn.NMSBoxesBatched;
import static org.bytedeco.opencv.global.opencv_dnn.blobFromImage;
import static org.bytedeco.opencv.global.opencv_dnn.readNetFromDarknet;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.MatVector;
import org.bytedeco.opencv.opencv_core.Rect2d;
import org.bytedeco.opencv.opencv_core.Rect2dVector;
import org.bytedeco.opencv.opencv_core.Scalar;
import org.bytedeco.opencv.opencv_core.Size;
import org.bytedeco.opencv.opencv_core.StringVector;
import org.bytedeco.opencv.opencv_dnn.Net;
import org.ondol.bench.Bench;
import org.ondol.models.detection.Detection;

/** OpenCV's detector for Darknet's files: its own resize, network, decoding and suppression, as its samples put them together. */
public final class OpenCvYolo implements AutoCloseable {
  /** Of a row: x, y, width and height as shares of the image, the objectness, and a score for each class. */
  private static final int FIRST_CLASS = 5;

  private final Net net;
  private final StringVector outputs;
  private final Size size;
  private final float threshold;
  private final float overlap;

  /** @param side of the network's image */
  public OpenCvYolo(Path description, Path weights, int side, double threshold, double overlap) {
    setNumThreads(Bench.threads());
    net = readNetFromDarknet(description.toString(), weights.toString());
    outputs = net.getUnconnectedOutLayersNames();
    size = new Size(side, side);
    this.threshold = (float) threshold;
    this.overlap = (float) overlap;
  }

  /** The boxes of an image, blue, green and red of each pixel, in no order. */
  public List<Detection> detect(byte[] bgr, int width, int height) {
    setNumThreads(Bench.threads());
    try (PointerScope scope = new PointerScope()) {
      Mat image = new Mat(height, width, CV_8UC3, new BytePointer(bgr));
      net.setInput(blobFromImage(image, 1.0 / 255, size, new Scalar(0, 0, 0, 0), true, false, CV_32F));
      MatVector heads = new MatVector();
      net.forward(heads, outputs);
      List<Detection> found = new ArrayList<>();
      for (long i = 0; i < heads.size(); i++) rows(heads.get(i), width, height, found);
      return suppressed(found);
    }
  }

  /** Boxes with the best of their classes. */
  private void rows(Mat head, int width, int height, List<Detection> found) {
    int columns = head.cols();
    float[] values = new float[head.rows() * columns];
    new FloatPointer(head.data()).get(values);
    for (int at = 0; at < values.length; at += columns) {
      if (!(values[at + FIRST_CLASS - 1] > threshold)) continue;
      int best = FIRST_CLASS;
      for (int c = FIRST_CLASS + 1; c < columns; c++) if (values[at + c] > values[at + best]) best = c;
      float score = values[at + best];
      if (!(score > threshold)) continue;
      float w = values[at + 2] * width;
      float h = values[at + 3] * height;
      float x = values[at] * width - w / 2;
      float y = values[at + 1] * height - h / 2;
      found.add(new Detection(best - FIRST_CLASS, score, x, y, x + w, y + h));
    }
  }

  private List<Detection> suppressed(List<Detection> found) {
    if (found.isEmpty()) return found;
    Rect2dVector boxes = new Rect2dVector(found.size());
    float[] scores = new float[found.size()];
    int[] labels = new int[found.size()];
    for (int i = 0; i < scores.length; i++) {
      Detection d = found.get(i);
      boxes.put(i, new Rect2d(d.x1(), d.y1(), d.x2() - d.x1(), d.y2() - d.y1()));
      scores[i] = d.score();
      labels[i] = d.label();
    }
    IntPointer kept = new IntPointer();
    NMSBoxesBatched(boxes, new FloatPointer(scores), new IntPointer(labels), threshold, overlap, kept);
    List<Detection> all = new ArrayList<>();
    for (long i = 0; i < kept.limit(); i++) all.add(found.get(kept.get(i)));
    return all;
  }

  @Override
  public void close() {
    outputs.close();
    net.close();
    size.close();
  }
}
