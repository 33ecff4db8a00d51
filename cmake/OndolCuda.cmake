# Looks for nvcc. Sets ONDOL_CUDA_FOUND; where it is missing the build goes on without the CUDA library and says so.
# With AUTO the library is a target to ask for (ondolcuda), because it takes minutes to compile; with ON it is part of
# `all` and is installed.

set(ONDOL_CUDA AUTO CACHE STRING 
  "The CUDA kernels: AUTO (a target, where nvcc is), ON (built, fail without nvcc) or OFF")
set_property(CACHE ONDOL_CUDA PROPERTY STRINGS AUTO ON OFF)

# Machine code for the A100 and for the H100 and H200, both from the PTX of the first, which goes along and which the driver
# compiles for every other device: a second pass of the compiler for 9.0 would take a quarter more of the time, for kernels
# that use nothing of it. The kernels that do are compiled for 9.0 alone, below.
set(ONDOL_CUDA_CAPABILITIES "80;90" CACHE STRING
  "Compute capabilities, without the point, of the machine code; ascending, the PTX is the first one's")
set(ONDOL_CUDA_HOPPER_ARCHITECTURE 90a) # wgmma and its kin

set(ONDOL_CUDA_FOUND FALSE)
if(ONDOL_CUDA STREQUAL "OFF")
  message(STATUS "CUDA kernels: skipped, ONDOL_CUDA is OFF")
else()
  # Toolkit 13 has no default architecture that CMake 3.25 knows: it must be named before the language is looked for.
  list(GET ONDOL_CUDA_CAPABILITIES 0 CMAKE_CUDA_ARCHITECTURES)
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

# Sets `variable` to nvcc's option for a source. Where 9.0 is not wanted a Hopper kernel is compiled as the others, to a body
# that is never started.
function(ondol_cuda_architecture source variable)
  list(GET ONDOL_CUDA_CAPABILITIES 0 virtual)
  list(TRANSFORM ONDOL_CUDA_CAPABILITIES PREPEND sm_ OUTPUT_VARIABLE codes)
  list(JOIN codes "," codes)
  set(option --generate-code=arch=compute_${virtual},code=[compute_${virtual},${codes}])
  get_filename_component(name ${source} NAME)
  if(name MATCHES "^hopper" AND 90 IN_LIST ONDOL_CUDA_CAPABILITIES)
    set(hopper ${ONDOL_CUDA_HOPPER_ARCHITECTURE})
    set(option --generate-code=arch=compute_${hopper},code=[sm_${hopper}])
  endif()
  set(${variable} ${option} PARENT_SCOPE)
endfunction()
