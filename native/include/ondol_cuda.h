/* The C interface of the CUDA kernels (libondolcuda): the operations of ondol.h on device memory, with the same bits.
 *
 * - Every pointer inside an args struct is a device pointer, the small integer arrays (kv_lengths, q_offsets,
 *   kv_offsets, pages, ids) included: whoever fills the struct copies them, the kernels read them where they are.
 *   Nothing on the host can look inside them, so their values are confined by the kernels instead of checked: a key
 *   length is cut to kv_len, a page outside [0, page_count) counts as masked keys, an id outside the table reads zeros.
 * - A call checks nothing that ondol.h's contracts state, enqueues its kernels on the queue's stream and returns at
 *   once. The status covers the launch; a fault inside a kernel is reported by the stream's next synchronisation.
 * - gemm, conv, deconv and convweight have every precision; of a call whose stem lacks the wanted one the status is ONDOL_UNSUPPORTED.
 *   No kernel of a precision other than ONDOL_EXACT has run on a device yet: they are checked in the emulator.
 * - ondol_cuda_STEM_workspace says how many bytes of device memory the call needs beside its operands. They must stay
 *   allocated until the stream has passed the call; contents need no initialisation.
 */
#ifndef ONDOL_CUDA_H
#define ONDOL_CUDA_H

#include "ondol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a call runs. As in ondol.h, every field is eight bytes wide. */
typedef struct ondol_cuda_queue {
  int64_t device;    /* ordinal, as cudaSetDevice counts */
  void* stream;      /* a cudaStream_t of that device; null is its default stream */
  void* workspace;   /* device memory, ondol_cuda_STEM_workspace bytes, 256-byte aligned; null where that is 0 */
  /* Device memory with three numbers that the kernels read when they run, or null: conv moves its window by so many
   * rows and columns, elementwise moves every operand by so many elements. A graph of calls that were captured once
   * then serves every position of a map. Other operations take no notice of it. */
  const int64_t* shift;
} ondol_cuda_queue;

#define ONDOL_CUDA_DECLARE(stem)                                                                     \
  ONDOL_API int64_t ondol_cuda_##stem##_workspace(const ondol_##stem##_args* args);                  \
  ONDOL_API int64_t ondol_cuda_##stem(const ondol_##stem##_args* args, const ondol_cuda_queue* queue, \
                                      ondol_error* error);

ONDOL_CUDA_DECLARE(gemm)
ONDOL_CUDA_DECLARE(attention)
ONDOL_CUDA_DECLARE(attention_backward)
ONDOL_CUDA_DECLARE(softmax)
ONDOL_CUDA_DECLARE(softmax_backward)
ONDOL_CUDA_DECLARE(layernorm)
ONDOL_CUDA_DECLARE(layernorm_backward)
ONDOL_CUDA_DECLARE(elementwise)
ONDOL_CUDA_DECLARE(cast)
ONDOL_CUDA_DECLARE(reduce)
ONDOL_CUDA_DECLARE(embedding)
ONDOL_CUDA_DECLARE(embedding_backward)
ONDOL_CUDA_DECLARE(conv)
ONDOL_CUDA_DECLARE(convweight)
ONDOL_CUDA_DECLARE(deconv)
ONDOL_CUDA_DECLARE(resize)
ONDOL_CUDA_DECLARE(resize_backward)
ONDOL_CUDA_DECLARE(batchnorm)
ONDOL_CUDA_DECLARE(batchnorm_backward)
ONDOL_CUDA_DECLARE(pool)
ONDOL_CUDA_DECLARE(pool_backward)
ONDOL_CUDA_DECLARE(unpool)
ONDOL_CUDA_DECLARE(unpool_backward)
ONDOL_CUDA_DECLARE(iou)
ONDOL_CUDA_DECLARE(iou_backward)
ONDOL_CUDA_DECLARE(roiwarp)
ONDOL_CUDA_DECLARE(roiwarp_backward)
ONDOL_CUDA_DECLARE(topk)
ONDOL_CUDA_DECLARE(nms)
ONDOL_CUDA_DECLARE(roialign)
ONDOL_CUDA_DECLARE(roialign_backward)
ONDOL_CUDA_DECLARE(roipool)
ONDOL_CUDA_DECLARE(roipool_backward)
ONDOL_CUDA_DECLARE(nade)
ONDOL_CUDA_DECLARE(nade_backward)
ONDOL_CUDA_DECLARE(lstm)
ONDOL_CUDA_DECLARE(lstm_backward)

/* Device architectures compiled in, as CMake names them ("80,90a-real"); "emulated" in the build for
 * machines without a GPU. */
ONDOL_API const char* ondol_cuda_architectures(void);

/* The file of NVIDIA's cuBLAS, which multiplies bfloat16 and float16 matrices where it is installed, or "". The environment
 * variable ONDOL_CUBLAS names another file, or is "off"; the kernels of this library do it then. */
ONDOL_API const char* ondol_cuda_cublas(void);

/* As ondol_args_words: words of the args struct of a stem, -1 if unknown. */
ONDOL_API int64_t ondol_cuda_args_words(const char* stem);

#ifdef __cplusplus
}
#endif
#endif
