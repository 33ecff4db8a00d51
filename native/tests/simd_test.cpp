// Runs the checks of one instruction set where the CPU has it. Compiled without its flags and free of inline functions,
// so that nothing wide runs before the question is answered.
#include <stdio.h>
#include <string.h>

#include "ondol.h"

int simd_test();

int main() {
  for (int64_t i = 0; ondol_variant_name("elementwise", i) != nullptr; i++) {
    if (strcmp(ondol_variant_name("elementwise", i), SIMD_TEST_VARIANT) != 0) continue;
    const char* why = nullptr;
    if (ondol_variant_available("elementwise", i, &why)) return simd_test();
    printf("skipped: %s\n", why);
    return 77;
  }
  printf("there is no variant %s\n", SIMD_TEST_VARIANT);
  return 1;
}
