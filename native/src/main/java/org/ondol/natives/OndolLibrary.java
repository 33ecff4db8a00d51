package org.ondol.natives;

import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * The JavaCPP binding of ondol.h. Structs are passed as the addresses of consecutive 64-bit words (every field of the C ABI
 * is eight bytes wide), written by {@link Words}: filling them costs no native call. Only numbers and addresses cross the
 * border, so that JavaCPP's own run-time classes need not be loaded (see native/CMakeLists.txt).
 */
@Platform(include = {"ondol.h", "string.h"})
final class OndolLibrary {
  private OndolLibrary() {}

  static native @Cast("int64_t") long ondol_args_words(@Cast("const char*") long name);

  /** The address of the name, or 0 past the end. */
  static native @Cast("const char*") long ondol_variant_name(@Cast("const char*") long stem, @Cast("int64_t") long index);

  /** why: the address of a const char* that receives the reason, or 0. */
  static native @Cast("int64_t") long ondol_variant_available(@Cast("const char*") long stem, @Cast("int64_t") long index,
      @Cast("const char**") long why);

  /** From the C library: brings a C string into memory that Java owns. */
  static native @Cast("char*") long strncpy(@Cast("char*") long to, @Cast("const char*") long from, @Cast("size_t") long size);

  static native @Cast("int64_t") long ondol_gemm_plan(@Cast("const ondol_gemm_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_gemm_run(@Cast("const ondol_gemm_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_attention_plan(@Cast("const ondol_attention_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_attention_run(@Cast("const ondol_attention_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_attention_backward_plan(@Cast("const ondol_attention_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_attention_backward_run(@Cast("const ondol_attention_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_softmax_plan(@Cast("const ondol_softmax_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_softmax_run(@Cast("const ondol_softmax_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_softmax_backward_plan(@Cast("const ondol_softmax_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_softmax_backward_run(@Cast("const ondol_softmax_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_layernorm_plan(@Cast("const ondol_layernorm_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_layernorm_run(@Cast("const ondol_layernorm_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_layernorm_backward_plan(@Cast("const ondol_layernorm_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_layernorm_backward_run(@Cast("const ondol_layernorm_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_elementwise_plan(@Cast("const ondol_elementwise_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_elementwise_run(@Cast("const ondol_elementwise_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_cast_plan(@Cast("const ondol_cast_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_cast_run(@Cast("const ondol_cast_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_reduce_plan(@Cast("const ondol_reduce_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_reduce_run(@Cast("const ondol_reduce_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_embedding_plan(@Cast("const ondol_embedding_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_embedding_run(@Cast("const ondol_embedding_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_embedding_backward_plan(@Cast("const ondol_embedding_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_embedding_backward_run(@Cast("const ondol_embedding_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_conv_plan(@Cast("const ondol_conv_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_conv_run(@Cast("const ondol_conv_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_convweight_plan(@Cast("const ondol_convweight_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_convweight_run(@Cast("const ondol_convweight_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_deconv_plan(@Cast("const ondol_deconv_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_deconv_run(@Cast("const ondol_deconv_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_winograd_plan(@Cast("const ondol_winograd_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_winograd_run(@Cast("const ondol_winograd_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_resize_plan(@Cast("const ondol_resize_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_resize_run(@Cast("const ondol_resize_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_resize_backward_plan(@Cast("const ondol_resize_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_resize_backward_run(@Cast("const ondol_resize_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_batchnorm_plan(@Cast("const ondol_batchnorm_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_batchnorm_run(@Cast("const ondol_batchnorm_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_batchnorm_backward_plan(@Cast("const ondol_batchnorm_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_batchnorm_backward_run(@Cast("const ondol_batchnorm_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_pool_plan(@Cast("const ondol_pool_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_pool_run(@Cast("const ondol_pool_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_pool_backward_plan(@Cast("const ondol_pool_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_pool_backward_run(@Cast("const ondol_pool_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_unpool_plan(@Cast("const ondol_unpool_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_unpool_run(@Cast("const ondol_unpool_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_unpool_backward_plan(@Cast("const ondol_unpool_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_unpool_backward_run(@Cast("const ondol_unpool_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_iou_plan(@Cast("const ondol_iou_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_iou_run(@Cast("const ondol_iou_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_iou_backward_plan(@Cast("const ondol_iou_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_iou_backward_run(@Cast("const ondol_iou_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_roiwarp_plan(@Cast("const ondol_roiwarp_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_roiwarp_run(@Cast("const ondol_roiwarp_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_roiwarp_backward_plan(@Cast("const ondol_roiwarp_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_roiwarp_backward_run(@Cast("const ondol_roiwarp_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_topk_plan(@Cast("const ondol_topk_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_topk_run(@Cast("const ondol_topk_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_nms_plan(@Cast("const ondol_nms_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_nms_run(@Cast("const ondol_nms_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_roialign_plan(@Cast("const ondol_roialign_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_roialign_run(@Cast("const ondol_roialign_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_roialign_backward_plan(@Cast("const ondol_roialign_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_roialign_backward_run(@Cast("const ondol_roialign_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_roipool_plan(@Cast("const ondol_roipool_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_roipool_run(@Cast("const ondol_roipool_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_roipool_backward_plan(@Cast("const ondol_roipool_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_roipool_backward_run(@Cast("const ondol_roipool_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_nade_plan(@Cast("const ondol_nade_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_nade_run(@Cast("const ondol_nade_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_nade_backward_plan(@Cast("const ondol_nade_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_nade_backward_run(@Cast("const ondol_nade_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_lstm_plan(@Cast("const ondol_lstm_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_lstm_run(@Cast("const ondol_lstm_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);

  static native @Cast("int64_t") long ondol_lstm_backward_plan(@Cast("const ondol_lstm_backward_args*") long args, @Cast("ondol_plan*") long plan);

  static native void ondol_lstm_backward_run(@Cast("const ondol_lstm_backward_args*") long args, @Cast("const ondol_plan*") long plan,
      @Cast("int64_t") long phase, @Cast("int64_t") long begin, @Cast("int64_t") long end, @Cast("int64_t") long thread,
      @Cast("void*") long workspace, @Cast("void*") long scratch);
}
