# Installs BUILD_DIR below WORK_DIR, builds the consumer project against what was installed, and
# runs its programs and the installed command. Usage:
#   cmake -D BUILD_DIR=... -D WORK_DIR=... -D CXX=... -D CC=... -D CONSUMER=... -P run.cmake
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
set(prefix ${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK_DIR}/build -D CMAKE_BUILD_TYPE=Release
    -D CMAKE_C_COMPILER=${CC} -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR}/build --output-on-failure --no-tests=error)
run(${prefix}/bin/edgefusion generate -p "red apple" --steps 2 -s 7 -o ${WORK_DIR}/apple.png)
file(SIZE ${WORK_DIR}/apple.png size)
if(size LESS 100)
  message(FATAL_ERROR "apple.png: ${size} bytes, expected a picture")
endif()
