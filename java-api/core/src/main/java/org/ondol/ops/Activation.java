package org.ondol.ops;

/** Activations that a matrix product or a layer can apply while it stores. The order is the C ABI's. */
public enum Activation {
  NONE, RELU, GELU, GELU_TANH, SIGMOID, TANH, SILU
}
