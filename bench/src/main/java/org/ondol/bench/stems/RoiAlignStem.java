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
import org.ondol.ops.PsRoiAlign;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiAlign;
import org.ondol.ops.RoiAlign.Op;
import org.ondol.ops.Rois;

/** RoiAlign as two-stage detectors use it. ONNX Runtime takes a pyramid level by level, as exported detectors do. */
public final class RoiAlignStem implements Stem<RoiAlignCase> {
  private final List<String> devices;

  public RoiAlignStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "roialign";
  }

  @Override
  public List<RoiAlignCase> cases() {
    return List.of(new RoiAlignCase(Op.AVERAGE, 2, false, false, 256, 7, 512, 8), new RoiAlignCase(Op.AVERAGE, 2, true, false, 256, 7, 512, 8),
        new RoiAlignCase(Op.AVERAGE, 0, false, false, 256, 7, 512, 8), new RoiAlignCase(Op.AVERAGE, 2, false, false, 256, 7, 1000, 4, 8, 16, 32),
        new RoiAlignCase(Op.AVERAGE, 2, false, false, 256, 14, 100, 4, 8, 16, 32), new RoiAlignCase(Op.MAX, 2, false, false, 256, 7, 512, 8),
        new RoiAlignCase(Op.MAX_CORNERS, 2, false, false, 256, 7, 512, 8), new RoiAlignCase(Op.AVERAGE, 2, false, true, 490, 7, 300, 16));
  }

  @Override
  public List<Contender<RoiAlignCase>> contenders(RoiAlignCase c) {
    List<Contender<RoiAlignCase>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (!c.gradient && !c.positionSensitive && c.op != Op.MAX) {
      all.add(new Onnx());
    }
    return all;
  }

  private static final class Ondol extends OndolContender<RoiAlignCase> {
    private RoiAlignCase problem;
    private final List<Tensor> maps = new ArrayList<>();
    private Pyramid pyramid;
    private Rois rois;
    private Tensor dy;
    private Tensor result;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(RoiAlignCase c) {
      problem = c;
      List<Double> scales = new ArrayList<>();
      for (int l = 0; l < c.strides.length; l++) {
        maps.add(Tensor.of(device, c.x(l), c.shape(l)));
        scales.add(1.0 / c.strides[l]);
      }
      pyramid = new Pyramid(maps, scales);
      try (Tensor boxes = Tensor.of(device, c.boxes(), c.count, 4); Tensor levels = Tensor.of(device, c.levels(), c.count);
          Rois plain = Rois.of(boxes)) {
        rois = plain.onLevels(levels);
      }
      dy = c.gradient ? Tensor.of(device, c.dy(), c.resultShape()) : null;
    }

    @Override
    public void run() {
      if (result != null) {
        result.close();
      }
      RoiAlign.Options options = RoiAlign.Options.ALIGNED.op(problem.op).sampling(problem.sampling);
      if (problem.gradient) {
        result = RoiAlign.averageBackward(dy, rois, pyramid.shape(), options).getFirst();
      } else {
        result = problem.positionSensitive ? PsRoiAlign.apply(pyramid, rois, problem.bins, problem.bins, options)
            : RoiAlign.apply(pyramid, rois, problem.bins, problem.bins, options);
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of(problem.gradient ? "dx0" : "y", result.toFloats());
    }

    @Override
    public void close() {
      maps.forEach(Tensor::close);
      for (AutoCloseable c : new AutoCloseable[] {rois, dy, result}) {
        try {
          if (c != null) {
            c.close();
          }
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }
    }
  }

  private static final class Onnx implements Contender<RoiAlignCase> {
    private RoiAlignCase problem;
    private final List<OnnxSession> sessions = new ArrayList<>();
    private final List<int[]> regions = new ArrayList<>();

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
    public void prepare(RoiAlignCase c) throws Exception {
      problem = c;
      for (int l = 0; l < c.strides.length; l++) {
        int level = l;
        int[] mine = java.util.stream.IntStream.range(0, c.count).filter(r -> c.levels()[r] == level).toArray();
        long[] y = {mine.length, c.channels, c.bins, c.bins};
        OnnxModel model = new OnnxModel(OnnxModel.ONNX, "RoiAlign", 16).input("x", c.shape(l)).input("rois", mine.length, 4)
            .input("images", TensorProto.DataType.INT64, mine.length).output("y", y).attribute("output_height", c.bins)
            .attribute("output_width", c.bins).attribute("sampling_ratio", c.sampling).attribute("spatial_scale", 1f / c.strides[l])
            .attribute("mode", c.op == Op.AVERAGE ? "avg" : "max");
        float[] boxes = new float[4 * mine.length];
        for (int k = 0; k < mine.length; k++) {
          System.arraycopy(c.boxes(), 4 * mine[k], boxes, 4 * k, 4);
        }
        sessions.add(new OnnxSession(model.bytes()).input("x", c.x(l), c.shape(l)).input("rois", boxes, mine.length, 4)
            .input("images", new long[mine.length], mine.length).output("y", y));
        regions.add(mine);
      }
    }

    @Override
    public void run() throws Exception {
      for (OnnxSession session : sessions) {
        session.run();
      }
    }

    @Override
    public Map<String, float[]> result() {
      int size = problem.channels * problem.bins * problem.bins;
      float[] y = new float[problem.count * size];
      for (int l = 0; l < sessions.size(); l++) {
        float[] part = sessions.get(l).result("y");
        for (int k = 0; k < regions.get(l).length; k++) {
          System.arraycopy(part, k * size, y, regions.get(l)[k] * size, size);
        }
      }
      return Map.of("y", y);
    }

    @Override
    public void close() throws Exception {
      for (OnnxSession session : sessions) {
        session.close();
      }
    }
  }
}
