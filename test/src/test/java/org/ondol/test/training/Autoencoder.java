package org.ondol.test.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Clip;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Initializer.Fan;
import org.ondol.grad.Initializer.Layout;
import org.ondol.grad.Losses;
import org.ondol.grad.Maps;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.training.Checkpoint;
import org.ondol.ops.BatchNorm;
import org.ondol.ops.ConvGeometry;

/**
 * A training loop in small: a convolutional autoencoder of digits with everything that has a state (batch norm's
 * running statistics, dropout, a warming schedule, Adam, clipping), whose runs can be cut anywhere.
 */
public final class Autoencoder implements AutoCloseable {
  private static final int BATCH = 32;
  private static final long PIXELS = 28 * 28;
  private static final ConvGeometry HALF = ConvGeometry.UNIT.stride(2).padding(1);

  private final Device device;
  private final float[] images;
  private final Generator generator = new Generator(20);
  private final Parameters parameters = new Parameters();
  private final Optimizer optimizer;
  private long step;

  Autoencoder(Device device, float[] images) {
    this.device = device;
    this.images = images;
    Initializer conv = Initializer.heNormal(Layout.CONV, Fan.IN, 0);
    add("down1.weight", conv, 8, 1, 4, 4);
    add("down1.bias", Initializer.zeros(), 8);
    add("down2.weight", conv, 16, 8, 4, 4);
    add("norm.gamma", Initializer.constant(1), 16);
    add("norm.beta", Initializer.zeros(), 16);
    add("norm.mean", Initializer.zeros(), 16).freeze();
    add("norm.variance", Initializer.constant(1), 16).freeze();
    add("code.weight", Initializer.xavierUniform(Layout.MATRIX, 1), 784, 24);
    add("code.bias", Initializer.zeros(), 24);
    add("open.weight", Initializer.heUniform(Layout.MATRIX, Fan.IN, 0), 24, 784);
    add("open.bias", Initializer.zeros(), 784);
    add("up1.weight", Initializer.heNormal(Layout.DECONV, Fan.IN, 0), 16, 8, 4, 4);
    add("up2.weight", Initializer.heNormal(Layout.DECONV, Fan.IN, 0), 8, 1, 4, 4);
    add("up2.bias", Initializer.constant(-1), 1);
    optimizer = new Adam(parameters, Schedule.warmUp(5, Schedule.cosine(0.004, 0.0004, 200)), Adam.Options.ADAMW);
  }

  private Parameter add(String name, Initializer init, long... shape) {
    return parameters.add(name, init.create(device, generator, shape));
  }

  private Value p(Tape tape, String name) {
    return tape.parameter(parameters.get(name));
  }

  private Value logits(Tape tape, Value x) {
    Value h = Maps.conv(x, p(tape, "down1.weight"), p(tape, "down1.bias"), HALF).leakyRelu(0.1);
    BatchNorm.Running running = BatchNorm.Running.pytorch(parameters.get("norm.mean").tensor(),
        parameters.get("norm.variance").tensor(), 0.1);
    h = Maps.batchNorm(Maps.conv(h, p(tape, "down2.weight"), null, HALF), p(tape, "norm.gamma"), p(tape, "norm.beta"),
        1e-5, true,
        running);
    Value code = h.reshape(-1, 784).linear(p(tape, "code.weight"), p(tape, "code.bias")).dropout(0.1);
    Value open = code.linear(p(tape, "open.weight"), p(tape, "open.bias")).relu().reshape(-1, 16, 7, 7);
    return Maps.deconv(Maps.deconv(open, p(tape, "up1.weight"), null, HALF).relu(), p(tape, "up2.weight"),
        p(tape, "up2.bias"), HALF);
  }

  /** One step; its loss, in nats a pixel. */
  float step() {
    int[] order = generator.permutation((int) (images.length / PIXELS));
    float[] batch = new float[(int) (BATCH * PIXELS)];
    for (int i = 0; i < BATCH; i++) {
      System.arraycopy(images, (int) (order[i] * PIXELS), batch, (int) (i * PIXELS), (int) PIXELS);
    }
    float result;
    try (Scope scope = Scope.open(); Tape tape = Tape.open(generator)) {
      Value x = tape.constant(Tensor.of(device, batch, BATCH, 1, 28, 28));
      Value loss = Losses.bernoulli(logits(tape, x), x, Reduction.MEAN);
      tape.backward(loss);
      result = loss.item();
    }
    Clip.byNorm(parameters, 1);
    optimizer.step();
    parameters.clearGradients();
    step++;
    return result;
  }

  void save(Path file) {
    Checkpoint.save(file, parameters, optimizer, generator, step, Map.of("model", "autoencoder"));
  }

  void load(Path file) {
    step = Checkpoint.load(file, parameters, optimizer, generator).step();
  }

  /** A hash of all that training changes. */
  int bits() {
    int hash = Long.hashCode(generator.position());
    for (Parameter p : parameters) hash = 31 * hash + hash(p.tensor());
    for (Tensor t : optimizer.state().values()) hash = 31 * hash + hash(t);
    return hash;
  }

  private static int hash(Tensor t) {
    float[] values = t.toFloats();
    int[] raw = new int[values.length];
    Arrays.setAll(raw, i -> Float.floatToRawIntBits(values[i]));
    return Arrays.hashCode(raw);
  }

  long steps() {
    return step;
  }

  @Override
  public void close() {
    optimizer.close();
    parameters.close();
  }

  /**
   * Trains to a number of steps, going on from the checkpoint where there is one, and writes it after each step; for a
   * process of its own.
   */
  public static void run(String device, Path digits, int images, int steps, Path checkpoint) throws IOException {
    try (Autoencoder model = new Autoencoder(Device.of(device), Digits.read(digits, images))) {
      if (Files.exists(checkpoint)) model.load(checkpoint);
      System.out.println("from=" + model.steps());
      while (model.steps() < steps) {
        model.step();
        model.save(checkpoint);
        System.out.println("step " + model.steps());
      }
      System.out.println("bits=" + model.bits());
    }
  }
}
