package org.ondol.natives;

import java.util.Locale;
import java.util.regex.Pattern;

/** The kernel families; the lower-case name is the C ABI's. */
public enum Family {
  GEMM, ATTENTION, ATTENTION_BACKWARD, SOFTMAX, SOFTMAX_BACKWARD, LAYERNORM, LAYERNORM_BACKWARD, ELEMENTWISE, CAST, REDUCE,
  EMBEDDING, EMBEDDING_BACKWARD, CONV, CONVWEIGHT, DECONV, WINOGRAD, RESIZE, RESIZE_BACKWARD, BATCHNORM,
  BATCHNORM_BACKWARD, POOL, POOL_BACKWARD, UNPOOL, UNPOOL_BACKWARD, IOU, IOU_BACKWARD, ROIWARP, ROIWARP_BACKWARD, TOPK, NMS,
  ROIALIGN, ROIALIGN_BACKWARD, ROIPOOL, ROIPOOL_BACKWARD, NADE, NADE_BACKWARD, LSTM, LSTM_BACKWARD;

  private static final Pattern NEXT_WORD = Pattern.compile("_(.)");

  /** The operation as {@link org.ondol.spi.Kernels} has it: attentionBackward. */
  public String operation() {
    return NEXT_WORD.matcher(spelling()).replaceAll(m -> m.group(1).toUpperCase(Locale.ROOT));
  }

  /** As in ondol.h: attention_backward. */
  public String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }
}
