// The units that sm_90a adds, for kernels of lower precision: warpgroup products (wgmma), tensor copies (TMA),
// bulk copies, transaction barriers (mbarrier), named barriers, registers handed from one warpgroup to another; and the
// counts by which blocks hand over global memory. Each is a thin
// wrapper of one PTX instruction and has a twin on the host (emulate_hopper.h). None has run on a device yet.
//
// Layouts, of 16-bit elements, with the 128-byte swizzle unless said otherwise:
// - A tile in shared memory is one or more panels, each of lines of 64 elements (128 bytes), its first line at a
//   multiple of 1024 bytes. tensor_copy writes one panel: line r is the r-th of the box.
// - An operand of a product whose depth runs along the lines is `lines`: the 16 depths from 16 k on begin 32 k bytes
//   after the panel. One whose depth runs across them is `columns`: they begin 16 lines, 2048 bytes, after each other,
//   and further panels hold its further columns.
// - `Pixels` are columns in shorter lines: see there.
// - A thread of a warpgroup, w = its warp, g = lane / 4 and t = lane % 4, holds of D[64, n], in its float 4 j + 2 r +
//   e, D[16 w + 8 r + g][8 j + 2 t + e]; A in registers is that of mma.sync.
//
// Kernels are compiled for every architecture, with an empty body where ONDOL_HOPPER is not defined.
#ifndef ONDOL_CUDA_COMMON_HOPPER_CUH
#define ONDOL_CUDA_COMMON_HOPPER_CUH

#include "mma.cuh"
#include "tensormap.cuh"
#include "wgmma.cuh"

namespace ondol::cuda {

constexpr int WARPGROUP = 128;
constexpr int PANEL = 64;  // elements of a line of a panel

// Blocks in pairs; `blocks` is even.
template <class... Parameters, class... Arguments>
void launch_pairs(Launcher& launcher, const ondol_cuda_queue* queue, const char* name, void (*kernel)(Parameters...),
                  int blocks, int threads, size_t shared_bytes, Arguments... arguments) {
  if (launcher.status() != ONDOL_OK || blocks == 0) return;
#ifdef ONDOL_CUDA_EMULATE
  (void)queue, (void)name;
  emulate::run_clusters(static_cast<unsigned>(blocks), 2, threads, shared_bytes, [&] { kernel(arguments...); });
#else
  launcher.check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                      cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
                 name);
  if (launcher.status() != ONDOL_OK) return;
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = 2;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared_bytes;
  config.stream = static_cast<cudaStream_t>(queue->stream);
  config.attrs = &attribute;
  config.numAttrs = 1;
  launcher.check(cudaLaunchKernelEx(&config, kernel, arguments...), name);
#endif
}

// Shared memory whose first byte is at a multiple of 1024.
#ifdef ONDOL_CUDA_EMULATE
template <class T>
T& swizzled_shared() {
  return shared<T>();
}
#else
template <class T>
ONDOL_DEVICE T& swizzled_shared() {
  extern __shared__ __align__(1024) unsigned char ondol_swizzled_memory[];
  return *reinterpret_cast<T*>(ondol_swizzled_memory);
}
#endif

// Of a block's shared memory; eight bytes.
struct Barrier {
  uint64_t state;
};

#ifdef ONDOL_CUDA_EMULATE

inline uint32_t shared_address(const void* at) { return emulate::shared_address(at); }

// By one thread, before all others are let go on by fence_barriers and __syncthreads.
inline void barrier_init(Barrier& barrier, int arrivals) { emulate::barrier_init(&barrier.state, arrivals); }
inline void fence_barriers() {}
inline void barrier_arrive(Barrier& barrier) { emulate::barrier_arrive(&barrier.state, 0); }
// Arrives, and makes the phase wait for so many bytes of copies too.
inline void barrier_expect(Barrier& barrier, uint32_t bytes) { emulate::barrier_arrive(&barrier.state, bytes); }
// Until the phase of this parity (0 for the first, then alternating) is over.
inline void barrier_wait(Barrier& barrier, int parity) { emulate::barrier_wait(&barrier.state, parity); }

