package org.ondol.grad;

import java.util.Arrays;
import org.ondol.ClosedException;
import org.ondol.Tensor;
import org.ondol.ops.Elementwise.Op;
import org.ondol.ops.Reduce;

/**
 * A FLOAT32 tensor on a {@link Tape}, and what can be computed with it. Values are never changed. Their memory is the
 * tape's: a value is freed as soon as backward has passed it, unless it was kept.
 */
public final class Value {
  final Tape tape;
  final boolean needs;
  /** What made it, for messages. */
  private final String origin;
  private final Tensor tensor;
  private final long[] shape;
  boolean kept;

  // Of a backward pass.
  boolean wanted;
  Tensor gradient;
  /** Whether the gradient's memory is this value's alone. */
  boolean exclusive;

  /** @param needs whether a gradient may be asked for */
  Value(Tape tape, String origin, Tensor tensor, boolean needs) {
    this.tape = tape;
    this.origin = origin;
    this.tensor = tensor;
    this.shape = tensor.shape();
    this.needs = needs;
  }

  /** The tensor; it is closed by the tape. */
  public Tensor tensor() {
    if (tensor.isClosed()) {
      throw new ClosedException("the value of " + origin + " is freed; keep() saves it until the tape is closed");
    }
    return tensor;
  }

  /** The tape that it is on. */
  public Tape tape() {
    return tape;
  }

  /** Saves the value beyond backward, until the tape is closed. */
  public Value keep() {
    kept = true;
    return this;
  }

  /** Whether a gradient can pass: some parameter or variable led here. */
  public boolean needsGradient() {
    return needs;
  }

  /**
   * The gradient that backward found for a {@link Tape#variable}, open until the tape is closed; null where none
   * reached it.
   */
  public Tensor gradient() {
    return gradient;
  }

  public long[] shape() {
    return shape.clone();
  }

  public int rank() {
    return shape.length;
  }

  /** The size of a dimension, counted from the end where negative. */
  public long size(int dim) {
    return tensor.size(dim);
  }

  public long count() {
    return tensor.count();
  }

  /** The only element. */
  public float item() {
    return tensor().item();
  }

  /** The same numbers, through which no gradient passes. */
  public Value detach() {
    return tape.constant(tensor());
  }

  void dropGradient() {
    if (gradient != null) gradient.close();
    gradient = null;
    exclusive = false;
  }

  void free() {
    dropGradient();
    tensor.close();
  }

  @Override
  public String toString() {
    return origin + Arrays.toString(shape);
  }

  // ---- element by element

  /** Any unary operation without a constant; those that are gradients themselves have none. */
  public Value apply(Op op) {
    return ElementwiseGrad.unary(op, this, 0);
  }

  public Value neg() {
    return apply(Op.NEG);
  }

  /** |x|; its gradient at 0 is 0. */
  public Value abs() {
    return apply(Op.ABS);
  }

  public Value relu() {
    return apply(Op.RELU);
  }

  /** {@code x < 0 ? slope · x : x}, for a slope of 0 to 1. */
  public Value leakyRelu(double slope) {
    return ElementwiseGrad.leakyRelu(this, slope);
  }

  public Value gelu() {
    return apply(Op.GELU);
  }

  public Value sigmoid() {
    return apply(Op.SIGMOID);
  }

  public Value tanh() {
    return apply(Op.TANH);
  }

  public Value silu() {
    return apply(Op.SILU);
  }

  public Value exp() {
    return apply(Op.EXP);
  }

  public Value log() {
    return apply(Op.LOG);
  }

  public Value sqrt() {
    return apply(Op.SQRT);
  }

  public Value square() {
    return apply(Op.SQUARE);
  }

  public Value reciprocal() {
    return apply(Op.RECIPROCAL);
  }

  public Value scale(double factor) {
    return ElementwiseGrad.unary(Op.SCALE, this, factor);
  }

  public Value shift(double offset) {
    return ElementwiseGrad.unary(Op.SHIFT, this, offset);
  }

  /** Any binary operation without a constant, with NumPy's broadcasting. */
  public Value apply(Op op, Value y) {
    return ElementwiseGrad.binary(op, this, y, 0);
  }

  public Value add(Value y) {
    return apply(Op.ADD, y);
  }

  public Value sub(Value y) {
    return apply(Op.SUB, y);
  }

  public Value mul(Value y) {
    return apply(Op.MUL, y);
  }

  public Value div(Value y) {
    return apply(Op.DIV, y);
  }

  /** The greater; where both are equal the gradient is y's. */
  public Value max(Value y) {
    return apply(Op.MAX, y);
  }

  /** The smaller; where both are equal the gradient is y's. */
  public Value min(Value y) {
    return apply(Op.MIN, y);
  }

  /** fma(factor, this, y). */
  public Value axpy(double factor, Value y) {
    return ElementwiseGrad.binary(Op.AXPY, this, y, factor);
  }

  /** Drops elements with a probability and scales the others by 1 / (1 - probability); the tape's generator decides. */
  public Value dropout(double probability) {
    return ElementwiseGrad.dropout(this, probability);
  }

  // ---- products

  /** The matrix product of {@link org.ondol.ops.Gemm#matmul}. */
  public Value matmul(Value b) {
    return Products.matmul(this, b);
  }

  /**
   * this · weight + bias.
   *
   * @param weight [in, out]
   * @param bias [out], or null
   */
  public Value linear(Value weight, Value bias) {
    return Products.linear(this, weight, bias);
  }

  // ---- sums

  /** Sum, mean, maximum (equal maxima share the gradient evenly) or sum of squares over a dimension. */
  public Value reduce(Reduce.Op op, int dim, boolean keep) {
    return ReduceGrad.reduce(op, this, dim, keep);
  }

  /** The sum of a dimension, which disappears. */
  public Value sum(int dim) {
    return reduce(Reduce.Op.SUM, dim, false);
  }

  public Value mean(int dim) {
    return reduce(Reduce.Op.MEAN, dim, false);
  }

  /** The sum of all elements, as a tensor of rank 0. */
  public Value sum() {
    return flatten().sum(0);
  }

  /** The mean of all elements, as a tensor of rank 0. */
  public Value mean() {
    return flatten().mean(0);
  }

  /** Softmax over a dimension. */
  public Value softmax(int dim) {
    return ReduceGrad.softmax(this, dim, false);
  }

  public Value logSoftmax(int dim) {
    return ReduceGrad.softmax(this, dim, true);
  }

  // ---- views

  /** One dimension. */
  public Value flatten() {
    return reshape(-1);
  }

  public Value reshape(long... shape) {
    return Views.reshape(this, shape);
  }

  public Value transpose(int a, int b) {
    return Views.transpose(this, a, b);
  }

  public Value permute(int... order) {
    return Views.permute(this, order);
  }

  public Value slice(int dim, long from, long to) {
    return Views.slice(this, dim, from, to);
  }

  /** One index of a dimension, which disappears. */
  public Value select(int dim, long index) {
    return Views.select(this, dim, index);
  }

  public Value squeeze(int dim) {
    return Views.squeeze(this, dim);
  }

  public Value unsqueeze(int dim) {
    return Views.unsqueeze(this, dim);
  }

  /** Broadcast to a shape. */
  public Value expand(long... shape) {
    return Views.expand(this, shape);
  }

  /** Values one after the other along a dimension. */
  public static Value concat(int dim, Value... parts) {
    return Views.concat(dim, parts);
  }
}
