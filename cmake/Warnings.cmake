# Link `lockstep_warnings` to whatever is ours; third-party headers come in as SYSTEM. Under a
# sanitizer g++ takes instrumented copies for uses of uninitialised values, and its presets compile
# many sources as one, where anonymous namespaces look as if they came from a header: those two
# warnings are off there.
add_library(lockstep_warnings INTERFACE)
target_compile_options(lockstep_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Werror>)
if(LOCKSTEP_SANITIZE)
  target_compile_options(lockstep_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized;-Wno-subobject-linkage>)
endif()
