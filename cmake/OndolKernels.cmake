# Reads the stems and their variants from the same .inc files as the C++ code.

# Folders under kernels/simd that native/src/stems.inc names, and the stems themselves.
function(ondol_read_stems stems_inc out_stems out_folders)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${stems_inc})
  file(STRINGS ${stems_inc} lines REGEX "^ONDOL_STEM\\(")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^ONDOL_STEM\\(([a-z_]+), ([a-z_]+)\\)" ignored "${line}")
    list(APPEND stems ${CMAKE_MATCH_1})
    list(APPEND folders ${CMAKE_MATCH_2})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  set(${out_stems} ${stems} PARENT_SCOPE)
  set(${out_folders} ${folders} PARENT_SCOPE)
endfunction()

# Adds kernels/simd/FOLDER/FOLDER_VARIANT.cpp to a target for each line of its variants.inc whose instruction set this
# compiler has, with the flags of that set.
function(ondol_add_kernel_folder target folder)
  set(path ${PROJECT_SOURCE_DIR}/kernels/simd/${folder})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path}/variants.inc)
  file(STRINGS ${path}/variants.inc lines REGEX "^ONDOL_VARIANT\\(")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^ONDOL_VARIANT\\(([a-z0-9_]+), ([A-Z0-9]+)\\)" ignored "${line}")
    set(variant ${CMAKE_MATCH_1})
    set(set ${CMAKE_MATCH_2})
    if(set IN_LIST ONDOL_SETS)
      set(source ${path}/${folder}_${variant}.cpp)
      target_sources(${target} PRIVATE ${source})
      set_source_files_properties(${source} TARGET_DIRECTORY ${target}
        PROPERTIES COMPILE_OPTIONS "${ONDOL_KERNEL_FLAGS};${ONDOL_FLAGS_${set}}")
    endif()
  endforeach()
endfunction()
