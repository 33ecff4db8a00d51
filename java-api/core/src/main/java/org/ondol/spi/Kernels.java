package org.ondol.spi;

import org.ondol.Tensor;
import org.ondol.UnsupportedOnDeviceException;
import org.ondol.ops.Precision;

/**
 * The operations of one device. Arguments come from the contracts in {@link org.ondol.ops}: operands are open, on this
 * device, of checked shapes, strides and types, and are held open during the call. An implementation checks nothing
 * again. An operation that a device lacks throws; nothing falls back.
 */
public interface Kernels {
  /** The device's name, for messages. */
  String device();

  /** The device's memory. */
  Memory memory();

  /** Waits until everything that was queued on the device has run. */
  default void synchronize() {}

  /**
   * Records the calls that {@code body} makes on this thread instead of running them. Whatever the body throws ends the
   * recording and is passed on.
   *
   * <p>Memory that is allocated meanwhile belongs to the recording, and memory that the calls use stays allocated until it
   * is closed. Addresses, sizes and what is copied to the device are those of the recording at every later run.
   *
   * @param shift a contiguous INT64 tensor of three numbers, read at every run, by which the calls are moved: windows of conv
   *     by rows and columns, all operands of elementwise by elements; null for none
   * @return what runs the calls, or null from a device that has no such thing; then the body was not called
   */
  default Replay record(Tensor shift, Runnable body) {
    return null;
  }

  /**
   * Whether an operation takes this precision; EXACT every device has.
   *
   * @param op gemm, attention, attentionBackward, conv, maskedconv or deconv; the last three stand for their gradients too
   */
  default boolean computes(String op, Precision precision) {
    return precision == Precision.EXACT;
  }

  default void gemm(GemmArgs args) {
    throw new UnsupportedOnDeviceException("gemm", device());
  }

  default void attention(AttentionArgs args) {
    throw new UnsupportedOnDeviceException("attention", device());
  }

  default void attentionBackward(AttentionBackwardArgs args) {
    throw new UnsupportedOnDeviceException("attentionBackward", device());
  }

  default void softmax(SoftmaxArgs args) {
    throw new UnsupportedOnDeviceException("softmax", device());
  }

  default void softmaxBackward(SoftmaxBackwardArgs args) {
    throw new UnsupportedOnDeviceException("softmaxBackward", device());
  }

  default void layernorm(LayerNormArgs args) {
    throw new UnsupportedOnDeviceException("layernorm", device());
  }

  default void layernormBackward(LayerNormBackwardArgs args) {
    throw new UnsupportedOnDeviceException("layernormBackward", device());
  }

  default void elementwise(ElementwiseArgs args) {
    throw new UnsupportedOnDeviceException("elementwise", device());
  }

  default void cast(CastArgs args) {
    throw new UnsupportedOnDeviceException("cast", device());
  }

  default void reduce(ReduceArgs args) {
    throw new UnsupportedOnDeviceException("reduce", device());
  }

  default void embedding(EmbeddingArgs args) {
    throw new UnsupportedOnDeviceException("embedding", device());
  }

  default void embeddingBackward(EmbeddingBackwardArgs args) {
    throw new UnsupportedOnDeviceException("embeddingBackward", device());
  }

  default void conv(ConvArgs args) {
    throw new UnsupportedOnDeviceException("conv", device());
  }

  default void convweight(ConvWeightArgs args) {
    throw new UnsupportedOnDeviceException("convweight", device());
  }

  default void deconv(ConvArgs args) {
    throw new UnsupportedOnDeviceException("deconv", device());
  }

  default void winograd(ConvArgs args) {
    throw new UnsupportedOnDeviceException("winograd", device());
  }

  default void resize(ResizeArgs args) {
    throw new UnsupportedOnDeviceException("resize", device());
  }

  default void resizeBackward(ResizeBackwardArgs args) {
    throw new UnsupportedOnDeviceException("resizeBackward", device());
  }

  default void batchnorm(BatchNormArgs args) {
    throw new UnsupportedOnDeviceException("batchnorm", device());
  }

  default void batchnormBackward(BatchNormBackwardArgs args) {
    throw new UnsupportedOnDeviceException("batchnormBackward", device());
  }

  default void pool(PoolArgs args) {
    throw new UnsupportedOnDeviceException("pool", device());
  }

  default void poolBackward(PoolBackwardArgs args) {
    throw new UnsupportedOnDeviceException("poolBackward", device());
  }

  default void unpool(UnpoolArgs args) {
    throw new UnsupportedOnDeviceException("unpool", device());
  }

  default void unpoolBackward(UnpoolBackwardArgs args) {
    throw new UnsupportedOnDeviceException("unpoolBackward", device());
  }

  default void iou(IouArgs args) {
    throw new UnsupportedOnDeviceException("iou", device());
  }

  default void iouBackward(IouBackwardArgs args) {
    throw new UnsupportedOnDeviceException("iouBackward", device());
  }

  default void roiwarp(RoiWarpArgs args) {
    throw new UnsupportedOnDeviceException("roiwarp", device());
  }

  default void roiwarpBackward(RoiWarpBackwardArgs args) {
    throw new UnsupportedOnDeviceException("roiwarpBackward", device());
  }

  default void nms(NmsArgs args) {
    throw new UnsupportedOnDeviceException("nms", device());
  }

  default void topk(TopKArgs args) {
    throw new UnsupportedOnDeviceException("topk", device());
  }

  default void roialign(RoiAlignArgs args) {
    throw new UnsupportedOnDeviceException("roialign", device());
  }

  default void roialignBackward(RoiAlignBackwardArgs args) {
    throw new UnsupportedOnDeviceException("roialignBackward", device());
  }

  default void roipool(RoiPoolArgs args) {
    throw new UnsupportedOnDeviceException("roipool", device());
  }

  default void roipoolBackward(RoiPoolBackwardArgs args) {
    throw new UnsupportedOnDeviceException("roipoolBackward", device());
  }

  default void nade(NadeArgs args) {
    throw new UnsupportedOnDeviceException("nade", device());
  }

  default void nadeBackward(NadeBackwardArgs args) {
    throw new UnsupportedOnDeviceException("nadeBackward", device());
  }

  default void lstm(LstmArgs args) {
    throw new UnsupportedOnDeviceException("lstm", device());
  }

  default void lstmBackward(LstmBackwardArgs args) {
    throw new UnsupportedOnDeviceException("lstmBackward", device());
  }
}
