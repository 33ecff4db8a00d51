package org.ondol.bench.stems;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.ops.Nms;

/** Suppression as detectors want it, to one list of boxes. ONNX Runtime has no soft one. */
public final class NmsStem implements Stem<BoxCase> {
  private final List<String> devices;

  public NmsStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "nms";
  }

  @Override
  public List<BoxCase> cases() {
    return BoxCase.all();
  }

  @Override
  public List<Contender<BoxCase>> contenders(BoxCase c) {
    List<Contender<BoxCase>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (!c.soft()) {
      all.add(new Onnx());
    }
    return all;
  }

  private static final class Ondol extends OndolContender<BoxCase> {
    private BoxCase problem;
    private Tensor boxes, scores;
    private Nms.Result result;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(BoxCase c) {
      problem = c;
      boxes = Tensor.of(device, c.boxes(), 1, c.count, 4);
      scores = Tensor.of(device, c.scores(), 1, c.classes, c.count);
    }

    @Override
    public void run() {
      if (result != null) {
        result.close();
      }
      result = Nms.apply(boxes, scores, problem.options);
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("indices", integers(result.indices()), "scores", result.scores().toFloats());
    }

    @Override
    public void close() {
      for (AutoCloseable part : new AutoCloseable[] {boxes, scores, result}) {
        try {
          if (part != null) {
            part.close();
          }
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  /** As floats, which hold small integers exactly. */
  static float[] integers(Tensor t) {
    long[] longs = t.toLongs();
    float[] floats = new float[longs.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = longs[i];
    }
    return floats;
  }

  private static final class Onnx implements Contender<BoxCase> {
    private OnnxSession session;

    @Override
    public String name() {
      return "onnxruntime";
    }

    @Override
    public String variant() {
      return "";
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public void prepare(BoxCase c) throws Exception {
      boolean threshold = c.options.scoreThreshold() > Double.NEGATIVE_INFINITY;
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "NonMaxSuppression", 11).input("boxes", 1, c.count, 4)
          .input("scores", 1, c.classes, c.count).input("max", TensorProto.DataType.INT64, 1).input("iou", 1);
      if (threshold) {
        model.input("threshold", 1);
      }
      model.output("indices", TensorProto.DataType.INT64)
          .attribute("center_point_box", c.options.format() == Nms.Format.CENTER ? 1 : 0);
      session = new OnnxSession(model.bytes());
      session.input("boxes", c.boxes(), 1, c.count, 4).input("scores", c.scores(), 1, c.classes, c.count)
          .input("max", new long[] {c.options.maxPerClass()}, 1)
          .input("iou", new float[] {(float) c.options.iouThreshold()}, 1);
      if (threshold) {
        session.input("threshold", new float[] {(float) c.options.scoreThreshold()}, 1);
      }
      session.request("indices");
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("indices", session.integers("indices"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }
}
