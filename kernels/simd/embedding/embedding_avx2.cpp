#include "embedding/embedding_body.h"
#include "simd_avx2.h"

ONDOL_DEFINE_KERNEL(embedding, avx2, Embedding<Avx2>)
ONDOL_DEFINE_KERNEL(embedding_backward, avx2, EmbeddingBackward<Avx2>)