// `at` is the first element of the box in each dimension; what lies outside of the tensor becomes zeros.
inline void tensor_copy(const TensorMap& map, Barrier& barrier, void* target, int at0, int at1, int at2, int at3,
                        int at4) {
  emulate::tensor_copy(map, &barrier.state, target, {at0, at1, at2, at3, at4});
}
inline void prefetch(const TensorMap&) {}

// The way back, of a box that other threads may have written before a fence_async of theirs; what lies outside of the
// tensor is dropped. In groups of the thread, as bulk_store.
inline void tensor_store(const TensorMap& map, const void* source, int at0, int at1, int at2, int at3, int at4) {
  emulate::tensor_store(map, source, {at0, at1, at2, at3, at4});
}

// Of contiguous bytes, a multiple of 16 at multiples of 16, awaited by a barrier that expects them.
inline void bulk_load(Barrier& barrier, void* target, const void* source, int bytes) {
  emulate::bulk_load(&barrier.state, target, source, bytes);
}
// Out of shared memory, in groups of the thread: replaces, or adds float32 to what is there, element by element.
inline void bulk_store(float* target, const float* source, int bytes) {
  emulate::bulk_store(target, source, bytes, false);
}
inline void bulk_add(float* target, const float* source, int bytes) {
  emulate::bulk_store(target, source, bytes, true);
}
inline void bulk_commit() { emulate::bulk_commit(); }
// Until the sources of all groups may be written again; until the targets are written too.
inline void bulk_wait_read() { emulate::bulk_wait(0, true); }
inline void bulk_wait() { emulate::bulk_wait(0, false); }

// A count in global memory, which one block after the other raises by one. A thread waits until it is `least`, and then
// sees, as do the copies that it begins, what those blocks had written before they said so.
inline void await_count(const int* count, int least) {
  emulate::wait_until([=] { return *count >= least; });
}
// Says that the thread's writes, and the copies that it waited for, are done.
inline void raise_count(int* count, int value) { *count = value; }

// Two blocks that run at once on neighbouring multiprocessors and reach each other's shared memory. All of their
// threads call pair_sync; neither block may end before the other has done with it.
inline int pair_rank() { return emulate::block_rank(); }
inline void pair_sync() { emulate::cluster_barrier(); }
// A box into the shared memory of both, at the same place, each one's own barrier being told.
inline void tensor_copy_pair(const TensorMap& map, Barrier& barrier, void* target, int at0, int at1, int at2, int at3,
                             int at4) {
  emulate::tensor_copy_to_all(map, &barrier.state, target, {at0, at1, at2, at3, at4}, 2);
}
// Arrives at the barrier which block `rank` of the pair has where `barrier` is here.
inline void barrier_arrive_at(Barrier& barrier, int rank) {
  emulate::barrier_arrive(static_cast<uint64_t*>(emulate::shared_of(rank, &barrier.state)), 0);
}

// `threads` counts those that wait and those that only arrive, whole warps. Barrier 0 is __syncthreads.
inline void named_barrier_sync(int id, int threads) { emulate::named_barrier(id, threads, true); }
inline void named_barrier_arrive(int id, int threads) { emulate::named_barrier(id, threads, false); }

template <int REGISTERS>
void more_registers() {}
template <int REGISTERS>
void fewer_registers() {}

// Between ordinary writes to shared memory and the products or copies that read them.
inline void fence_async() {}

// Before the first product after registers of D or A were written.
inline void product_fence() {}
inline void product_commit() { emulate::product_commit(); }
template <int PENDING>
void product_wait() {
  emulate::product_wait(PENDING);
}
template <int FLOATS>
void pin(float (&)[FLOATS]) {}

