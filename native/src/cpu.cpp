// What the CPU offers and the operating system has enabled. CPUID alone is not enough: a kernel or hypervisor that does
// not save the wide registers leaves their bits in XCR0 clear, and the first wide instruction would be an illegal one.
#include "kernel.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ondol {

const char* missing_portable() {
  return nullptr;
}

#if defined(__x86_64__)
namespace {

struct Cpu {
  bool avx2_fma = false, avx512 = false;    // in the CPU
  bool ymm_state = false, zmm_state = false;  // saved by the operating system

  Cpu() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    const bool fma = c & bit_FMA;
    const bool osxsave = c & bit_OSXSAVE;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
      avx2_fma = fma && (b & bit_AVX2);
      const unsigned needed = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
      avx512 = avx2_fma && (b & needed) == needed;
    }
    if (!osxsave) return;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    ymm_state = (low & 0x06) == 0x06;               // XMM, YMM
    zmm_state = ymm_state && (low & 0xE0) == 0xE0;  // opmask, ZMM 0-15 high halves, ZMM 16-31
  }
};

const Cpu& cpu() {
  static const Cpu cpu;
  return cpu;
}

}  // namespace

const char* missing_avx2() {
  if (!cpu().avx2_fma) return "this CPU has no AVX2 with FMA";
  if (!cpu().ymm_state) return "the operating system has not enabled the AVX registers (XCR0)";
  return nullptr;
}

const char* missing_avx512() {
#ifdef ONDOL_EMULATE_AVX512
  return missing_avx2();
#endif
  if (!cpu().avx512) return "this CPU has no AVX-512 (F, DQ, BW, VL)";
  if (!cpu().zmm_state) return "the operating system has not enabled the AVX-512 registers (XCR0)";
  return nullptr;
}
#endif

}  // namespace ondol
