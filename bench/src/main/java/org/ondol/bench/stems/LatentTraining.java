package org.ondol.bench.stems;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.bench.peers.TorchTraining;
import org.ondol.grad.Generator;
import org.ondol.grad.Tape;
import org.ondol.models.latent.Adversaries;
import org.ondol.models.latent.Dcgan;
import org.ondol.models.latent.Vae;

/** Steps of latent-variable models of digits' size: dense and convolutional VAE, DCGAN. */
final class LatentTraining {
  private static final int SIDE = 28;
  private static final int PIXELS = SIDE * SIDE;
  private static final int LATENTS = 50;
  private static final int CODES = 100;
  private static final double RATE = 1e-3;
  /** Of the DCGAN, as its authors set it. */
  private static final double SLOW = 2e-4;
  private static final double EPS = 1e-5;

  private LatentTraining() {}

  // ---- VAE

  static TrainingCase vae(String kind, int batch) {
    Function<Device, Vae> model = device -> kind.equals("dense")
        ? Vae.dense(device, PIXELS, 2, 200, LATENTS, false, new Generator(1))
        : Vae.conv(device, new long[] {1, SIDE, SIDE}, 16, 200, LATENTS, new Generator(1));
    String name = kind + " VAE, " + (kind.equals("dense") ? "200-200-50" : "16-32 maps, 200-50") + ", batch " + batch;
    return new TrainingCase(name, batch * LATENTS, device -> new OurVae(model.apply(device), batch),
        () -> new TorchVae(kind.equals("dense"), model, batch));
  }

  private static final class OurVae implements TrainingCase.Steps {
    private final Vae model;
    private final OndolTraining training;
    private final Tensor x;

    OurVae(Vae model, int batch) {
      this.model = model;
      training = new OndolTraining(model.parameters(), RATE, 0.9);
      x = Scope.detach(Tensor.of(model.device(), Inputs.blots(batch, PIXELS), batch, PIXELS));
    }

    @Override
    public float[] step(float[] noise, Map<String, float[]> gradients) {
      try (Scope scope = Scope.open()) {
        return new float[] {training.descend("", gradients, tape -> {
          Vae.Terms terms = noise == null ? model.bound(tape, x)
              : model.bound(tape, x, Tensor.of(model.device(), noise, x.size(0), LATENTS));
          return terms.loss(1);
        })};
      }
    }

    @Override
    public void close() {
      x.close();
      training.close();
      model.close();
    }
  }

  private static final class TorchVae implements TrainingCase.Steps {
    private final TorchTraining net = new TorchTraining(RATE, 0.9);
    private final boolean dense;
    private final int batch;
    private final NDArray x;

    TorchVae(boolean dense, Function<Device, Vae> model, int batch) {
      this.dense = dense;
      this.batch = batch;
      try (Vae ours = model.apply(Device.of("java"))) {
        OndolTraining.copy(ours.parameters(), net);
      }
      x = net.manager().create(Inputs.blots(batch, PIXELS), new Shape(batch, PIXELS));
    }

    private NDArray encode() {
      if (dense) return net.linear("encoder.hidden2", net.linear("encoder.hidden1", x).tanh()).tanh();
      NDArray h = Activation.relu(net.conv("encoder.conv1", x.reshape(batch, 1, SIDE, SIDE), 2, 1));
      h = Activation.relu(net.conv("encoder.conv2", h, 2, 1)).reshape(batch, -1);
      return Activation.relu(net.linear("encoder.hidden", h));
    }

    private NDArray decode(NDArray z) {
      if (dense) {
        NDArray h = net.linear("decoder.hidden2", net.linear("decoder.hidden1", z).tanh()).tanh();
        return net.linear("decoder.pixels", h);
      }
      NDArray h = Activation.relu(net.linear("decoder.hidden", z)).reshape(batch, 32, SIDE / 4, SIDE / 4);
      h = Activation.relu(net.deconv("decoder.deconv1", h));
      return net.deconv("decoder.deconv2", h).reshape(batch, PIXELS);
    }

    @Override
    public float[] step(float[] noise, Map<String, float[]> gradients) {
      return new float[] {net.descend("", gradients, () -> {
        NDArray h = encode();
        NDArray m = net.linear("posterior.mean", h);
        NDArray s = net.linear("posterior.variance", h);
        Shape shape = new Shape(batch, LATENTS);
        NDArray eps = noise == null ? net.manager().randomNormal(shape) : net.manager().create(noise, shape);
        NDArray logits = decode(s.mul(0.5f).exp().mul(eps).add(m));
        NDArray divergence = m.square().add(s.exp()).sub(1).sub(s).sum().mul(0.5f);
        return TorchTraining.bernoulli(logits, x).sum().add(divergence).mul(1f / batch);
      })};
    }

