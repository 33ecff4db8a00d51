package org.ondol.natives;

import java.util.List;

/**
 * A kernel family as one device calls it. Dispatch is a switch rather than method references, of which each would cost
 * about a millisecond of the first call.
 *
 * @param words size of its args struct in the library
 * @param variant the index of the variant this device must use, or -1 for the best
 */
record Stem(Family family, long words, long variant) {
  /** The family with the named variant, or the best where null. */
  static Stem of(Family family, String variant) {
    return new Stem(family, Variant.argsWords(family.spelling()), variant == null ? -1 : index(family.spelling(), variant));
  }

  private static long index(String stem, String variant) {
    List<Variant> all = Variant.of(stem);
    for (int i = 0; i < all.size(); i++) if (all.get(i).name().equals(variant)) return i;
    throw new IllegalStateException("kernel " + stem + " has no variant " + variant);
  }

  /** Chooses the tiling: fills the plan at an address from the arguments at another. */
  long plan(long args, long plan) {
    return switch (family) {
      case GEMM -> OndolLibrary.ondol_gemm_plan(args, plan);
      case ATTENTION -> OndolLibrary.ondol_attention_plan(args, plan);
      case ATTENTION_BACKWARD -> OndolLibrary.ondol_attention_backward_plan(args, plan);
      case SOFTMAX -> OndolLibrary.ondol_softmax_plan(args, plan);
      case SOFTMAX_BACKWARD -> OndolLibrary.ondol_softmax_backward_plan(args, plan);
      case LAYERNORM -> OndolLibrary.ondol_layernorm_plan(args, plan);
      case LAYERNORM_BACKWARD -> OndolLibrary.ondol_layernorm_backward_plan(args, plan);
      case ELEMENTWISE -> OndolLibrary.ondol_elementwise_plan(args, plan);
      case CAST -> OndolLibrary.ondol_cast_plan(args, plan);
      case REDUCE -> OndolLibrary.ondol_reduce_plan(args, plan);
      case EMBEDDING -> OndolLibrary.ondol_embedding_plan(args, plan);
      case EMBEDDING_BACKWARD -> OndolLibrary.ondol_embedding_backward_plan(args, plan);
      case CONV -> OndolLibrary.ondol_conv_plan(args, plan);
      case CONVWEIGHT -> OndolLibrary.ondol_convweight_plan(args, plan);
      case DECONV -> OndolLibrary.ondol_deconv_plan(args, plan);
      case WINOGRAD -> OndolLibrary.ondol_winograd_plan(args, plan);
      case RESIZE -> OndolLibrary.ondol_resize_plan(args, plan);
      case RESIZE_BACKWARD -> OndolLibrary.ondol_resize_backward_plan(args, plan);
      case BATCHNORM -> OndolLibrary.ondol_batchnorm_plan(args, plan);
      case BATCHNORM_BACKWARD -> OndolLibrary.ondol_batchnorm_backward_plan(args, plan);
      case POOL -> OndolLibrary.ondol_pool_plan(args, plan);
      case POOL_BACKWARD -> OndolLibrary.ondol_pool_backward_plan(args, plan);
      case UNPOOL -> OndolLibrary.ondol_unpool_plan(args, plan);
      case UNPOOL_BACKWARD -> OndolLibrary.ondol_unpool_backward_plan(args, plan);
      case IOU -> OndolLibrary.ondol_iou_plan(args, plan);
      case IOU_BACKWARD -> OndolLibrary.ondol_iou_backward_plan(args, plan);
      case ROIWARP -> OndolLibrary.ondol_roiwarp_plan(args, plan);
      case ROIWARP_BACKWARD -> OndolLibrary.ondol_roiwarp_backward_plan(args, plan);
      case TOPK -> OndolLibrary.ondol_topk_plan(args, plan);
      case NMS -> OndolLibrary.ondol_nms_plan(args, plan);
      case ROIALIGN -> OndolLibrary.ondol_roialign_plan(args, plan);
      case ROIALIGN_BACKWARD -> OndolLibrary.ondol_roialign_backward_plan(args, plan);
      case ROIPOOL -> OndolLibrary.ondol_roipool_plan(args, plan);
      case ROIPOOL_BACKWARD -> OndolLibrary.ondol_roipool_backward_plan(args, plan);
      case NADE -> OndolLibrary.ondol_nade_plan(args, plan);
      case NADE_BACKWARD -> OndolLibrary.ondol_nade_backward_plan(args, plan);
      case LSTM -> OndolLibrary.ondol_lstm_plan(args, plan);
      case LSTM_BACKWARD -> OndolLibrary.ondol_lstm_backward_plan(args, plan);
    };
  }

  /** Executes tasks of a phase. */
  void run(long args, long plan, long phase, long begin, long end, long thread, long workspace, long scratch) {
    switch (family) {
      case GEMM -> OndolLibrary.ondol_gemm_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ATTENTION -> OndolLibrary.ondol_attention_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ATTENTION_BACKWARD -> OndolLibrary.ondol_attention_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case SOFTMAX -> OndolLibrary.ondol_softmax_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case SOFTMAX_BACKWARD -> OndolLibrary.ondol_softmax_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case LAYERNORM -> OndolLibrary.ondol_layernorm_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case LAYERNORM_BACKWARD -> OndolLibrary.ondol_layernorm_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ELEMENTWISE -> OndolLibrary.ondol_elementwise_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case CAST -> OndolLibrary.ondol_cast_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case REDUCE -> OndolLibrary.ondol_reduce_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case EMBEDDING -> OndolLibrary.ondol_embedding_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case EMBEDDING_BACKWARD -> OndolLibrary.ondol_embedding_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case CONV -> OndolLibrary.ondol_conv_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case CONVWEIGHT -> OndolLibrary.ondol_convweight_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case DECONV -> OndolLibrary.ondol_deconv_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case WINOGRAD -> OndolLibrary.ondol_winograd_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case RESIZE -> OndolLibrary.ondol_resize_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case RESIZE_BACKWARD -> OndolLibrary.ondol_resize_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case BATCHNORM -> OndolLibrary.ondol_batchnorm_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case BATCHNORM_BACKWARD -> OndolLibrary.ondol_batchnorm_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case POOL -> OndolLibrary.ondol_pool_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case POOL_BACKWARD -> OndolLibrary.ondol_pool_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case UNPOOL -> OndolLibrary.ondol_unpool_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case UNPOOL_BACKWARD -> OndolLibrary.ondol_unpool_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case IOU -> OndolLibrary.ondol_iou_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case IOU_BACKWARD -> OndolLibrary.ondol_iou_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ROIWARP -> OndolLibrary.ondol_roiwarp_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ROIWARP_BACKWARD -> OndolLibrary.ondol_roiwarp_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case TOPK -> OndolLibrary.ondol_topk_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case NMS -> OndolLibrary.ondol_nms_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ROIALIGN -> OndolLibrary.ondol_roialign_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ROIALIGN_BACKWARD -> OndolLibrary.ondol_roialign_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ROIPOOL -> OndolLibrary.ondol_roipool_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case ROIPOOL_BACKWARD -> OndolLibrary.ondol_roipool_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case NADE -> OndolLibrary.ondol_nade_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case NADE_BACKWARD -> OndolLibrary.ondol_nade_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case LSTM -> OndolLibrary.ondol_lstm_run(args, plan, phase, begin, end, thread, workspace, scratch);
      case LSTM_BACKWARD -> OndolLibrary.ondol_lstm_backward_run(args, plan, phase, begin, end, thread, workspace, scratch);
    }
  }
}
