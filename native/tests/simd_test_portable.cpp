#include "simd_portable.h"
#include "simd_checks.h"

int simd_test() {
  return ondol::SimdChecks<ondol::Portable>::run("portable");
}
