# Compiler flags. Those of an instruction set go to the small per-variant kernel files only, never to a target.

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON) # vector types
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O3")

# The one arithmetic: nothing contracted, nothing reassociated. errno is not part of it, so sqrt can be an instruction.
# Vector integers wrap around: exponent bits are shifted out on purpose.
set(ONDOL_FLAGS -Wall -Wextra -ffp-contract=off -fno-fast-math -fno-math-errno -fwrapv)

# Kernel bodies throw nothing and must not pull in unwinding tables of their own.
set(ONDOL_KERNEL_FLAGS -fno-exceptions -fno-rtti)

set(ONDOL_FLAGS_PORTABLE "")
set(ONDOL_FLAGS_AVX2 -mavx2 -mfma)
# GCC 12 warns inside its own AVX-512 header (_mm512_undefined_ps): a false alarm.
set(ONDOL_FLAGS_AVX512 -Wno-uninitialized -Wno-maybe-uninitialized -mavx2 -mfma -mavx512f -mavx512dq -mavx512bw
  -mavx512vl -mprefer-vector-width=512)

if(ONDOL_EMULATE_AVX512)
  set(ONDOL_FLAGS_AVX512 -mfma -Wno-psabi -I${CMAKE_CURRENT_SOURCE_DIR}/native/tests/emulated)
  add_compile_definitions(ONDOL_EMULATE_AVX512)
endif()

include(CheckCXXSourceCompiles)
check_cxx_source_compiles("
#if !defined(__x86_64__)
#error
#endif
int main() { return 0; }" ONDOL_X86)
set(ONDOL_SETS PORTABLE)
if(ONDOL_X86)
  list(APPEND ONDOL_SETS AVX2)
  if(ONDOL_AVX512)
    list(APPEND ONDOL_SETS AVX512)
  else()
    add_compile_definitions(ONDOL_WITHOUT_AVX512)
  endif()
endif()

if(ONDOL_SANITIZE)
  add_compile_options(-fsanitize=${ONDOL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${ONDOL_SANITIZE})
endif()
