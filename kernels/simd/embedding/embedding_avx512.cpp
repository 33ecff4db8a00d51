#include "embedding/embedding_body.h"
#include "simd_avx512.h"

ONDOL_DEFINE_KERNEL(embedding, avx512, Embedding<Avx512>)
ONDOL_DEFINE_KERNEL(embedding_backward, avx512, EmbeddingBackward<Avx512>)
