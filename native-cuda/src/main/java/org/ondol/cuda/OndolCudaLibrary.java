package org.ondol.cuda;

import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Platform;

/** The JavaCPP binding of ondol_cuda.h. Structs are passed as the addresses of consecutive 64-bit words. */
@Platform(include = {"ondol_cuda.h", "string.h"})
final class OndolCudaLibrary {
  private OndolCudaLibrary() {}

  /** The address of a text. */
  static native @Cast("const char*") long ondol_cuda_architectures();

  static native @Cast("int64_t") long ondol_cuda_args_words(@Cast("const char*") long stem);

  /** From the C library: brings a C string into memory that Java owns. */
  static native @Cast("char*") long strncpy(@Cast("char*") long to, @Cast("const char*") long from,
      @Cast("size_t") long size);

  static native @Cast("int64_t") long ondol_cuda_gemm_workspace(
      @Cast("const ondol_gemm_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_gemm(
      @Cast("const ondol_gemm_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_attention_workspace(
      @Cast("const ondol_attention_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_attention(
      @Cast("const ondol_attention_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_attention_backward_workspace(
      @Cast("const ondol_attention_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_attention_backward(
      @Cast("const ondol_attention_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_softmax_workspace(
      @Cast("const ondol_softmax_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_softmax(
      @Cast("const ondol_softmax_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_softmax_backward_workspace(
      @Cast("const ondol_softmax_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_softmax_backward(
      @Cast("const ondol_softmax_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_layernorm_workspace(
      @Cast("const ondol_layernorm_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_layernorm(
      @Cast("const ondol_layernorm_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_layernorm_backward_workspace(
      @Cast("const ondol_layernorm_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_layernorm_backward(
      @Cast("const ondol_layernorm_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_elementwise_workspace(
      @Cast("const ondol_elementwise_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_elementwise(
      @Cast("const ondol_elementwise_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_cast_workspace(
      @Cast("const ondol_cast_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_cast(
      @Cast("const ondol_cast_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_reduce_workspace(
      @Cast("const ondol_reduce_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_reduce(
      @Cast("const ondol_reduce_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_embedding_workspace(
      @Cast("const ondol_embedding_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_embedding(
      @Cast("const ondol_embedding_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_embedding_backward_workspace(
      @Cast("const ondol_embedding_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_embedding_backward(
      @Cast("const ondol_embedding_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_conv_workspace(
      @Cast("const ondol_conv_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_conv(
      @Cast("const ondol_conv_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_convweight_workspace(
      @Cast("const ondol_convweight_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_convweight(
      @Cast("const ondol_convweight_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_deconv_workspace(
      @Cast("const ondol_deconv_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_deconv(
      @Cast("const ondol_deconv_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_resize_workspace(
      @Cast("const ondol_resize_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_resize(
      @Cast("const ondol_resize_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_resize_backward_workspace(
      @Cast("const ondol_resize_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_resize_backward(
      @Cast("const ondol_resize_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_batchnorm_workspace(
      @Cast("const ondol_batchnorm_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_batchnorm(
      @Cast("const ondol_batchnorm_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_batchnorm_backward_workspace(
      @Cast("const ondol_batchnorm_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_batchnorm_backward(
      @Cast("const ondol_batchnorm_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_pool_workspace(
      @Cast("const ondol_pool_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_pool(
      @Cast("const ondol_pool_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_pool_backward_workspace(
      @Cast("const ondol_pool_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_pool_backward(
      @Cast("const ondol_pool_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_unpool_workspace(
      @Cast("const ondol_unpool_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_unpool(
      @Cast("const ondol_unpool_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_unpool_backward_workspace(
      @Cast("const ondol_unpool_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_unpool_backward(
      @Cast("const ondol_unpool_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_iou_workspace(
      @Cast("const ondol_iou_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_iou(
      @Cast("const ondol_iou_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_iou_backward_workspace(
      @Cast("const ondol_iou_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_iou_backward(
      @Cast("const ondol_iou_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_roiwarp_workspace(
      @Cast("const ondol_roiwarp_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_roiwarp(
      @Cast("const ondol_roiwarp_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_roiwarp_backward_workspace(
      @Cast("const ondol_roiwarp_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_roiwarp_backward(
      @Cast("const ondol_roiwarp_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_topk_workspace(
      @Cast("const ondol_topk_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_topk(
      @Cast("const ondol_topk_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_nms_workspace(
      @Cast("const ondol_nms_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_nms(
      @Cast("const ondol_nms_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_roialign_workspace(
      @Cast("const ondol_roialign_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_roialign(
      @Cast("const ondol_roialign_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_roialign_backward_workspace(
      @Cast("const ondol_roialign_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_roialign_backward(
      @Cast("const ondol_roialign_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_roipool_workspace(
      @Cast("const ondol_roipool_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_roipool(
      @Cast("const ondol_roipool_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_roipool_backward_workspace(
      @Cast("const ondol_roipool_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_roipool_backward(
      @Cast("const ondol_roipool_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_nade_workspace(
      @Cast("const ondol_nade_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_nade(
      @Cast("const ondol_nade_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_nade_backward_workspace(
      @Cast("const ondol_nade_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_nade_backward(
      @Cast("const ondol_nade_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_lstm_workspace(
      @Cast("const ondol_lstm_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_lstm(
      @Cast("const ondol_lstm_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);

  static native @Cast("int64_t") long ondol_cuda_lstm_backward_workspace(
      @Cast("const ondol_lstm_backward_args*") long args);

  static native @Cast("int64_t") long ondol_cuda_lstm_backward(
      @Cast("const ondol_lstm_backward_args*") long args, @Cast("const ondol_cuda_queue*") long queue,
      @Cast("ondol_error*") long error);
}
