# UNBRINE_CUDA picks the one file that differs: kernels/backend_cuda.cu or
# kernels/backend_cuda_absent.cc, which lists no device. This version has only the second.

if(NOT UNBRINE_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "UNBRINE_CUDA is '${UNBRINE_CUDA}'; it must be AUTO, ON or OFF.")
endif()
if(UNBRINE_CUDA STREQUAL "ON")
  message(FATAL_ERROR "This version of unbrine has no CUDA backend: use UNBRINE_CUDA=AUTO or OFF.")
endif()