// Of lane 0, for the compiler to know that it is the same in the warp: products stand in no branch that might diverge.
inline int uniform(int x) { return x; }

#else

ONDOL_DEVICE void barrier_init(Barrier& barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)), "r"(arrivals) : "memory");
}

#ifdef ONDOL_HOPPER

ONDOL_DEVICE void fence_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

ONDOL_DEVICE void barrier_arrive(Barrier& barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&barrier)) : "memory");
}

ONDOL_DEVICE void barrier_expect(Barrier& barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&barrier)), "r"(bytes)
               : "memory");
}

ONDOL_DEVICE void barrier_wait(Barrier& barrier, int parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra over;\n"
      "bra again;\n"
      "over:\n"
      "}\n" ::"r"(shared_address(&barrier)),
      "r"(parity)
      : "memory");
}

ONDOL_DEVICE void tensor_copy(const TensorMap& map, Barrier& barrier, void* target, int at0, int at1, int at2, int at3,
                              int at4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %4, %5, %6, %7}], [%2];" ::"r"(shared_address(target)),
      "l"(reinterpret_cast<uint64_t>(&map)), "r"(shared_address(&barrier)), "r"(at0), "r"(at1), "r"(at2), "r"(at3),
      "r"(at4)
      : "memory");
}

ONDOL_DEVICE int pair_rank() {
  int rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

ONDOL_DEVICE void pair_sync() {
  asm volatile(
      "barrier.cluster.arrive.release.aligned;\n"
      "barrier.cluster.wait.acquire.aligned;" ::
          : "memory");
}

ONDOL_DEVICE void tensor_copy_pair(const TensorMap& map, Barrier& barrier, void* target, int at0, int at1, int at2,
                                   int at3, int at4) {
  constexpr uint16_t BOTH = 3;
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%3, %4, %5, %6, %7}], [%2], %8;" ::"r"(shared_address(target)),
      "l"(reinterpret_cast<uint64_t>(&map)), "r"(shared_address(&barrier)), "r"(at0), "r"(at1), "r"(at2), "r"(at3),
      "r"(at4), "h"(BOTH)
      : "memory");
}

ONDOL_DEVICE void barrier_arrive_at(Barrier& barrier, int rank) {
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n"
      "}\n" ::"r"(shared_address(&barrier)),
      "r"(rank)
      : "memory");
}

ONDOL_DEVICE void tensor_store(const TensorMap& map, const void* source, int at0, int at1, int at2, int at3, int at4) {
  asm volatile("cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5, %6}], [%1];" ::"l"(
                   reinterpret_cast<uint64_t>(&map)),
               "r"(shared_address(source)), "r"(at0), "r"(at1), "r"(at2), "r"(at3), "r"(at4)
               : "memory");
}

ONDOL_DEVICE void prefetch(const TensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(reinterpret_cast<uint64_t>(&map)) : "memory");
}

ONDOL_DEVICE void bulk_load(Barrier& barrier, void* target, const void* source, int bytes) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   shared_address(target)),
               "l"(__cvta_generic_to_global(source)), "r"(bytes), "r"(shared_address(&barrier))
               : "memory");
}

ONDOL_DEVICE void bulk_store(float* target, const float* source, int bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(__cvta_generic_to_global(target)),
               "r"(shared_address(source)), "r"(bytes)
               : "memory");
}

ONDOL_DEVICE void bulk_add(float* target, const float* source, int bytes) {
  asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(
                   __cvta_generic_to_global(target)),
               "r"(shared_address(source)), "r"(bytes)
               : "memory");
}

ONDOL_DEVICE void bulk_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
ONDOL_DEVICE void bulk_wait_read() { asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory"); }
ONDOL_DEVICE void bulk_wait() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }

