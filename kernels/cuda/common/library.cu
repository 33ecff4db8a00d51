// What the library says of itself.
#include <cstring>

#include "device.cuh"

const char* ondol_cuda_architectures(void) { return ONDOL_CUDA_ARCHITECTURES; }

int64_t ondol_cuda_args_words(const char* stem) {
#define WORDS(name) \
  if (std::strcmp(stem, #name) == 0) return sizeof(ondol_##name##_args) / 8;
  WORDS(gemm)
  WORDS(attention)
  WORDS(attention_backward)
  WORDS(softmax)
  WORDS(softmax_backward)
  WORDS(layernorm)
  WORDS(layernorm_backward)
  WORDS(elementwise)
  WORDS(cast)
  WORDS(reduce)
  WORDS(embedding)
  WORDS(embedding_backward)
  WORDS(conv)
  WORDS(convweight)
  WORDS(deconv)
  WORDS(resize)
  WORDS(resize_backward)
  WORDS(batchnorm)
  WORDS(batchnorm_backward)
  WORDS(pool)
  WORDS(pool_backward)
  WORDS(unpool)
  WORDS(unpool_backward)
  WORDS(iou)
  WORDS(iou_backward)
  WORDS(roiwarp)
  WORDS(roiwarp_backward)
  WORDS(topk)
  WORDS(nms)
  WORDS(roialign)
  WORDS(roialign_backward)
  WORDS(roipool)
  WORDS(roipool_backward)
  WORDS(nade)
  WORDS(nade_backward)
  WORDS(lstm)
  WORDS(lstm_backward)
#undef WORDS
  return -1;
}
