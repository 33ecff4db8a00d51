package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.ondol.Tensor;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.bench.peers.OnnxModel;
import org.ondol.bench.peers.OnnxSession;
import org.ondol.bench.stems.RoiPoolCase.Kind;
import org.ondol.ops.Pool;
import org.ondol.ops.PsRoiPool;
import org.ondol.ops.Pyramid;
import org.ondol.ops.RoiPool;
import org.ondol.ops.Rois;
import org.ondol.ops.Spp;

/** Pooling of regions as detectors do it: Fast R-CNN, R-FCN, feature pyramids, and SPPNet's pyramids of grids. */
public final class RoiPoolStem implements Stem<RoiPoolCase> {
  private final List<String> devices;
  private final String name;

  /** @param name roipool or spp */
  public RoiPoolStem(List<String> devices, String name) {
    this.devices = devices;
    this.name = name;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public List<RoiPoolCase> cases() {
    if (name.equals("spp")) {
      return List.of(new RoiPoolCase(Kind.SPP, 256, 40, 30, 1, 2000, 1, 2, 3, 6));
    }
    return List.of(new RoiPoolCase(Kind.MAX, 512, 38, 50, 1, 300, 7), new RoiPoolCase(Kind.INDICES, 512, 38, 50, 1, 300, 7),
        new RoiPoolCase(Kind.GRADIENT, 512, 38, 50, 1, 300, 7), new RoiPoolCase(Kind.MAX, 256, 200, 304, 4, 1000, 7),
        new RoiPoolCase(Kind.SENSITIVE, 21 * 49, 38, 50, 1, 300, 7));
  }

  /** ONNX Runtime has maxima over one map. */
  @Override
  public List<Contender<RoiPoolCase>> contenders(RoiPoolCase c) {
    List<Contender<RoiPoolCase>> all = new ArrayList<>();
    for (String device : devices) {
      all.add(new Ondol(device));
    }
    if (c.kind == Kind.MAX && c.levels == 1) {
      all.add(new Onnx());
    }
    return all;
  }

  private static final class Ondol extends OndolContender<RoiPoolCase> {
    private RoiPoolCase c;
    private Pyramid maps;
    private Rois rois;
    private Tensor dy, y, indices;

    Ondol(String device) {
      super(device, "");
    }

    @Override
    protected void load(RoiPoolCase testCase) {
      c = testCase;
      List<Tensor> x = new ArrayList<>();
      List<Double> scales = new ArrayList<>();
      int[] on = new int[c.regions];
      for (int l = 0; l < c.levels; l++) {
        x.add(Tensor.of(device, c.x(l), c.shape(l)));
        scales.add(c.scale(l));
      }
      for (int r = 0; r < c.regions; r++) {
        on[r] = c.levels > 1 ? c.level(r) : 0;
      }
      maps = new Pyramid(x, scales);
      try (Tensor boxes = Tensor.of(device, c.boxes(), c.regions, 4); Rois plain = Rois.of(boxes);
          Tensor levels = Tensor.of(device, on, c.regions)) {
        rois = plain.onLevels(levels);
      }
      if (c.kind == Kind.GRADIENT) {
        dy = Tensor.of(device, c.dy(), c.regions, c.channels, c.bins[0], c.bins[0]);
        Pool.Max max = RoiPool.maxWithIndices(maps, rois, c.bins[0], c.bins[0]);
        max.y().close();
        indices = max.indices();
      }
    }

    @Override
    public void run() {
      close(y);
      switch (c.kind) {
        case MAX -> y = RoiPool.max(maps, rois, c.bins[0], c.bins[0]);
        case INDICES -> {
          close(indices);
          Pool.Max max = RoiPool.maxWithIndices(maps, rois, c.bins[0], c.bins[0]);
          y = max.y();
          indices = max.indices();
        }
        case GRADIENT -> y = RoiPool.maxBackward(dy, indices, rois, maps.shape()).get(0);
        case SENSITIVE -> y = PsRoiPool.apply(maps, rois, RoiPool.Rounding.RFCN, c.bins[0], c.bins[0]);
        case SPP -> y = Spp.apply(maps, rois, c.bins);
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of(c.kind == Kind.GRADIENT ? "dx" : "y", y.toFloats());
    }

    private static void close(Tensor... tensors) {
      for (Tensor t : tensors) {
        if (t != null) {
          t.close();
        }
      }
    }

    @Override
    public void close() {
      close(dy, y, indices);
      if (rois != null) {
        rois.close();
        maps.maps().forEach(Tensor::close);
      }
    }
  }

  private static final class Onnx implements Contender<RoiPoolCase> {
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
    public void prepare(RoiPoolCase c) throws Exception {
      float[] rows = new float[5 * c.regions];
      for (int r = 0; r < c.regions; r++) {
        System.arraycopy(c.boxes(), 4 * r, rows, 5 * r + 1, 4);
      }
      long[] y = {c.regions, c.channels, c.bins[0], c.bins[0]};
      OnnxModel model = new OnnxModel(OnnxModel.ONNX, "MaxRoiPool", 18).input("x", c.shape(0)).input("rois", c.regions, 5)
          .output("y", y).attribute("pooled_shape", new long[] {c.bins[0], c.bins[0]}).attribute("spatial_scale", (float) c.scale(0));
      session = new OnnxSession(model.bytes());
      session.input("x", c.x(0), c.shape(0)).input("rois", rows, c.regions, 5).output("y", y);
    }

    @Override
    public void run() throws Exception {
      session.run();
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("y", session.result("y"));
    }

    @Override
    public void close() throws Exception {
      if (session != null) {
        session.close();
      }
    }
  }
}
