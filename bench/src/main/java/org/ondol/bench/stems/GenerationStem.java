package org.ondol.bench.stems;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.bench.Case;
import org.ondol.bench.Contender;
import org.ondol.bench.OndolContender;
import org.ondol.bench.Stem;
import org.ondol.grad.Generator;
import org.ondol.grad.Tape;
import org.ondol.models.autoregressive.Canvas;
import org.ondol.models.autoregressive.GatedPixelCnn;
import org.ondol.models.autoregressive.PixelCnn;
import org.ondol.models.autoregressive.PixelModel;
import org.ondol.models.autoregressive.PixelRnn;
import org.ondol.ops.Elementwise;

/**
 * Images of zeros and ones drawn from the models of pixels with first weights, beside a full pass of the same model for every
 * pixel. All passes cost the same, so one is timed and counted as often as there are pixels.
 */
public final class GenerationStem implements Stem<GenerationStem.Model> {
  private static final Canvas CANVAS = Canvas.of(1, 28, 28, 2);
  private static final int PIXELS = 28 * 28;
  private static final long SEED = 7;
  /** Images of a full pass that are computed at once: their maps stay in the caches. */
  private static final int PART = 10;

  private interface Maker {
    PixelModel make(Device device, Generator random);
  }

  /** A model and how many images it draws. */
  public static final class Model implements Case {
    final String model;
    final int batch;
    final Maker maker;
    private float[] agreed;

    Model(String model, int batch, Maker maker) {
      this.model = model;
      this.batch = batch;
      this.maker = maker;
    }

    @Override
    public String name() {
      return "%s, N%d 28x28".formatted(model, batch);
    }

    @Override
    public double flops() {
      return 0;
    }

    @Override
    public double bytes() {
      return 0;
    }

    /** Every contender draws the same images; a full pass says what it would have drawn at each pixel. */
    @Override
    public String check(Map<String, float[]> answer) {
      float[] images = answer.get("images");
      if (agreed == null) agreed = images;
      return Arrays.equals(agreed, images) ? null : "other images than those of the contender before";
    }
  }

  private final List<String> devices;

  public GenerationStem(List<String> devices) {
    this.devices = devices;
  }

  @Override
  public String name() {
    return "generation";
  }

  @Override
  public List<Model> cases() {
    return List.of(
        new Model("PixelCNN, 12 blocks of 32", 100, (d, r) -> new PixelCnn(d, CANVAS, 12, 32, 64, r)),
        new Model("gated PixelCNN, 7 layers of 32", 100,
            (d, r) -> new GatedPixelCnn(d, CANVAS, 32, new int[] {1, 2, 1, 4, 1, 2, 1}, r)),
        new Model("Row LSTM, 2 layers of 32", 100, (d, r) -> new PixelRnn(d, CANVAS, PixelRnn.Kind.ROW, 2, 64, 32, 64, r)),
        new Model("Diagonal BiLSTM, 2 layers of 32", 100,
            (d, r) -> new PixelRnn(d, CANVAS, PixelRnn.Kind.DIAGONAL, 2, 64, 32, 64, r)));
  }

  @Override
  public List<Contender<Model>> contenders(Model c) {
    List<Contender<Model>> all = new ArrayList<>();
    devices.forEach(device -> all.add(new Drawing(device)));
    devices.forEach(device -> all.add(new FullPasses(device)));
    return all;
  }

  private static final class Drawing extends OndolContender<Model> {
    private Model c;
    private PixelModel model;
    private float[] images;

    Drawing(String device) {
      super(device, "");
    }

    @Override
    protected void load(Model c) {
      this.c = c;
      model = c.maker.make(device, new Generator(SEED));
    }

    @Override
    public void run() {
      try (Tensor drawn = model.sample(c.batch, new Generator(SEED))) {
        images = drawn.toFloats();
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("images", images);
    }

    @Override
    public boolean comparable(Contender<Model> peer) {
      return peer.name().equals(name());
    }

    @Override
    public void close() {
      if (model != null) model.close();
    }
  }

  /** One pass over the finished images: by causality it gives every pixel what the pass before that pixel gave. */
  private static final class FullPasses implements Contender<Model> {
    private final String deviceName;
    private Model c;
    private PixelModel model;
    private Tensor images;
    private float[] uniform;
    private float[] implied;

    FullPasses(String device) {
      deviceName = device;
    }

    @Override
    public String name() {
      return deviceName;
    }

    @Override
    public String variant() {
      return "one pass timed, x " + PIXELS;
    }

    @Override
    public boolean peer() {
      return true;
    }

    @Override
    public long repetitions() {
      return PIXELS;
    }

    @Override
    public void prepare(Model c) {
      this.c = c;
      Device device = Device.of(deviceName);
      model = c.maker.make(device, new Generator(SEED));
      images = Scope.detach(model.sample(c.batch, new Generator(SEED)));
      implied = new float[c.batch * PIXELS];
      try (Scope scope = Scope.open()) {
        uniform = new Generator(SEED).uniform(Device.of("java"), 0, 1, c.batch, PIXELS).toFloats();
      }
      run();
    }

    @Override
    public void run() {
      for (int from = 0; from < c.batch; from += PART) {
        try (Scope scope = Scope.open(); Tape tape = Tape.open()) {
          Tensor part = images.slice(0, from, Math.min(c.batch, from + PART));
          Tensor logits = tape.frozen(() -> model.logits(tape, part)).tensor();
          float[] p = Elementwise.sigmoid(logits).toFloats();
          for (int i = 0; i < p.length; i++) {
            int at = from * PIXELS + i;
            implied[at] = uniform[at] < p[i] ? 1 : 0;
          }
        }
      }
    }

    @Override
    public Map<String, float[]> result() {
      return Map.of("images", implied.clone());
    }

    @Override
    public void close() {
      if (images != null) images.close();
      if (model != null) model.close();
    }
  }
}