    @Override
    public void close() {
      net.close();
    }
  }

  // ---- DCGAN

  static TrainingCase dcgan(int batch, int width) {
    Dcgan.Sizes sizes = new Dcgan.Sizes(1, SIDE, 2, width, 0, CODES, EPS);
    return new TrainingCase("DCGAN 28x28, " + width + "-" + 2 * width + " maps, batch " + batch + ", both nets",
        2 * batch * CODES, device -> new OurDcgan(new Dcgan(device, sizes, new Generator(1)), batch),
        () -> new TorchDcgan(sizes, batch));
  }

  private static float[] signed(int batch) {
    float[] x = Inputs.blots(batch, PIXELS);
    for (int i = 0; i < x.length; i++) x[i] = 2 * x[i] - 1;
    return x;
  }

  private static float[] half(float[] noise, int which) {
    return Arrays.copyOfRange(noise, which * noise.length / 2, (which + 1) * noise.length / 2);
  }

  private static final class OurDcgan implements TrainingCase.Steps {
    private final Dcgan model;
    private final OndolTraining training;
    private final int batch;
    private final Tensor real;

    OurDcgan(Dcgan model, int batch) {
      this.model = model;
      this.batch = batch;
      training = new OndolTraining(model.parameters(), SLOW, 0.5);
      real = Scope.detach(Tensor.of(model.device(), signed(batch), batch, 1, SIDE, SIDE));
    }

    private Tensor codes(Tape tape, float[] noise, int which) {
      return noise == null ? model.codes(batch, tape.generator())
          : Tensor.of(model.device(), half(noise, which), batch, CODES);
    }

    @Override
    public float[] step(float[] noise, Map<String, float[]> gradients) {
      try (Scope scope = Scope.open()) {
        float d = training.descend(Adversaries.DISCRIMINATOR, gradients,
            tape -> model.discriminatorLoss(tape, real, codes(tape, noise, 0), 1));
        float g = training.descend(Adversaries.GENERATOR, gradients,
            tape -> model.generatorLoss(tape, codes(tape, noise, 1)));
        return new float[] {d, g};
      }
    }

    @Override
    public void close() {
      real.close();
      training.close();
      model.close();
    }
  }

  private static final class TorchDcgan implements TrainingCase.Steps {
    private final TorchTraining net = new TorchTraining(SLOW, 0.5);
    private final Dcgan.Sizes sizes;
    private final int batch;
    private final NDArray real;

    TorchDcgan(Dcgan.Sizes sizes, int batch) {
      this.sizes = sizes;
      this.batch = batch;
      try (Dcgan ours = new Dcgan(Device.of("java"), sizes, new Generator(1))) {
        OndolTraining.copy(ours.parameters(), net);
      }
      real = net.manager().create(signed(batch), new Shape(batch, 1, SIDE, SIDE));
    }

    /** Of padding 2 and output padding 1: that of padding 1 without its first row and column. */
    private NDArray up(String layer, NDArray x) {
      return net.deconv(layer, x).get(new NDIndex(":, :, 1:, 1:"));
    }

    private NDArray generate(NDArray z) {
      NDArray h = net.linear("generator.fc", z);
      h = Activation.relu(net.batchNorm("generator.bn0", h, EPS))
          .reshape(batch, 2L * sizes.width(), SIDE / 4, SIDE / 4);
      h = Activation.relu(net.batchNorm("generator.bn1", up("generator.deconv1", h), EPS));
      return up("generator.deconv2", h).tanh();
    }

    private NDArray judge(NDArray x) {
      NDArray h = Activation.leakyRelu(net.conv("discriminator.conv1", x, 2, 2), 0.2f);
      h = Activation.leakyRelu(net.batchNorm("discriminator.bn2", net.conv("discriminator.conv2", h, 2, 2), EPS), 0.2f);
      return net.linear("discriminator.fc", h.reshape(batch, -1));
    }

    private NDArray codes(float[] noise, int which) {
      Shape shape = new Shape(batch, CODES);
      return noise == null ? net.manager().randomNormal(shape) : net.manager().create(half(noise, which), shape);
    }

    @Override
    public float[] step(float[] noise, Map<String, float[]> gradients) {
      float d = net.descend(Adversaries.DISCRIMINATOR, gradients, () -> {
        NDArray fake = generate(codes(noise, 0)); // no parameter of the generator asks for a gradient
        return Activation.softPlus(judge(real).neg()).mean().add(Activation.softPlus(judge(fake)).mean());
      });
      float g = net.descend(Adversaries.GENERATOR, gradients, () ->
          Activation.softPlus(judge(generate(codes(noise, 1))).neg()).mean());
      return new float[] {d, g};
    }

    @Override
    public void close() {
      net.close();
    }
  }
}
