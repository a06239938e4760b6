#include "onnx/export_groups.h"

#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/atomic_file.h"

namespace edgefusion::onnx {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

template <typename List>
json names_in(const List& infos) {
  json names = json::array();
  for (const auto& info : infos) names.push_back(info.name());
  return names;
}

json names_of(const graph::Graph& graph, std::span<const graph::ValueId> ids,
              const ExportOptions& options) {
  json names = json::array();
  for (const graph::ValueId id : ids) {
    const std::string& name = graph.value(id).name;
    const auto found = options.names.find(name);
    names.push_back(found == options.names.end() ? name : found->second);
  }
  return names;
}

}  // namespace

std::string file_stem(std::string_view group) {
  constexpr size_t kMost = 120;  // well below what file systems take
  std::string stem(group.substr(0, kMost));
  for (char& c : stem) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
    if (!is_plain) c = '_';
  }
  if (stem.starts_with('.')) stem.front() = '_';
  return stem;
}

Result<fs::path> export_whole(const graph::Graph& graph, const TensorSource& weights,
                              const ExportOptions& options, const WriteOptions& write,
                              const fs::path& folder) {
  EF_TRY(const Draft draft, export_graph(graph, weights, options));
  const fs::path file = folder / "model.onnx";
  EF_TRY_STATUS(write_model(draft, file, write));
  return file;
}

Result<std::vector<fs::path>> export_groups(const graph::Graph& graph,
                                            std::span<const NodeGroup> groups,
                                            const TensorSource& weights,
                                            const ExportOptions& options, const WriteOptions& write,
                                            const fs::path& folder) {
  // A plan's group that ends no node is a part of a later one's.
  std::vector<NodeGroup> filled(groups.begin(), groups.end());
  std::erase_if(filled, [](const NodeGroup& group) { return group.nodes.empty(); });
  EF_TRY(const std::vector<graph::Graph> parts, split_into_groups(graph, filled));
  json manifest = {{"version", 1},
                   {"network", folder.filename().string()},
                   {"inputs", names_of(graph, graph.inputs(), options)},
                   {"outputs", names_of(graph, graph.outputs(), options)},
                   {"groups", json::array()}};
  std::vector<fs::path> files;
  for (size_t g = 0; g < parts.size(); ++g) {
    EF_TRY(const Draft draft, export_graph(parts[g], weights, options));
    files.push_back(folder / (file_stem(filled[g].name) + ".onnx"));
    EF_TRY_STATUS(write_model(draft, files.back(), write));
    manifest["groups"].push_back({{"name", filled[g].name},
                                  {"file", files.back().filename().string()},
                                  {"inputs", names_in(draft.model().graph().input())},
                                  {"outputs", names_in(draft.model().graph().output())}});
  }
  const std::string text = manifest.dump(2) + "\n";
  EF_TRY_STATUS(write_file_atomically(folder / "groups.json",
                                      std::as_bytes(std::span(text.data(), text.size()))));
  return files;
}

}  // namespace edgefusion::onnx
