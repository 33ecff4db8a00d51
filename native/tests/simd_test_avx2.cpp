#include "simd_avx2.h"
#include "simd_checks.h"

int simd_test() {
  return ondol::SimdChecks<ondol::Avx2>::run("avx2");
}