// Copies are made by another proxy than loads and stores: each side of the hand-over fences the two.
ONDOL_DEVICE void await_count(const int* count, int least) {
  int seen;
  do {
    asm volatile("ld.acquire.gpu.global.s32 %0, [%1];"
                 : "=r"(seen)
                 : "l"(__cvta_generic_to_global(count))
                 : "memory");
  } while (seen < least);
  asm volatile("fence.proxy.async;" ::: "memory");
}

ONDOL_DEVICE void raise_count(int* count, int value) {
  asm volatile("fence.proxy.async;" ::: "memory");
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
  asm volatile("st.release.gpu.global.s32 [%0], %1;" ::"l"(__cvta_generic_to_global(count)), "r"(value) : "memory");
}

ONDOL_DEVICE void named_barrier_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

ONDOL_DEVICE void named_barrier_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

template <int REGISTERS>
ONDOL_DEVICE void more_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

template <int REGISTERS>
ONDOL_DEVICE void fewer_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

ONDOL_DEVICE int uniform(int x) { return __shfl_sync(0xFFFFFFFFu, x, 0); }

ONDOL_DEVICE void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

ONDOL_DEVICE void product_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
ONDOL_DEVICE void product_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

template <int PENDING>
ONDOL_DEVICE void product_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

// Registers of D, before and after the products that work on them: no compiler moves what it does with them across.
template <int FLOATS>
ONDOL_DEVICE void pin(float (&d)[FLOATS]) {
#pragma unroll
  for (int i = 0; i < FLOATS; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

#endif
#endif

// The address fields of a matrix descriptor are in units of 16 bytes.
constexpr uint64_t SWIZZLE_128 = uint64_t{1} << 62;

// An operand whose depth runs along the lines: `panel` with the bytes of the depths before it added.
ONDOL_DEVICE uint64_t lines_descriptor(uint32_t panel) {
  constexpr uint64_t ATOM = 1024 / 16;  // from eight lines to the next eight
  return SWIZZLE_128 | ATOM << 32 | uint64_t{1} << 16 | (panel & 0x3FFFF) >> 4;
}

// One whose depth runs across the lines, with `panel_bytes` between its panels.
ONDOL_DEVICE uint64_t columns_descriptor(uint32_t panel, uint32_t panel_bytes) {
  constexpr uint64_t ATOM = 1024 / 16;
  return SWIZZLE_128 | ATOM << 32 | static_cast<uint64_t>(panel_bytes >> 4) << 16 | (panel & 0x3FFFF) >> 4;
}

// Columns in lines of 8, 16 or 32, as boxes of that width have them: 64 lines to a depth of 64, then those of the next
// columns. 32 columns have the 64-byte swizzle, 16 the 32-byte one and 8 none. The depths from 16 k on, and the columns
// from a multiple of `width` on, begin at as many bytes as lie before them.
struct Pixels {
  static constexpr int DEPTH = 64;

  static ONDOL_DEVICE uint64_t descriptor(uint32_t tile, int log_width) {
    uint64_t eight = uint64_t{1} << log_width;  // depths, in units of 16 bytes
    uint64_t row = DEPTH / 8 * eight;
    uint64_t swizzle = log_width == 5 ? 2 : log_width == 4 ? 3 : 0;
    uint64_t leading = log_width == 3 ? eight : row;
    uint64_t stride = log_width == 3 ? row : eight;
    return swizzle << 62 | stride << 32 | leading << 16 | (tile & 0x3FFFF) >> 4;
  }

  // Of a chunk of 16 bytes in the line of channel `depth`: what its number is exchanged by.
  static ONDOL_DEVICE uint32_t exchange(int depth, int log_width) {
    return static_cast<uint32_t>(log_width == 5 ? depth / 2 % 4 : log_width == 4 ? depth / 4 % 2 : 0);
  }
};

#ifdef ONDOL_HOPPER

// A warp has no more use for a stage.
ONDOL_DEVICE void release(Barrier& empty) {
  if (lane_of_warp() == 0) barrier_arrive(empty);
}

#endif

}  // namespace ondol::cuda

#endif
