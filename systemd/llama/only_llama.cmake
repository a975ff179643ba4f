# Of llama.cpp only the library; llama-cpp-python includes this as CMAKE_PROJECT_llama_cpp_INCLUDE.
#
# Python needs neither its programs nor what they share, `common` with an HTTP client: compiling
# that takes half of the time and 678 MB, more than a Zero 2 W has. llama-cpp-python switches it on
# in CMake's cache whatever it is told; a variable of this name comes before the cache (CMP0126).
set(LLAMA_BUILD_COMMON OFF)
set(LLAVA_BUILD OFF)

# Its kernels for Intel's AMX fault on the second row of a batch (compare ggml-org/llama.cpp#20824):
# a workstation that has AMX computes with AVX-512.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  cmake_language(DEFER CALL target_compile_options ggml-cpu PRIVATE
                 -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
endif()
