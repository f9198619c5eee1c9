# Link `lockstep_warnings` to whatever is ours; third-party headers come in as SYSTEM. Where many
# sources are compiled as one, anonymous namespaces look as if they came from a header, and under a
# sanitizer g++ takes instrumented copies for uses of uninitialised values: those two warnings are
# off there.
add_library(lockstep_warnings INTERFACE)
target_compile_options(lockstep_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Werror>)
if(CMAKE_UNITY_BUILD)
  target_compile_options(lockstep_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()
if(LOCKSTEP_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(lockstep_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
endif()
