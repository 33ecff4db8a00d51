package org.ondol.bench.stems;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Check;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxGraph;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.ops.RoiWarp;
import org.ondol.ops.Rois;

/**
 * Proposals of an image at the size that R-CNN's network takes, and their gradient. ONNX Runtime runs RoiAlign with one
 * sample a bin, which is the same function for boxes inside the image.
 */
public final class RoiWarpStem implements Stem<RoiWarpStem.Crops> {
  private final List<String> devices;

  public RoiWarpStem(List<String> devices) {
    this.devices = devices;
  }

  /** Boxes inside an image; coordinates are quarters, which float32 positions hold well. */
  public static final class Crops implements Case {
    final boolean gradient;
    final int rois, channels, height, width, out;
    private float[] boxes, from;

    Crops(boolean gradient, int rois, int channels, int height, int width, int out) {
      this.gradient = gradient;
      this.rois = rois;
      this.channels = channels;
      this.height = height;
      this.width = width;
      this.out = out;
    }

    @Override
    public String name() {
      return "%s%d boxes of %dx%dx%d to %dx%d".formatted(gradient ? "gradient of " : "", rois, channels, height, width, out, out);
    }

    @Override
    public double flops() {
      return 0;
    }

    /** Both maps, although one of them is written. */
    @Override
    public double bytes() {
      return 4.0 * channels * ((double) height * width + (double) rois * out * out);
    }

    @Override
    public boolean readBound() {
      return true;
    }

    float[] boxes() {
      if (boxes == null) {
        SplittableRandom random = new SplittableRandom(5);
        boxes = new float[4 * rois];
        for (int i = 0; i < boxes.length; i += 4) {
          for (int k = 0; k < 2; k++) {
            int size = 4 * (k == 0 ? width : height);
            int low = random.nextInt(size - 8);
            boxes[i + k] = low / 4f;
            boxes[i + k + 2] = (low + 4 + random.nextInt(size - low - 4)) / 4f;
          }
        }
      }
      return boxes;
    }

    /** The image, or dy. */
    float[] from() {
      int size = gradient ? rois * channels * out * out : channels * height * width;
      return from == null ? from = Inputs.normal(9, size) : from;
    }

    /** Where output j of box r lies along an axis (0: x), in pixels. */
    private double place(int r, int axis, int j) {
      double low = boxes()[4 * r + axis];
      double high = boxes()[4 * r + 2 + axis];
      return Math.clamp(low + (high - low) * (j + 0.5) / out - 0.5, 0, (axis == 0 ? width : height) - 1.0);
    }

    @Override
    public String check(Map<String, float[]> answer) {
      return gradient ? checkGradient(answer.get("dx")) : checkForward(answer.get("y"));
    }

    private String checkForward(float[] y) {
      for (int e = 0; e < y.length; e += 1 + y.length / 50_000) {
        int r = e / out / out / channels;
        double py = place(r, 1, e / out % out);
        double px = place(r, 0, e % out);
        int i = (int) Math.min(py, height - 2.0);
        int j = (int) Math.min(px, width - 2.0);
        int at = (e / out / out % channels * height + i) * width + j;
        double top = from()[at] + (px - j) * (from()[at + 1] - from()[at]);
        double bottom = from()[at + width] + (px - j) * (from()[at + width + 1] - from()[at + width]);
        String wrong = Check.within("y", e, top + (py - i) * (bottom - top), y[e], 1e-3);
        if (wrong != null) {
          return wrong;
        }
      }
      return null;
    }

    /** The gradient of a sum is a sum: as all weights of an output are 1 together, so is what arrives. */
    private String checkGradient(float[] dx) {
      double given = 0;
      double arrived = 0;
      double magnitude = 0;
      for (float d : from()) {
        given += d;
        magnitude += Math.abs(d);
      }
      for (float d : dx) {
        arrived += d;
      }
      return Check.within("sum of dx", 0, given, arrived, 1e-6 * magnitude);
    }
  }

  @Override
  public String name() {
    return "roiwarp";
  }

  @Override
  public List<Crops> cases() {
    return List.of(new Crops(false, 256, 3, 375, 500, 227), new Crops(false, 256, 3, 375, 500, 64),
        new Crops(false, 128, 256, 38, 50, 7), new Crops(true, 64, 3, 375, 500, 227));
  }

  @Override
  public List<Contender<Crops>> contenders(Crops c) {
    List<Contender<Crops>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (!c.gradient) {
      all.add(new Onnx());
    }
    return all;
  }

  private static final class Ondol extends OndolContender<Crops> {
    private Crops crops;
    private Rois rois;
    private Tensor boxes, from, result;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(Crops c) {
      crops = c;
      boxes = Tensor.of(device, c.boxes(), c.rois, 4);
      rois = Rois.of(boxes);
      from = c.gradient ? Tensor.of(device, c.from(), c.rois, c.channels, c.out, c.out)
          : Tensor.of(device, c.from(), 1, c.channels, c.height, c.width);
    }

    @Override
    public void run() {
      if (result != null) {
        result.close();
      }
      result = crops.gradient
          ? RoiWarp.backward(from, rois, new long[] {1, crops.channels, crops.height, crops.width}, RoiWarp.Options.DEFAULT)
          : RoiWarp.apply(from, rois, crops.out, crops.out, RoiWarp.Options.DEFAULT);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of(crops.gradient ? "dx" : "y", result.toFloats());
    }

    @Override
    public void close() {
      if (rois != null) {
        rois.close();
      }
      for (Tensor t : new Tensor[] {boxes, from, result}) {
        if (t != null) {
          t.close();
        }
      }
    }
  }

  private static final class Onnx implements Contender<Crops> {
    private OnnxSession session;
    private String output;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "RoiAlign";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(Crops c) throws Exception {
      OnnxGraph g = new OnnxGraph(16);
      long[] shape = {c.rois, c.channels, c.out, c.out};
      String x = g.input("x", 1, c.channels, c.height, c.width);
      String boxes = g.input("boxes", c.rois, 4);
      String images = g.input("images", TensorProto.DataType.INT64, c.rois);
      output = g.roiAlign(x, boxes, images, c.out, c.out);
      session = new OnnxSession(g.bytes(output, shape));
      session.input("x", c.from(), 1, c.channels, c.height, c.width).input("boxes", c.boxes(), c.rois, 4)
          .input("images", new long[c.rois], c.rois).output(output, shape);
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", session.result(output));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }
}
