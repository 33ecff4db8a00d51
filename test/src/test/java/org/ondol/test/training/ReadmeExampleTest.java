package org.ondol.test.training;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Adam;
import org.ondol.grad.Generator;
import org.ondol.grad.Initializer;
import org.ondol.grad.Losses;
import org.ondol.grad.Optimizer;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.grad.Reduction;
import org.ondol.grad.Schedule;
import org.ondol.grad.Tape;
import org.ondol.grad.Value;
import org.ondol.models.training.Checkpoint;
import org.ondol.test.support.TestDevices;

/** The training step of README.md, line by line, in a loop: two classes that a line can part. */
class ReadmeExampleTest {
  @TempDir
  Path folder;

  @Test
  void learns() {
    for (Device device : TestDevices.available()) {
      Generator random = new Generator(1);
      Parameters model = new Parameters();
      Parameter w = model.add("w",
          Initializer.xavierUniform(Initializer.Layout.MATRIX, 1).create(device, random, 784, 10));
      Parameter b = model.add("b", Initializer.zeros().create(device, random, 10));
      Optimizer adam = new Adam(model, Schedule.constant(0.01), Adam.Options.ADAM);
      float[] losses = new float[20];
      try (Tensor images = random.normal(device, 0, 1, 32, 784); Tensor labels = labels(device, images)) {
        for (int i = 0; i < losses.length; i++) {
          try (Scope scope = Scope.open(); Tape tape = Tape.open(random)) {
            Value logits = tape.constant(images).dropout(0.1).linear(tape.parameter(w), tape.parameter(b));
            Value loss = Losses.softmax(logits, labels, 1, Reduction.MEAN);
            tape.backward(loss);
            losses[i] = loss.item();
          }
          adam.step();
          model.clearGradients();
          Checkpoint.save(folder.resolve("digits.safetensors"), model, adam, random, adam.steps(), Map.of());
        }
      }
      assertTrue(losses[19] < losses[0] / 10, "from " + losses[0] + " to " + losses[19] + " on " + device);
      adam.close();
      model.close();
    }
  }

  private static Tensor labels(Device device, Tensor images) {
    float[] x = images.toFloats();
    long[] labels = new long[32];
    for (int i = 0; i < 32; i++) labels[i] = x[i * 784] > 0 ? 7 : 3;
    return Tensor.of(device, labels, 32);
  }
}
