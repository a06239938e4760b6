// write_cases FOLDER: writes each case of all_cases.h as FOLDER/NAME/model.onnx (or groups.json and
// its models) beside values.safetensors ("in.NAME", "out.NAME" as in the file; metadata "bound"),
// for onnxruntime to be held against the graph's reference.
#include <cstdio>
#include <filesystem>
#include <utility>

#include "formats/safetensors_writer.h"
#include "onnx/export_groups.h"
#include "onnx/testing/all_cases.h"

namespace edgefusion::onnx {
namespace {

Status write_values(const ExportCase& given, const std::filesystem::path& path) {
  std::vector<std::pair<std::string, Tensor>> held;
  const auto hold = [&](const char* prefix, const std::map<std::string, Tensor>& tensors) {
    for (const auto& [name, tensor] : tensors) {
      held.emplace_back(prefix + name,
                        tensor.shape().rank() == 4 ? nhwc_to_nchw(tensor.view()) : tensor);
    }
  };
  hold("in.", given.inputs);
  hold("out.", given.outputs);
  std::vector<formats::NamedTensor> tensors;
  for (const auto& [name, tensor] : held) tensors.push_back({name, tensor.view()});
  return formats::write_safetensors(path, tensors, {{"bound", std::to_string(given.bound)}});
}

Status write_case(const ExportCase& given, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  EF_TRY_STATUS(write_values(given, folder / "values.safetensors"));
  if (given.groups.empty()) {
    return export_whole(given.graph, given.weights, given.options(), {}, folder)
        .map([](const auto&) {});
  }
  return export_groups(given.graph, given.groups, given.weights, given.options(), {}, folder)
      .map([](const auto&) {});
}

int run(const std::filesystem::path& folder) {
  for (const ExportCase& given : all_cases()) {
    const Status written = write_case(given, folder / given.name);
    if (written) continue;
    std::fprintf(stderr, "%s: %s\n", given.name.c_str(), written.error().message().c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace edgefusion::onnx

int main(int argc, char** argv) {
  if (argc == 2) return edgefusion::onnx::run(argv[1]);
  std::fprintf(stderr, "usage: write_cases FOLDER\n");
  return 2;
}
