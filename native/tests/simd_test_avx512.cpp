#include "simd_avx512.h"
#include "simd_checks.h"

int simd_test() {
  return ondol::SimdChecks<ondol::Avx512>::run("avx512");
}
