// Tensor cores of sm_80 and later for the kernels of lower precision: mma.sync with float32 accumulators, ldmatrix and
// cp.async, each with a twin for the host. None of it has run on a device yet; the twins follow the fragment layouts of
// the PTX ISA (Warp-level Matrix Instructions). All lanes of a warp must take part.
//
// With g = lane / 4 and t = lane % 4 a lane holds, of D[16, 8] += A[16, k] B[k, 8],
//   d: D[g][2t], D[g][2t + 1], D[g + 8][2t], D[g + 8][2t + 1]
//   16 bits, k = 16, two elements of neighbouring k in a word, the lower k in its lower half:
//     a: A[g][2t..], A[g + 8][2t..], A[g][2t + 8..], A[g + 8][2t + 8..]    b: B[2t..][g], B[2t + 8..][g]
//   tf32, k = 8: a: A[g][t], A[g + 8][t], A[g][t + 4], A[g + 8][t + 4]     b: B[t][g], B[t + 4][g]
// The device adds the products of an instruction in an order and with roundings of its own; the twin adds them exactly
// enough, in double, and rounds once.
#ifndef ONDOL_CUDA_COMMON_MMA_CUH
#define ONDOL_CUDA_COMMON_MMA_CUH

#include "narrow.cuh"

namespace ondol::cuda {

ONDOL_DEVICE int lane_of_warp() { return static_cast<int>(threadIdx.x) % WARP; }

#ifdef ONDOL_CUDA_EMULATE

namespace twin {

// A and B of a warp's fragments, element by element; `each` elements of k in a word.
template <class FromWord>
void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int each, FromWord value) {
  const uint32_t words[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  const uint32_t* all = emulate::collect(words, 6);
  int lane = lane_of_warp();
  for (int i = 0; i < 4; ++i) {
    int row = lane / 4;                // of the lanes that hold A's row; i / 2: its upper or lower half
    int column = lane % 4 * 2 + i % 2;  // of D, and the g of the lanes that hold B's
    double sum = 0;
    for (int half = 0; half < 2; ++half) {
      for (int t = 0; t < 4; ++t) {
        uint32_t left = all[(row * 4 + t) * 6 + half * 2 + i / 2];
        uint32_t right = all[(column * 4 + t) * 6 + 4 + half];
        for (int e = 0; e < each; ++e) {
          sum += static_cast<double>(value(left, e)) * static_cast<double>(value(right, e));
        }
      }
    }
    d[i] = static_cast<float>(sum + static_cast<double>(d[i]));
  }
}

}  // namespace twin

ONDOL_DEVICE void mma_bfloat16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  twin::multiply(d, a, b, 2, [](uint32_t word, int e) { return from_bfloat16(static_cast<uint16_t>(word >> 16 * e)); });
}

ONDOL_DEVICE void mma_float16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  twin::multiply(d, a, b, 2, [](uint32_t word, int e) { return from_float16(static_cast<uint16_t>(word >> 16 * e)); });
}

// The device ignores the bits beyond tf32's.
ONDOL_DEVICE void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  twin::multiply(d, a, b, 1, [](uint32_t word, int) { return __uint_as_float(word & ~0x1FFFu); });
}

// Four 8 x 8 matrices of 16-bit elements: lane l names row l % 8 of matrix l / 8, 16 bytes of shared memory at an
// address that is a multiple of 16. Word i is of matrix i: elements [g][2t] and [g][2t + 1], transposed [2t][g] and [2t
// + 1][g].
ONDOL_DEVICE void load_matrices(uint32_t (&words)[4], const void* row) {
  uint32_t mine[4];
  std::memcpy(mine, __builtin_assume_aligned(row, 16), sizeof mine);
  const uint32_t* all = emulate::collect(mine, 4);
  int lane = lane_of_warp();
  for (int i = 0; i < 4; ++i) words[i] = all[(i * 8 + lane / 4) * 4 + lane % 4];
}

ONDOL_DEVICE void load_matrices_transposed(uint32_t (&words)[4], const void* row) {
  uint32_t mine[4];
  std::memcpy(mine, __builtin_assume_aligned(row, 16), sizeof mine);
  const uint32_t* all = emulate::collect(mine, 4);
  int lane = lane_of_warp();
  for (int i = 0; i < 4; ++i) {
    uint32_t element[2];
    for (int e = 0; e < 2; ++e) {
      int from = i * 8 + lane % 4 * 2 + e;
      int column = lane / 4;
      element[e] = all[from * 4 + column / 2] >> 16 * (column % 2) & 0xFFFF;
    }
    words[i] = element[0] | element[1] << 16;
  }
}

// 16 bytes from global to shared memory, both 16-byte aligned; of them the first `bytes` are read, the others zeros.
ONDOL_DEVICE void copy_async(void* to, const void* from, int bytes) { emulate::copy_later(to, from, 16, bytes); }

ONDOL_DEVICE void copy_async_commit() { emulate::copy_commit(); }

// Waits until at most GROUPS of the thread's latest groups of copies are pending. Other threads' copies need a barrier.
template <int GROUPS>
ONDOL_DEVICE void copy_async_wait() {
  emulate::copy_wait(GROUPS);
}

#else

ONDOL_DEVICE uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

ONDOL_DEVICE void mma_bfloat16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

ONDOL_DEVICE void mma_float16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

ONDOL_DEVICE void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

ONDOL_DEVICE void load_matrices(uint32_t (&words)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row))
               : "memory");
}

ONDOL_DEVICE void load_matrices_transposed(uint32_t (&words)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row))
               : "memory");
}

ONDOL_DEVICE void copy_async(void* to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)),
               "l"(__cvta_generic_to_global(from)), "r"(bytes)
               : "memory");
}

ONDOL_DEVICE void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int GROUPS>
ONDOL_DEVICE void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

#endif

}  // namespace ondol::cuda

#endif
