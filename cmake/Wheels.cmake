# Finds the folder of the virtual environment's wheels without importing torch (which takes
# seconds and loads a GPU driver if there is one).
set(LOCKSTEP_PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python CACHE FILEPATH
    "Python of the virtual environment that holds LibTorch, CUDA and NCCL")
if(NOT EXISTS ${LOCKSTEP_PYTHON})
  message(FATAL_ERROR "${LOCKSTEP_PYTHON} is not there. hint: run ./launcher/setup, which makes it")
endif()

function(lockstep_find_wheel module output)
  execute_process(
    COMMAND ${LOCKSTEP_PYTHON} -c
      "import importlib.util as u; print(list(u.find_spec('${module}').submodule_search_locations)[0])"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  if(failed)
    message(FATAL_ERROR "The wheel of '${module}' is not installed. hint: run ./launcher/setup")
  endif()
  set(${output} ${folder} PARENT_SCOPE)
endfunction()

lockstep_find_wheel(torch LOCKSTEP_TORCH_ROOT)
lockstep_find_wheel(nvidia.cu13 LOCKSTEP_CUDA_ROOT)
lockstep_find_wheel(nvidia.nccl LOCKSTEP_NCCL_ROOT)
lockstep_find_wheel(nvidia.cudnn LOCKSTEP_CUDNN_ROOT)
