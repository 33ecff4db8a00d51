package org.ondol.bench.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.ondol.grad.Parameter;
import org.ondol.models.layers.ConvUnit;
import org.ondol.ops.Activation;
import org.ondol.ops.PoolGeometry;

/**
 * A network of Ondol's run by libtorch, operation by operation through DJL, as PyTorch itself runs a model. Its relus are
 * not in place, for DJL has no such ones.
 */
public final class TorchNet extends PeerNet<NDArray> implements AutoCloseable {
  /** The network. */
  public interface Model {
    NDArray of(TorchNet net, NDArray image);
  }

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final Map<Parameter, NDArray> parameters = new HashMap<>();
  private final Model model;
  private final NDArray image;
  private NDArray answer;

  public TorchNet(Model model, float[] image, long... shape) {
    this.model = model;
    this.image = manager.create(image, new Shape(shape));
  }

  public void run() {
    if (answer != null) answer.close();
    try (NDScope scope = new NDScope()) { // frees the maps in between
      answer = model.of(this, image);
      NDScope.unregister(answer);
    }
  }

  public float[] result() {
    return answer.toFloatArray();
  }

  private NDArray parameter(Parameter p, long... shape) {
    return parameters.computeIfAbsent(p, q -> {
      NDArray a = manager.create(q.tensor().toFloats(), new Shape(shape));
      NDScope.unregister(a);
      return a;
    });
  }

  @Override
  public NDArray conv(NDArray x, ConvUnit unit) {
    long[] w = unit.weight().tensor().shape();
    NDArray bias = parameter(unit.bias(), w[0]);
    var g = unit.geometry();
    boolean dense = x.getShape().dimension() == 2 || dense(unit, x.getShape().get(2), x.getShape().get(3));
    NDList y = dense
        ? Linear.linear(x.reshape(x.getShape().get(0), -1), parameter(unit.weight(), w[0], w[1] * w[2] * w[3]), bias)
        : Conv2d.conv2d(x, parameter(unit.weight(), w), bias, new Shape(g.strideH(), g.strideW()),
            new Shape(g.padTop(), g.padLeft()), new Shape(g.dilationH(), g.dilationW()), (int) g.groups());
    if (unit.activation() == Activation.NONE) return y.singletonOrThrow();
    try (NDArray sum = y.singletonOrThrow()) {
      return ai.djl.nn.Activation.relu(sum);
    }
  }

  @Override
  public NDArray maxPool(NDArray x, PoolGeometry g) {
    return Pool.maxPool2d(x, new Shape(g.kernelH(), g.kernelW()), new Shape(g.strideH(), g.strideW()),
        new Shape(g.padTop(), g.padLeft()), g.ceil());
  }

  @Override
  public NDArray globalAverage(NDArray x) {
    return Pool.globalAvgPool2d(x);
  }

  @Override
  public NDArray concat(List<NDArray> maps) {
    return NDArrays.concat(new NDList(maps), 1);
  }

  @Override
  public long size(NDArray x, int dim) {
    return x.getShape().get(dim < 0 ? dim + 4 : dim);
  }

  @Override
  public void close() {
    manager.close();
  }
}
