# EDGEFUSION_CORE_ONLY: the third-party targets that core, kernels, diffusion, graph, engine and
# models link, from headers alone, so that a cross build needs no package for its target.
# The headers are reached by links in the build folder: /usr/include itself also holds the C library
# of the machine that builds, which a cross compiler must not see.
find_package(Threads REQUIRED)
set(ef_headers ${PROJECT_BINARY_DIR}/headers)
file(MAKE_DIRECTORY ${ef_headers})
foreach(name hwy nlohmann tl fmt spdlog xxhash.h)
  if(NOT EXISTS /usr/include/${name})
    message(FATAL_ERROR "/usr/include/${name} not found (see scripts/dependencies.txt)")
  endif()
  file(CREATE_LINK /usr/include/${name} ${ef_headers}/${name} SYMBOLIC)
endforeach()
set(EXPECTED_INCLUDE_DIR ${ef_headers})

foreach(name spdlog::spdlog_header_only nlohmann_json::nlohmann_json PkgConfig::hwy)
  add_library(${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${name} SYSTEM INTERFACE ${ef_headers})
endforeach()
target_compile_definitions(spdlog::spdlog_header_only INTERFACE FMT_HEADER_ONLY SPDLOG_FMT_EXTERNAL)

if(EDGEFUSION_TESTS)
  include(GoogleTest)
  # The sources of package googletest: the built library of libgtest-dev is for this machine only.
  set(ef_gtest_dir /usr/src/googletest/googletest)
  if(NOT EXISTS ${ef_gtest_dir})
    message(FATAL_ERROR "${ef_gtest_dir} not found: install package googletest")
  endif()
  add_library(ef_gtest STATIC ${ef_gtest_dir}/src/gtest-all.cc)
  target_include_directories(ef_gtest SYSTEM PUBLIC ${ef_gtest_dir}/include PRIVATE ${ef_gtest_dir})
  target_link_libraries(ef_gtest PUBLIC Threads::Threads)
  add_library(ef_gtest_main STATIC ${ef_gtest_dir}/src/gtest_main.cc)
  target_link_libraries(ef_gtest_main PUBLIC ef_gtest)
  add_library(GTest::gtest ALIAS ef_gtest)
  add_library(GTest::gtest_main ALIAS ef_gtest_main)
endif()
