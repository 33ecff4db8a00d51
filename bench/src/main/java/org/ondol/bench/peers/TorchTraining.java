package org.ondol.bench.peers;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.optimizer.Adam;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** A model in training on libtorch: parameters by name, the layers that the cases need, gradients, Adam. */
public final class TorchTraining implements AutoCloseable {
  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final Map<String, NDArray> parameters = new LinkedHashMap<>();
  /** Names of those that are turned. */
  private final Set<String> matrices = new HashSet<>();
  private final Optimizer adam;
  private Model deconv;

  public TorchTraining(double rate, double beta1) {
    adam = Adam.builder().optLearningRateTracker(Tracker.fixed((float) rate)).optBeta1((float) beta1).optBeta2(0.999f)
        .optEpsilon(1e-8f).build();
  }

  public NDManager manager() {
    return manager;
  }

  /** A parameter that is trained. */
  public void add(String name, float[] values, long... shape) {
    NDArray p = manager.create(values, new Shape(shape));
    p.setRequiresGradient(true);
    parameters.put(name, p);
  }

  /** A weight [in, out], which libtorch wants as [out, in]. */
  public void addMatrix(String name, float[] values, long in, long out) {
    add(name, turn(values, in, out), out, in);
    matrices.add(name);
  }

  private static float[] turn(float[] values, long rows, long columns) {
    float[] turned = new float[values.length];
    for (int i = 0; i < values.length; i++) turned[(int) (i % columns * rows + i / columns)] = values[i];
    return turned;
  }

  public NDArray get(String name) {
    return parameters.get(name);
  }

  public NDArray linear(String layer, NDArray x) {
    return Linear.linear(x, get(layer + ".weight"), get(layer + ".bias")).singletonOrThrow();
  }

  public NDArray conv(String layer, NDArray x, int stride, int padding) {
    return conv(layer, get(layer + ".weight"), x, stride, padding);
  }

  /** A dense convolution with the layer's weight times a mask. */
  public NDArray maskedConv(String layer, NDArray mask, NDArray x, int padding) {
    return conv(layer, get(layer + ".weight").mul(mask), x, 1, padding);
  }

  private NDArray conv(String layer, NDArray weight, NDArray x, int stride, int padding) {
    return Conv2d.conv2d(x, weight, get(layer + ".bias"), new Shape(stride, stride), new Shape(padding, padding))
        .singletonOrThrow();
  }

  /** Of stride 2 and padding 1, through the module of one operator: DJL's engine for libtorch has none of its own. */
  public NDArray deconv(String layer, NDArray x) {
    NDArray weight = get(layer + ".weight");
    NDArray bias = get(layer + ".bias");
    if (bias == null) bias = manager.zeros(new Shape(weight.getShape().get(1)));
    return module().getBlock().forward(new ParameterStore(manager, false), new NDList(x, weight, bias), true)
        .singletonOrThrow();
  }

  private Model module() {
    if (deconv == null) {
      Path folder = Path.of(System.getProperty("ondol.bench.peers", "../shared/peers"));
      if (!Files.isReadable(folder.resolve("deconv_s2p1.pt"))) {
        throw new IllegalStateException("no deconv_s2p1.pt in " + folder + " (ONDOL_PEERS names the folder)");
      }
      try {
        deconv = Model.newInstance("deconv_s2p1", "PyTorch");
        deconv.load(folder, "deconv_s2p1");
      } catch (Exception e) {
        throw new IllegalStateException("cannot load deconv_s2p1.pt: " + e.getMessage(), e);
      }
    }
    return deconv;
  }

  /** With the statistics of the batch; the running ones move. */
  public NDArray batchNorm(String layer, NDArray x, double eps) {
    return BatchNorm.batchNorm(x, get(layer + ".mean"), get(layer + ".variance"), get(layer + ".gamma"),
        get(layer + ".beta"), 1, 0.9f, (float) eps, true).singletonOrThrow();
  }

  /** The cross-entropy of logits and targets, element by element: softplus(x) - x t. */
  public static NDArray bernoulli(NDArray logits, NDArray target) {
    return Activation.softPlus(logits).sub(logits.mul(target));
  }

  /**
   * Descends a loss with some of the parameters; no gradient is computed for the others.
   *
   * @param gradients takes the gradients by name; may be null
   */
  public float descend(String prefix, Map<String, float[]> gradients, Supplier<NDArray> loss) {
    List<String> chosen = new ArrayList<>();
    parameters.forEach((name, p) -> {
      boolean wanted = name.startsWith(prefix) && !name.endsWith(".mean") && !name.endsWith(".variance");
      if (wanted) chosen.add(name);
      if (p.hasGradient() != wanted) p.setRequiresGradient(wanted);
    });
    float value;
    try (NDScope scope = new NDScope(); // frees what the graph is made of
        GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
      NDArray l = loss.get();
      collector.backward(l);
      value = l.getFloat();
    }
    for (String name : chosen) {
      NDArray p = parameters.get(name);
      try (NDArray gradient = p.getGradient()) {
        if (gradients != null) gradients.put(name, values(name, gradient));
        adam.update(name, p, gradient); // and sets it to zero
      }
    }
    return value;
  }

  private float[] values(String name, NDArray gradient) {
    float[] values = gradient.toFloatArray();
    if (!matrices.contains(name)) return values;
    return turn(values, gradient.getShape().get(0), gradient.getShape().get(1));
  }

  @Override
  public void close() {
    if (deconv != null) deconv.close();
    manager.close();
  }
}
