# LibTorch from the torch wheel as imported targets. Torch's own package file stops without a CUDA
# toolkit and, with one but no GPU, fails while it guesses architectures; these few lines do not.
set(torch_lib ${LOCKSTEP_TORCH_ROOT}/lib)

add_library(lockstep_libtorch INTERFACE)
foreach(name c10 torch_cpu torch c10_cuda torch_cuda)
  add_library(LibTorch::${name} SHARED IMPORTED)
  set_target_properties(LibTorch::${name} PROPERTIES IMPORTED_LOCATION ${torch_lib}/lib${name}.so)
endforeach()
target_include_directories(lockstep_libtorch SYSTEM INTERFACE
  ${LOCKSTEP_TORCH_ROOT}/include ${LOCKSTEP_TORCH_ROOT}/include/torch/csrc/api/include)
target_link_libraries(lockstep_libtorch INTERFACE LibTorch::torch_cpu LibTorch::c10)
# libtorch_cuda registers its kernels when it is loaded: it must be linked although no symbol of it
# is named, so --as-needed is off for it.
target_link_libraries(lockstep_libtorch INTERFACE
  LibTorch::c10_cuda -Wl,--no-as-needed LibTorch::torch_cuda -Wl,--as-needed)
# The OpenMP library that LibTorch's threads come from, and no second one beside it.
add_library(LibTorch::gomp SHARED IMPORTED)
set_target_properties(LibTorch::gomp PROPERTIES IMPORTED_LOCATION ${torch_lib}/libgomp.so.1)
target_link_libraries(lockstep_libtorch INTERFACE LibTorch::gomp)
