#include "embedding/embedding_body.h"
#include "simd_portable.h"

ONDOL_DEFINE_KERNEL(embedding, portable, Embedding<Portable>)
ONDOL_DEFINE_KERNEL(embedding_backward, portable, EmbeddingBackward<Portable>)
