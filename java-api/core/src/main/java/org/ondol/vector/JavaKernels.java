package org.ondol.vector;

import org.ondol.HostMemory;
import org.ondol.spi.AttentionArgs;
import org.ondol.spi.AttentionBackwardArgs;
import org.ondol.spi.BatchNormArgs;
import org.ondol.spi.BatchNormBackwardArgs;
import org.ondol.spi.CastArgs;
import org.ondol.spi.ConvArgs;
import org.ondol.spi.ConvWeightArgs;
import org.ondol.spi.ElementwiseArgs;
import org.ondol.spi.EmbeddingArgs;
import org.ondol.spi.EmbeddingBackwardArgs;
import org.ondol.spi.GemmArgs;
import org.ondol.spi.IouArgs;
import org.ondol.spi.IouBackwardArgs;
import org.ondol.spi.Kernels;
import org.ondol.spi.LayerNormArgs;
import org.ondol.spi.LayerNormBackwardArgs;
import org.ondol.spi.LstmArgs;
import org.ondol.spi.LstmBackwardArgs;
import org.ondol.spi.Memory;
import org.ondol.spi.NadeArgs;
import org.ondol.spi.NadeBackwardArgs;
import org.ondol.spi.NmsArgs;
import org.ondol.spi.PoolArgs;
import org.ondol.spi.PoolBackwardArgs;
import org.ondol.spi.ReduceArgs;
import org.ondol.spi.ResizeArgs;
import org.ondol.spi.ResizeBackwardArgs;
import org.ondol.spi.RoiWarpArgs;
import org.ondol.spi.RoiWarpBackwardArgs;
import org.ondol.spi.RoiAlignArgs;
import org.ondol.spi.RoiAlignBackwardArgs;
import org.ondol.spi.RoiPoolArgs;
import org.ondol.spi.RoiPoolBackwardArgs;
import org.ondol.spi.SoftmaxArgs;
import org.ondol.spi.SoftmaxBackwardArgs;
import org.ondol.spi.TopKArgs;
import org.ondol.spi.UnpoolArgs;
import org.ondol.spi.UnpoolBackwardArgs;

/** The operations of a java device, with the inner loops of one variant. */
record JavaKernels(String device, Loops loops) implements Kernels {
  @Override
  public Memory memory() {
    return HostMemory.INSTANCE;
  }

  @Override
  public void gemm(GemmArgs args) {
    GemmKernel.run(loops, args);
  }

  @Override
  public void attention(AttentionArgs args) {
    AttentionKernel.run(loops, args);
  }

  @Override
  public void attentionBackward(AttentionBackwardArgs args) {
    AttentionGradient.run(loops, args);
  }

  @Override
  public void softmax(SoftmaxArgs args) {
    SoftmaxKernel.run(loops, args);
  }

  @Override
  public void softmaxBackward(SoftmaxBackwardArgs args) {
    SoftmaxKernel.backward(loops, args);
  }

  @Override
  public void layernorm(LayerNormArgs args) {
    LayerNormKernel.run(loops, args);
  }

  @Override
  public void layernormBackward(LayerNormBackwardArgs args) {
    LayerNormKernel.backward(loops, args);
  }

  @Override
  public void elementwise(ElementwiseArgs args) {
    ElementwiseKernel.run(loops, args);
  }

  @Override
  public void cast(CastArgs args) {
    CastKernel.run(loops, args);
  }

  @Override
  public void reduce(ReduceArgs args) {
    ReduceKernel.run(loops, args);
  }

  @Override
  public void embedding(EmbeddingArgs args) {
    EmbeddingKernel.run(args);
  }

  @Override
  public void embeddingBackward(EmbeddingBackwardArgs args) {
    EmbeddingKernel.backward(loops, args);
  }

  @Override
  public void resize(ResizeArgs args) {
    ResizeKernel.run(loops, args);
  }

  @Override
  public void resizeBackward(ResizeBackwardArgs args) {
    ResizeKernel.backward(loops, args);
  }

  @Override
  public void batchnorm(BatchNormArgs args) {
    BatchNormKernel.run(loops, args);
  }

  @Override
  public void batchnormBackward(BatchNormBackwardArgs args) {
    BatchNormGradient.run(loops, args);
  }

  @Override
  public void winograd(ConvArgs args) {
    WinogradKernel.run(loops, args);
  }

  @Override
  public void conv(ConvArgs args) {
    ConvKernel.conv(loops, args);
  }

  @Override
  public void convweight(ConvWeightArgs args) {
    ConvWeightKernel.run(loops, args);
  }

  @Override
  public void deconv(ConvArgs args) {
    ConvKernel.deconv(loops, args);
  }

  @Override
  public void pool(PoolArgs args) {
    PoolKernel.run(loops, args);
  }

  @Override
  public void poolBackward(PoolBackwardArgs args) {
    PoolGradient.run(loops, args);
  }

  @Override
  public void unpool(UnpoolArgs args) {
    UnpoolKernel.run(args);
  }

  @Override
  public void unpoolBackward(UnpoolBackwardArgs args) {
    UnpoolKernel.backward(args);
  }

  @Override
  public void iou(IouArgs args) {
    IouKernel.run(loops, args);
  }

  @Override
  public void iouBackward(IouBackwardArgs args) {
    IouKernel.backward(args);
  }

  @Override
  public void roiwarp(RoiWarpArgs args) {
    RoiWarpKernel.run(loops, args);
  }

  @Override
  public void roiwarpBackward(RoiWarpBackwardArgs args) {
    RoiWarpKernel.backward(loops, args);
  }

  @Override
  public void nms(NmsArgs args) {
    NmsKernel.run(loops, args);
  }

  @Override
  public void topk(TopKArgs args) {
    TopKKernel.run(loops, args);
  }

  @Override
  public void roialign(RoiAlignArgs args) {
    RoiAlignKernel.run(loops, args);
  }

  @Override
  public void roialignBackward(RoiAlignBackwardArgs args) {
    RoiAlignGradient.run(loops, args);
  }

  @Override
  public void roipool(RoiPoolArgs args) {
    RoiPoolKernel.run(loops, args);
  }

  @Override
  public void roipoolBackward(RoiPoolBackwardArgs args) {
    RoiPoolGradient.run(loops, args);
  }

  @Override
  public void nade(NadeArgs args) {
    NadeKernel.run(loops, args);
  }

  @Override
  public void nadeBackward(NadeBackwardArgs args) {
    NadeGradient.run(loops, args);
  }

  @Override
  public void lstm(LstmArgs args) {
    LstmKernel.run(loops, args);
  }

  @Override
  public void lstmBackward(LstmBackwardArgs args) {
    LstmGradient.run(loops, args);
  }
}
