// One wgmma: D[64, N] = A[64, 16] B[16, N], or added to D, of a warpgroup; float32 sums of bfloat16 or float16. N is
// twice the floats of D that a thread holds: 64, 128 or 256, and with A in shared memory 192 or 224. Asynchronous:
// product_fence, products, product_commit, product_wait; until then neither D nor A's registers may be touched. Layouts:
// hopper.cuh.
#ifndef ONDOL_CUDA_COMMON_WGMMA_CUH
#define ONDOL_CUDA_COMMON_WGMMA_CUH

#include "device.cuh"

#ifdef ONDOL_CUDA_EMULATE
#define ONDOL_HOPPER
#include "emulate_hopper.h"
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define ONDOL_HOPPER
#endif

namespace ondol::cuda {

// Of an operand in shared memory: the depth runs along its lines, or across them.
enum class Stored { LINES, COLUMNS };

#ifdef ONDOL_CUDA_EMULATE

template <bool BFLOAT16, Stored B, Stored A = Stored::LINES, int FLOATS>
void product(float (&d)[FLOATS], uint64_t a, uint64_t b, bool accumulate) {
  emulate::product(
      {d, 2 * FLOATS, accumulate, BFLOAT16, nullptr, a, b, A == Stored::COLUMNS, B == Stored::COLUMNS});
}

template <bool BFLOAT16, Stored B, int FLOATS>
void product(float (&d)[FLOATS], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
  emulate::product({d, 2 * FLOATS, accumulate, BFLOAT16, a, 0, b, false, B == Stored::COLUMNS});
}

#elif defined(ONDOL_HOPPER)

#define ONDOL_TEXT_32 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, " \
  "%24, %25, %26, %27, %28, %29, %30, %31"
#define ONDOL_TEXT_64 ONDOL_TEXT_32 \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, " \
  "%54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define ONDOL_TEXT_96 ONDOL_TEXT_64 \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, " \
  "%86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define ONDOL_TEXT_112 ONDOL_TEXT_96 \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define ONDOL_TEXT_128 ONDOL_TEXT_112 \
  ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

#define ONDOL_FLOATS_8(d, i) \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])
#define ONDOL_FLOATS_32(d, i) \
  ONDOL_FLOATS_8(d, i), ONDOL_FLOATS_8(d, i + 8), ONDOL_FLOATS_8(d, i + 16), ONDOL_FLOATS_8(d, i + 24)
#define ONDOL_FLOATS_64(d, i) ONDOL_FLOATS_32(d, i), ONDOL_FLOATS_32(d, i + 32)
#define ONDOL_FLOATS_96(d, i) ONDOL_FLOATS_64(d, i), ONDOL_FLOATS_32(d, i + 64)
#define ONDOL_FLOATS_112(d, i) ONDOL_FLOATS_96(d, i), ONDOL_FLOATS_8(d, i + 96), ONDOL_FLOATS_8(d, i + 104)
#define ONDOL_FLOATS_128(d, i) ONDOL_FLOATS_64(d, i), ONDOL_FLOATS_64(d, i + 64)

// The operands after D's: A, B, the flag of accumulation, whether the depth runs across the lines of A in shared memory
// and of B. Signs are +1.
#define ONDOL_WGMMA_TEXT(n, type, d, a, b, flag, signs) \
  "{\n.reg .pred adds;\nsetp.ne.b32 adds, " flag ", 0;\nwgmma.mma_async.sync.aligned.m64n" n "k16.f32." type "." type \
  " {" d "}, " a ", " b ", adds, 1, 1, " signs ";\n}\n"

#define ONDOL_A_ACROSS_32 "%35"
#define ONDOL_A_ACROSS_64 "%67"
#define ONDOL_A_ACROSS_96 "%99"
#define ONDOL_A_ACROSS_112 "%115"
#define ONDOL_A_ACROSS_128 "%131"

#define ONDOL_WGMMA_SHARED(n, type, floats, a, b, flag, across) \
  asm volatile(ONDOL_WGMMA_TEXT(n, type, ONDOL_TEXT_##floats, a, b, flag, ONDOL_A_ACROSS_##floats ", " across) \
               : ONDOL_FLOATS_##floats(d, 0) : "l"(a_at), "l"(b_at), "r"(adds), "n"(A == Stored::COLUMNS ? 1 : 0))

#define ONDOL_WGMMA_REGISTERS(n, type, floats, a, b, flag, across) \
  asm volatile(ONDOL_WGMMA_TEXT(n, type, ONDOL_TEXT_##floats, a, b, flag, across) \
               : ONDOL_FLOATS_##floats(d, 0) : "r"(a_at[0]), "r"(a_at[1]), "r"(a_at[2]), "r"(a_at[3]), "l"(b_at), \
                 "r"(adds))

// The instruction for each type and direction of B.
#define ONDOL_WGMMA_EACH(form, n, floats, a, b, flag) \
  if constexpr (BFLOAT16 && B == Stored::LINES) { \
    form(n, "bf16", floats, a, b, flag, "0"); \
  } else if constexpr (BFLOAT16) { \
    form(n, "bf16", floats, a, b, flag, "1"); \
  } else if constexpr (B == Stored::LINES) { \
    form(n, "f16", floats, a, b, flag, "0"); \
  } else { \
    form(n, "f16", floats, a, b, flag, "1"); \
  }

template <bool BFLOAT16, Stored B, Stored A = Stored::LINES, int FLOATS>
ONDOL_DEVICE void product(float (&d)[FLOATS], uint64_t a_at, uint64_t b_at, bool accumulate) {
  static_assert(FLOATS == 32 || FLOATS == 64 || FLOATS == 96 || FLOATS == 112 || FLOATS == 128, "N has no instance");
  int adds = accumulate ? 1 : 0;
  if constexpr (FLOATS == 32) {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_SHARED, "64", 32, "%32", "%33", "%34")
  } else if constexpr (FLOATS == 64) {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_SHARED, "128", 64, "%64", "%65", "%66")
  } else if constexpr (FLOATS == 96) {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_SHARED, "192", 96, "%96", "%97", "%98")
  } else if constexpr (FLOATS == 112) {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_SHARED, "224", 112, "%112", "%113", "%114")
  } else {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_SHARED, "256", 128, "%128", "%129", "%130")
  }
}

template <bool BFLOAT16, Stored B, int FLOATS>
ONDOL_DEVICE void product(float (&d)[FLOATS], const uint32_t (&a_at)[4], uint64_t b_at, bool accumulate) {
  static_assert(FLOATS == 32 || FLOATS == 64 || FLOATS == 128, "N has no instance");
  int adds = accumulate ? 1 : 0;
  if constexpr (FLOATS == 32) {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_REGISTERS, "64", 32, "{%32, %33, %34, %35}", "%36", "%37")
  } else if constexpr (FLOATS == 64) {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_REGISTERS, "128", 64, "{%64, %65, %66, %67}", "%68", "%69")
  } else {
    ONDOL_WGMMA_EACH(ONDOL_WGMMA_REGISTERS, "256", 128, "{%128, %129, %130, %131}", "%132", "%133")
  }
}

#endif

}  // namespace ondol::cuda

#endif
