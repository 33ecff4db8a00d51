// The Hopper units on the host: transaction barriers, named barriers, tensor copies and warpgroup products, with the
// layouts that the PTX manual documents. hopper.cuh calls them where the device has an instruction.
//
// What the hardware does later is done later here too, so that a missing wait shows: a copy lands after the threads
// have run on, and its target is NaN until then; a product is computed when its group is waited for, from what shared
// memory and the registers of A hold at that time.
#ifndef ONDOL_CUDA_COMMON_EMULATE_HOPPER_H
#define ONDOL_CUDA_COMMON_EMULATE_HOPPER_H

#include "emulate.h"

namespace ondol::cuda::emulate {

// The compute capability, times ten, of the device that is emulated: 90 at first.
ONDOL_API int capability();
ONDOL_API void set_capability(int value);

// Its multiprocessors: 2 at first.
ONDOL_API int processors();
ONDOL_API void set_processors(int count);

// Runs blocks in clusters, whose threads reach each other's shared memory (emulate.cpp).
void run_clusters(unsigned blocks, int blocks_each, int threads, size_t shared_bytes, const std::function<void()>& thread);
int block_rank();                           // in its cluster
void cluster_barrier();                     // of all threads of the cluster
void* shared_of(int block, const void* at);  // where that block of the cluster has what is here `at`

// A transaction barrier in its eight bytes: a phase ends when the arrivals and the bytes it waits for are zero.
void barrier_init(uint64_t* barrier, int arrivals);
void barrier_arrive(uint64_t* barrier, uint32_t bytes);
void barrier_wait(const uint64_t* barrier, int parity);

void named_barrier(int id, int threads, bool waits);

// A box of 2-byte elements out of a tensor of five dimensions, the first contiguous; elements outside are zeros.
struct TensorMap {
  const unsigned char* base;
  int64_t size[5];
  int64_t stride[5];  // in bytes; the first is 2
  int64_t box[5];
};

// The box's lines (its first dimension: 16, 32, 64 or 128 bytes) in ascending order, with the swizzle of that length.
void tensor_copy(const TensorMap& map, uint64_t* barrier, void* target, const int (&at)[5]);

// The same into the first `blocks` of the cluster, each with its own barrier, at the same place of each.
void tensor_copy_to_all(const TensorMap& map, uint64_t* barrier, void* target, const int (&at)[5], int blocks);

// The way back; what lies outside of the tensor is dropped. Awaited by the thread's groups, as bulk_store is.
void tensor_store(const TensorMap& map, const void* source, const int (&at)[5]);
// Copies of contiguous bytes. One into shared memory is awaited by a barrier; one out of it, which may add float32
// instead of replacing, by the thread's groups: `reads_only` until the source was read.
void bulk_load(uint64_t* barrier, void* target, const void* source, int bytes);
void bulk_store(void* target, const void* source, int bytes, bool add);
void bulk_commit();
void bulk_wait(int pending, bool reads_only);

// One product D[64, n] (+)= A[64, 16] B[16, n] of a warpgroup, as its current thread sees it. D and the registers of A
// must live until the group is waited for.
struct Product {
  float* d;
  int n;
  bool accumulate;
  bool bfloat16;           // or float16
  const uint32_t* a_registers;  // four, or null where A is in shared memory
  uint64_t a, b;           // matrix descriptors
  bool a_columns, b_columns;    // stored with the rows of A, the columns of B contiguous
};

void product(const Product& product);
void product_commit();
void product_wait(int pending);  // until at most so many groups are
ONDOL_API uint64_t products_computed();  // by all threads of all blocks so far: whether a kernel is one of these

}  // namespace ondol::cuda::emulate

#endif
