# CUDA and NCCL from the wheels: no toolkit of the system is needed or looked at.
# The runtime wheel has libcudart.so.13 but not the name that linkers look for.
set(cuda_links ${CMAKE_BINARY_DIR}/cuda_links)
file(MAKE_DIRECTORY ${cuda_links})
file(CREATE_LINK ${LOCKSTEP_CUDA_ROOT}/lib/libcudart.so.13 ${cuda_links}/libcudart.so SYMBOLIC)

set(ENV{CUDA_PATH} ${LOCKSTEP_CUDA_ROOT})
set(CMAKE_CUDA_COMPILER ${LOCKSTEP_CUDA_ROOT}/bin/nvcc)
set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
set(CMAKE_CUDA_STANDARD 17)
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80;90)  # A100 and H100 class; newer GPUs compile the PTX of 90
endif()
string(APPEND CMAKE_CUDA_FLAGS_INIT " -L${cuda_links} -L${LOCKSTEP_CUDA_ROOT}/lib")
enable_language(CUDA)

add_library(lockstep_cudart INTERFACE)
target_include_directories(lockstep_cudart SYSTEM INTERFACE ${LOCKSTEP_CUDA_ROOT}/include)
target_link_libraries(lockstep_cudart INTERFACE ${LOCKSTEP_CUDA_ROOT}/lib/libcudart.so.13)

add_library(lockstep_nccl INTERFACE)
target_include_directories(lockstep_nccl SYSTEM INTERFACE ${LOCKSTEP_NCCL_ROOT}/include)
target_link_libraries(lockstep_nccl INTERFACE
  ${LOCKSTEP_NCCL_ROOT}/lib/libnccl.so.2 lockstep_cudart)
