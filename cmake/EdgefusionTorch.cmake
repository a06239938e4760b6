# libtorch as the target edgefusion::torch. Two ways:
# - EDGEFUSION_TORCH names a folder with the Python package "torch" in it, as scripts/install_torch.sh
#   makes it: its libraries are linked by name, for the package's own CMake files ask for a CUDA
#   toolkit even where only the CPU is used.
#   EDGEFUSION_TORCH_GPU adds its part for GPUs with NCCL; that wants a CUDA toolkit to build, and the
#   package's own requirements (cuBLAS, cuDNN, NCCL, ...) installed beside it to run.
# - Otherwise TorchConfig.cmake is looked for (Torch_DIR, CMAKE_PREFIX_PATH): a libtorch with CUDA.
set(EDGEFUSION_TORCH "" CACHE PATH "Folder that holds the Python package torch")
option(EDGEFUSION_TORCH_GPU "Train on GPUs with the package in EDGEFUSION_TORCH" OFF)

add_library(edgefusion_torch INTERFACE)
add_library(edgefusion::torch ALIAS edgefusion_torch)
if(EDGEFUSION_TORCH)
  set(torch_root ${EDGEFUSION_TORCH}/torch)
  if(NOT EXISTS ${torch_root}/lib/libtorch_cpu.so)
    message(FATAL_ERROR "EDGEFUSION_TORCH: ${torch_root}/lib/libtorch_cpu.so not found")
  endif()
  set(cuda_libraries ${EDGEFUSION_TORCH}/nvidia/cu13/lib)
  target_include_directories(edgefusion_torch SYSTEM INTERFACE
    ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
  target_compile_definitions(edgefusion_torch INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
  target_link_libraries(edgefusion_torch INTERFACE
    ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
  # Not libtorch.so, which brings the libraries of a GPU. libtorch_cpu.so wants two of CUDA's at load
  # time all the same.
  target_link_options(edgefusion_torch INTERFACE
    -Wl,--disable-new-dtags -Wl,-rpath,${torch_root}/lib -Wl,-rpath,${cuda_libraries}
    -Wl,-rpath-link,${cuda_libraries})
  if(EDGEFUSION_TORCH_GPU)
    find_package(CUDAToolkit REQUIRED)
    target_include_directories(edgefusion_torch SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
    target_compile_definitions(edgefusion_torch INTERFACE USE_C10D_NCCL)
    # Nothing calls into it by name: it makes itself known when it is loaded.
    target_link_options(edgefusion_torch INTERFACE
      -Wl,--no-as-needed ${torch_root}/lib/libtorch_cuda.so ${torch_root}/lib/libc10_cuda.so
      -Wl,--as-needed -Wl,--unresolved-symbols=ignore-in-shared-libs)
  endif()
else()
  find_package(Torch REQUIRED)
  target_link_libraries(edgefusion_torch INTERFACE ${TORCH_LIBRARIES})
endif()
# The names of Gloo that a header of libtorch speaks of, which its packages leave out.
target_include_directories(edgefusion_torch SYSTEM INTERFACE ${PROJECT_SOURCE_DIR}/cmake/gloo)
