# Link `lockstep_warnings` to whatever is ours; third-party headers come in as SYSTEM. Under a
# sanitizer g++ takes instrumented copies for uses of uninitialised values, so that warning is off.
add_library(lockstep_warnings INTERFACE)
target_compile_options(lockstep_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Werror>)
if(LOCKSTEP_SANITIZE)
  target_compile_options(lockstep_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
endif()
