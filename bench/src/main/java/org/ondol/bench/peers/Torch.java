package org.ondol.bench.peers;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import org.ondol.bench.Contender.Unavailable;

/** libtorch through DJL: an operation, which may be a TorchScript module of one operator, and its operands. */
public final class Torch implements AutoCloseable {
  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final NDList inputs = new NDList();
  private final Operation operation;
  private final Model model;
  private NDList outputs = new NDList();

  private interface Operation {
    NDList apply(NDList inputs);
  }

  private Torch(Operation operation, Model model) {
    this.operation = operation;
    this.model = model;
  }

  /** An operation of the engine itself. */
  public static Torch operation(Function<NDList, NDArray> operation) {
    return new Torch(inputs -> new NDList(operation.apply(inputs)), null);
  }

  /** Loads {@code module}.pt; one that differentiates needs {@code gradient}. */
  public static Torch module(String module, boolean gradient) throws Exception {
    Path folder = Path.of(System.getProperty("ondol.bench.peers", "../shared/peers"));
    if (!Files.isReadable(folder.resolve(module + ".pt"))) {
      throw new Unavailable("no %s.pt in %s (ONDOL_PEERS names the folder)".formatted(module, folder.normalize()));
    }
    Model model = Model.newInstance(module, "PyTorch");
    model.load(folder, module);
    ParameterStore parameters = new ParameterStore(model.getNDManager(), false);
    return new Torch(inputs -> {
      if (!gradient) {
        return model.getBlock().forward(parameters, inputs, false);
      }
      try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
        return model.getBlock().forward(parameters, inputs, true);
      }
    }, model);
  }

  /** The gradient of the operation's first operand from that of its result, which is the last input. */
  public static Torch gradient(Function<NDList, NDArray> operation) {
    return new Torch(inputs -> {
      NDArray x = inputs.getFirst();
      x.setRequiresGradient(true);
      // Opening the collector clears the gradient of the run before.
      try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector();
          NDArray y = operation.apply(inputs)) {
        JniUtils.backward((PtNDArray) y, (PtNDArray) inputs.getLast(), false, false);
        return new NDList(x.getGradient());
      }
    }, null);
  }

  public Torch input(float[] data, long... shape) {
    inputs.add(manager.create(data, new Shape(shape)));
    return this;
  }

  public void run() {
    outputs.close();
    outputs = operation.apply(inputs);
  }

  public float[] result() {
    return outputs.getFirst().toFloatArray();
  }

  @Override
  public void close() {
    outputs.close();
    inputs.close();
    if (model != null) {
      model.close();
    }
    manager.close();
  }
}
