package org.ondol.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import me.tongfei.progressbar.ProgressBar;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.Threads;
import org.ondol.grad.Adam;
import org.ondol.grad.Clip;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.data.Size;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.detection.YoloV1;
import org.ondol.models.images.Picture;
import org.ondol.models.layers.Assembly;
import org.ondol.models.layers.Net;
import org.ondol.models.layers.Statistics;
import org.ondol.models.layers.Units;
import org.ondol.models.trunks.DarknetConfig;
import org.ondol.models.trunks.DarknetNet;
import org.ondol.ops.Elementwise;

/** YOLO's first version upon four convolutions, trained in seconds on {@link DrawnScene}s. */
final class DemoTraining {
  /** Of the pictures that the network sees. */
  static final int SIDE = 96;
  static final int STEPS = 450;
  static final int BATCH = 16;
  private static final double RATE = 0.002;
  private static final double CLIP = 10;
  private static final long SEED = 1;
  /** Cells along each side: what four strides of two leave. */
  private static final int GRID = SIDE / 16;

  private DemoTraining() {}

  private static YoloV1 model(Device device) {
    StringBuilder text = new StringBuilder("[net]\nwidth=" + SIDE + "\nheight=" + SIDE + "\nchannels=3\n");
    for (int filters : new int[] {16, 32, 64, 128}) {
      text.append("[convolutional]\nbatch_normalize=1\nfilters=" + filters
          + "\nsize=3\nstride=2\npad=1\nactivation=leaky\n");
    }
    try (Assembly parts = new Assembly()) {
      Units units = Units.of(parts.add(new Parameters()), "", device, new Generator(SEED));
      DarknetNet trunk = new DarknetNet(DarknetConfig.parse("the demo's trunk", text.toString()), units.under("trunk"));
      YoloV1.Options paper = YoloV1.Options.paper(DrawnScene.CLASSES.size());
      YoloV1.Options options = new YoloV1.Options(GRID, paper.boxes(), paper.classes(), paper.coordinates(), paper.noObject());
      return parts.done(new YoloV1(trunk, units, DrawnScene.CLASSES, new Size(SIDE, SIDE), options, 0));
    }
  }

  /** Trains one; every step sees pictures that no other step saw. */
  static YoloV1 run(Device device) {
    YoloV1 model = model(device);
    try (Adam adam = new Adam(model.parameters(), Schedule.cosine(RATE, 0, STEPS), Adam.Options.ADAM);
        ProgressBar bar = Bars.open("training", " steps", 0, STEPS)) {
      for (int step = 0; step < STEPS; step++) {
        double loss = step(model, step);
        Clip.byNorm(model.parameters(), CLIP);
        adam.step();
        model.parameters().clearGradients();
        if (bar != null) bar.step().setExtraMessage("loss %.3f".formatted(loss));
      }
      return model;
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  private static double step(YoloV1 model, long step) {
    int size = 3 * SIDE * SIDE;
    float[] values = new float[BATCH * size];
    DrawnScene[] scenes = new DrawnScene[BATCH];
    Threads.pool().run(BATCH, (begin, end, thread) -> {
      for (int i = (int) begin; i < end; i++) {
        scenes[i] = DrawnScene.random(new Random(step * BATCH + i));
        byte[] pixels = Picture.of(scenes[i].draw(SIDE)).planes();
        for (int k = 0; k < size; k++) values[i * size + k] = pixels[k] & 0xFF;
      }
    });
    List<List<LabelledBox>> truths = Arrays.stream(scenes).map(DrawnScene::boxes).toList();
    try (Scope scope = Scope.open(); Tape tape = Tape.open(new Generator(SEED))) {
      Tensor image = Elementwise.scale(Tensor.of(model.device(), values, BATCH, 3, SIDE, SIDE), 1.0 / 255);
      Net.OnTape net = new Net.OnTape(tape, Statistics.MOVING);
      Value loss = YoloV1.loss(model.options(), model.predictions(net, tape.constant(image)), truths);
      tape.backward(loss);
      return loss.item();
    }
  }

  /** The same model on another device. */
  static YoloV1 to(Device device, YoloV1 trained) {
    YoloV1 copy = model(device);
    try (Scope scope = Scope.open()) {
      for (Parameter p : trained.parameters()) copy.parameters().get(p.name()).assign(p.tensor().to(device));
      return copy;
    } catch (RuntimeException e) {
      copy.close();
      throw e;
    }
  }
}
