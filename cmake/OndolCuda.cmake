# Looks for nvcc. Sets ONDOL_CUDA_FOUND; where it is missing the build goes on without the CUDA library and says so.
# With AUTO the library is a target to ask for (ondolcuda), because it takes minutes to compile; with ON it is part of
# `all` and is installed.

set(ONDOL_CUDA AUTO CACHE STRING 
  "The CUDA kernels: AUTO (a target, where nvcc is), ON (built, fail without nvcc) or OFF")
set_property(CACHE ONDOL_CUDA PROPERTY STRINGS AUTO ON OFF)

# Machine code for the A100, with its PTX, which the driver compiles for every later device, and for the H100 and H200. Both
# of the first come from one pass of the compiler.
set(ONDOL_CUDA_ARCHITECTURES "80;90a-real" CACHE STRING "As CMAKE_CUDA_ARCHITECTURES")

set(ONDOL_CUDA_FOUND FALSE)
if(ONDOL_CUDA STREQUAL "OFF")
  message(STATUS "CUDA kernels: skipped, ONDOL_CUDA is OFF")
else()
  # Toolkit 13 has no default architecture that CMake 3.25 knows: it must be named before the language is looked for.
  set(CMAKE_CUDA_ARCHITECTURES "${ONDOL_CUDA_ARCHITECTURES}")
  include(CheckLanguage)
  set(CMAKE_MESSAGE_LOG_LEVEL WARNING)
  check_language(CUDA)
  unset(CMAKE_MESSAGE_LOG_LEVEL)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(ONDOL_CUDA_FOUND TRUE)
    message(STATUS "CUDA kernels: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, target ondolcuda")
  elseif(ONDOL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "ONDOL_CUDA is ON but there is no nvcc: install the CUDA toolkit (12 or later) or set CUDACXX")
  else()
    message(STATUS "CUDA kernels: skipped, no nvcc (install the CUDA toolkit, 12 or later, or set CUDACXX)")
  endif()
endif()

# The one arithmetic on the device: nothing contracted, subnormals kept, division and square root rounded correctly.
# Register and shared-memory use goes to the build log; a kernel that spills registers fails the build.
set(ONDOL_CUDA_FLAGS -fmad=false -ftz=false -prec-div=true -prec-sqrt=true
  -Xptxas=-v,--warn-on-spills,--warning-as-error)
