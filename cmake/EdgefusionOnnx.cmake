# The messages of ONNX files, compiled from the definition that Debian's libonnx-dev brings, for
# protobuf's lite runtime, linked statically: the program loads no further library because of them.
# Makes edgefusion_onnx_proto if all is there; export-onnx says what is missing otherwise.
option(EDGEFUSION_ONNX "Build export-onnx (needs libonnx-dev, libprotobuf-dev, protobuf-compiler)" ON)
if(NOT EDGEFUSION_ONNX)
  return()
endif()
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf QUIET)
find_file(EDGEFUSION_ONNX_PROTO onnx/onnx.proto)
if(NOT Protobuf_FOUND OR NOT Protobuf_PROTOC_EXECUTABLE OR NOT EDGEFUSION_ONNX_PROTO)
  message(STATUS "export-onnx is left out: libonnx-dev, libprotobuf-dev or protobuf-compiler is missing")
  return()
endif()

# A package of our own keeps these classes apart from those of libonnx in one process.
set(ef_proto_dir ${PROJECT_BINARY_DIR}/onnx_proto)
set(ef_proto ${ef_proto_dir}/onnx_messages.proto)
file(READ ${EDGEFUSION_ONNX_PROTO} ef_proto_text)
string(REPLACE "\npackage onnx;" "\npackage edgefusion.onnx_proto;" ef_proto_text "${ef_proto_text}")
file(CONFIGURE OUTPUT ${ef_proto} CONTENT "${ef_proto_text}" @ONLY)
set(ef_proto_outputs ${ef_proto_dir}/onnx_messages.pb.cc ${ef_proto_dir}/onnx_messages.pb.h)
add_custom_command(
  OUTPUT ${ef_proto_outputs}
  COMMAND ${Protobuf_PROTOC_EXECUTABLE} --cpp_out=lite:${ef_proto_dir} -I ${ef_proto_dir} ${ef_proto}
  DEPENDS ${ef_proto})
add_library(edgefusion_onnx_proto STATIC ${ef_proto_outputs})
target_include_directories(edgefusion_onnx_proto SYSTEM PUBLIC ${ef_proto_dir})
target_link_libraries(edgefusion_onnx_proto PUBLIC protobuf::libprotobuf-lite Threads::Threads)
