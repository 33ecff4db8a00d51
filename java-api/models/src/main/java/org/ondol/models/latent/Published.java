package org.ondol.models.latent;

import java.util.List;
import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.grad.Generator;
import org.ondol.grad.Parameter;
import org.ondol.grad.Parameters;
import org.ondol.models.layers.Assembly;
import org.ondol.models.weights.Weights;

/** Models with weights that others trained and published, read into the parameters of the classes here. */
public final class Published {
  /** The sizes of {@link #houseNumbers}. */
  public static final Dcgan.Sizes HOUSE_NUMBERS = new Dcgan.Sizes(3, 32, 3, 64, 0, 100, 1e-8);

  private static final String WEIGHT = ".weight";

  private Published() {}

  /**
   * A variational autoencoder as PyTorch's example defines it (pytorch/examples, vae): 784 pixels, 400 relus on each
   * side, 20 latents, linear layers fc1 (encoder), fc21 and fc22 (mean and logarithm of the variance), fc3 and fc4
   * (decoder), weights [out, in].
   */
  public static Vae vae(Weights weights, Device device) {
    Vae model = Vae.dense(device, 784, 1, 400, 20, true, new Generator(0));
    return filled(model, () -> vae(weights, model.parameters()));
  }

  /** The same into the parameters of such an autoencoder. */
  public static void vae(Weights weights, Parameters parameters) {
    try (Scope scope = Scope.open()) {
      linear(parameters, weights, "fc1", "encoder.hidden1");
      linear(parameters, weights, "fc21", "posterior.mean");
      linear(parameters, weights, "fc22", "posterior.variance");
      linear(parameters, weights, "fc3", "decoder.hidden1");
      linear(parameters, weights, "fc4", "decoder.pixels");
    }
  }

  private static void linear(Parameters parameters, Weights weights, String theirs, String ours) {
    Parameter w = parameters.get(ours + WEIGHT);
    Parameter b = parameters.get(ours + ".bias");
    long[] shape = w.tensor().shape();
    Device device = w.tensor().device();
    w.assign(weights.tensor(theirs + WEIGHT, device, shape[1], shape[0]).transpose(0, 1));
    b.assign(weights.tensor(theirs + ".bias", device, b.tensor().shape()));
  }

  /**
   * The DCGAN of house numbers that its authors published (Newmu/dcgan_code): 3 x 32 x 32 pixels, 100 codes, three
   * layers. Their convolutions were ones in the strict sense, so every filter is turned by half a turn; their batch
   * norm knows only {@link org.ondol.models.layers.Statistics#BATCH}.
   *
   * @param generator fc, bn0 to bn2, deconv1 to deconv3
   * @param discriminator conv1 to conv3, bn2, bn3, fc
   */
  public static Dcgan houseNumbers(Weights generator, Weights discriminator, Device device) {
    Dcgan model = new Dcgan(device, HOUSE_NUMBERS, new Generator(0));
    return filled(model, () -> houseNumbers(generator, discriminator, model.parameters()));
  }

  /** The same into the parameters of such nets; running statistics stay as they are. */
  public static void houseNumbers(Weights generator, Weights discriminator, Parameters parameters) {
    try (Scope scope = Scope.open()) {
      for (Parameter p : parameters) {
        if (!p.trainable()) continue;
        boolean first = p.name().startsWith(Adversaries.GENERATOR);
        String name = p.name().substring(p.name().indexOf('.') + 1);
        Tensor t = (first ? generator : discriminator).tensor(name, p.tensor().device(), p.tensor().shape());
        p.assign(t.rank() == 4 ? turned(t) : t);
      }
    }
  }

  /** Filters [.., .., h, w] with rows and columns in reverse. */
  private static Tensor turned(Tensor filters) {
    float[] from = filters.toFloats();
    float[] to = new float[from.length];
    int n = (int) (filters.size(2) * filters.size(3));
    for (int i = 0; i < from.length; i++) to[i / n * n + n - 1 - i % n] = from[i];
    return Tensor.of(filters.device(), to, filters.shape());
  }

  /** Fills a model; closes it where that fails. */
  private static <T extends AutoCloseable> T filled(T model, Runnable fill) {
    boolean done = false;
    try {
      fill.run();
      done = true;
      return model;
    } finally {
      if (!done) Assembly.closeAll(List.of(model));
    }
  }
}
