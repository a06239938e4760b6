#include "cli/command.h"

namespace edgefusion::cli {

/// Stands in for export-onnx in a program that was built without the library for it.
Action declare_export_onnx(CLI::App& app) {
  app.allow_extras();
  app.footer("This program was built without ONNX.");
  return [](const CommonOptions&) -> Status {
    return fail(ErrorCode::unsupported,
                "export-onnx: this program was built without ONNX; install libonnx-dev, "
                "libprotobuf-dev and protobuf-compiler and build it anew (EDGEFUSION_ONNX=ON)");
  };
}

}  // namespace edgefusion::cli
