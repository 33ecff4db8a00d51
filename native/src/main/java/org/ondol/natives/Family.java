package org.ondol.natives;

import java.util.Locale;

/** The kernel families; the lower-case name is the C ABI's. */
public enum Family {
  GEMM, ATTENTION, ATTENTION_BACKWARD, SOFTMAX, SOFTMAX_BACKWARD, LAYERNORM, LAYERNORM_BACKWARD, ELEMENTWISE, REDUCE,
  EMBEDDING, EMBEDDING_BACKWARD, CONV, CONVWEIGHT, DECONV, WINOGRAD, RESIZE, RESIZE_BACKWARD, BATCHNORM,
  BATCHNORM_BACKWARD, POOL, POOL_BACKWARD, UNPOOL, UNPOOL_BACKWARD,
  ROIPOOL, ROIPOOL_BACKWARD;

  /** As in ondol.h: attention_backward. */
  public String spelling() {
    return name().toLowerCase(Locale.ROOT);
  }
}
