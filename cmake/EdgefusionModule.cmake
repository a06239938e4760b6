# Caps under which tests labelled per_isa run; a cap this CPU lacks repeats the next weaker one.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(ef_isas scalar neon neon_dot neon_i8mm neon_bf16)
else()
  set(ef_isas scalar sse4 avx2 avx512 avx512_vnni avx512_bf16)
  # The strongest name of all keeps everything: of use only where there are matrix units.
  if(EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo ef_amx REGEX "amx_" LIMIT_COUNT 1)
    if(ef_amx)
      list(APPEND ef_isas amx_int8)
    endif()
  endif()
endif()
set(EDGEFUSION_TEST_ISAS ${ef_isas} CACHE STRING "Instruction sets the per_isa tests run under")

# Fuzzing needs coverage marks in every module, and sanitizers to see what goes wrong.
if(EDGEFUSION_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "EDGEFUSION_FUZZ needs clang (libFuzzer); set CMAKE_CXX_COMPILER")
  endif()
  if(NOT EDGEFUSION_SANITIZE)
    set(EDGEFUSION_SANITIZE "address,undefined")
  endif()
endif()

# ef_flags(TARGET): the flags every target of this project gets; on targets, never global.
function(ef_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wno-psabi
                         -Wno-missing-field-initializers)
  # Contracting a*b+c to an FMA behind our back would make results depend on the compiler.
  target_compile_options(${target} PRIVATE -ffp-contract=off -fvisibility-inlines-hidden)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(EDGEFUSION_DEV)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(EDGEFUSION_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${EDGEFUSION_SANITIZE}
                                             -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${EDGEFUSION_SANITIZE})
  endif()
  if(EDGEFUSION_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# unit_tests: builds the quick tests alone, those ./test runs under the sanitizers.
function(ef_unit_test target)
  if(NOT TARGET unit_tests)
    add_custom_target(unit_tests)
  endif()
  add_dependencies(unit_tests ${target})
endfunction()

# ef_test(NAME SOURCES... DEPS targets... LABELS labels... [ARGS ...] [TIMEOUT s]):
# one GoogleTest program, registered with ctest as a whole.
# A test labelled per_isa is registered once per instruction-set cap in EDGEFUSION_TEST_ISAS.
function(ef_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT EDGEFUSION_TESTS)
    return()
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 600)
  endif()
  add_executable(${name} ${T_SOURCES})
  ef_flags(${name})
  target_link_libraries(${name} PRIVATE ${T_DEPS} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE EF_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if("unit" IN_LIST T_LABELS AND NOT "slow" IN_LIST T_LABELS AND NOT "per_isa" IN_LIST T_LABELS)
    ef_unit_test(${name})
  endif()
  if("train" IN_LIST T_LABELS)
    if(NOT TARGET train_tests)
      add_custom_target(train_tests)
    endif()
    add_dependencies(train_tests ${name})
  endif()
  if("per_isa" IN_LIST T_LABELS)
    foreach(isa IN LISTS EDGEFUSION_TEST_ISAS)
      add_test(NAME ${name}.${isa} COMMAND ${name})
      set_tests_properties(${name}.${isa} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
        ENVIRONMENT "EDGEFUSION_ISA=${isa}" SKIP_RETURN_CODE 77)
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT})
  endif()
endfunction()

# One Google Benchmark program per *_bench.cc in the module's folder.
function(ef_benches name)
  file(GLOB_RECURSE benches CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_bench.cc)
  foreach(bench_source IN LISTS benches)
    get_filename_component(stem ${bench_source} NAME_WE)
    add_executable(${name}_${stem} ${bench_source})
    ef_flags(${name}_${stem})
    target_link_libraries(${name}_${stem} PRIVATE edgefusion::${name} benchmark::benchmark)
  endforeach()
endfunction()

# ef_module(NAME SOURCES files... DEPS modules... [LIBS targets...] [OWN_LIBS targets...]
#           [PER_ISA_TESTS names...] [APART] [PROGRAM]):
# library edgefusion_NAME, alias edgefusion::NAME, and one test program per *_test.cc in the folder.
# DEPS are modules of ours (what the layering allows), LIBS third-party targets;
# OWN_LIBS those that only its own sources and tests see. APART: a part of
# training, PROGRAM: of the program; neither is one of the installed library.
function(ef_module name)
  cmake_parse_arguments(M "APART;PROGRAM" "" "SOURCES;DEPS;LIBS;OWN_LIBS;PER_ISA_TESTS" ${ARGN})
  set(lib edgefusion_${name})
  add_library(${lib} STATIC ${M_SOURCES})
  add_library(edgefusion::${name} ALIAS ${lib})
  ef_flags(${lib})
  target_include_directories(${lib} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                                           $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  list(TRANSFORM M_DEPS PREPEND edgefusion::)
  target_link_libraries(${lib} PUBLIC ${M_DEPS} ${M_LIBS} PRIVATE ${M_OWN_LIBS})
  if(NOT M_APART AND NOT M_PROGRAM)
    # The installed library is made of the objects of all these modules.
    set_property(GLOBAL APPEND PROPERTY EF_MODULES ${lib})
  endif()
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  foreach(test_source IN LISTS tests)
    get_filename_component(stem ${test_source} NAME_WE)
    set(labels unit)
    if(stem IN_LIST M_PER_ISA_TESTS)
      list(APPEND labels per_isa)
    endif()
    if(M_APART)
      list(APPEND labels train)
    endif()
    ef_test(${name}_${stem} SOURCES ${test_source} DEPS edgefusion::${name} ${M_OWN_LIBS}
            LABELS ${labels})
  endforeach()
  if(EDGEFUSION_BENCH)
    ef_benches(${name})
  endif()
endfunction()
