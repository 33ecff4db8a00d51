package org.ondol.models.layers;

import org.ondol.Device;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.ops.Activation;
import org.ondol.ops.Gemm;
import org.ondol.ops.PackedMatrix;

/** y = act(x W + b), with the weight packed once for the matrix product; some layers have no b. */
public final class Linear implements Layer {
  private final PackedMatrix weight;
  private final Tensor bias;
  private final Gemm.Epilogue epilogue;

  private Linear(PackedMatrix weight, Tensor bias) {
    this.weight = weight;
    this.bias = bias;
    this.epilogue = Gemm.Epilogue.bias(bias);
  }

  /**
   * Packs a copy of the parameters.
   *
   * @param weight [in, out]; a weight stored [out, in] is passed as its transpose
   * @param bias [out] on the weight's device; or null for none
   */
  public static Linear of(Tensor weight, Tensor bias) {
    try (Assembly parts = new Assembly()) {
      PackedMatrix packed = parts.add(PackedMatrix.of(weight));
      return parts.done(new Linear(packed, bias == null ? null : parts.add(Scope.detach(bias.copy()))));
    }
  }

  /** x W + b for x [..., in]. */
  public Tensor forward(Tensor x) {
    return Gemm.linear(x, weight, epilogue);
  }

  /** act(x W + b). */
  public Tensor forward(Tensor x, Activation activation) {
    return Gemm.linear(x, weight, epilogue.activation(activation));
  }

  /** x W + b + residual, the residual [..., out] being added while the product is stored. */
  public Tensor forward(Tensor x, Tensor residual) {
    return Gemm.linear(x, weight, epilogue.residual(residual));
  }

  /** Columns of x. */
  public long inputs() {
    return weight.rows();
  }

  /** Columns of the result. */
  public long outputs() {
    return weight.columns();
  }

  @Override
  public Device device() {
    return weight.device();
  }

  @Override
  public Linear to(Device device) {
    try (Assembly parts = new Assembly()) {
      PackedMatrix moved = parts.add(weight.to(device));
      return parts.done(new Linear(moved, bias == null ? null : parts.add(Scope.detach(bias.to(device)))));
    }
  }

  @Override
  public void close() {
    weight.close();
    if (bias != null) bias.close();
  }
}
