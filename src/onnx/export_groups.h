#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "onnx/export_graph.h"
#include "onnx/split_groups.h"
#include "onnx/write_model.h"

namespace edgefusion::onnx {

/// Writes the graph as folder/model.onnx, with folder/model.onnx.data beside it if external.
/// Returns the file. Errors: those of export_graph and write_model.
Result<std::filesystem::path> export_whole(const graph::Graph& graph, const TensorSource& weights,
                                           const ExportOptions& options, const WriteOptions& write,
                                           const std::filesystem::path& folder);

/// What the file of a group is called: its name, with "_" for all but letters, digits, "-" and ".".
std::string file_stem(std::string_view group);

/// Writes one model for each group that has nodes, folder/GROUP.onnx, and folder/groups.json:
///   {"version": 1, "network": "unet", "inputs": [...], "outputs": [...],
///    "groups": [{"name", "file", "inputs": [...], "outputs": [...]}, ...]}
/// Run in that order, each with the values of its inputs by name, they give the network's outputs.
/// Returns the models' files. Errors: also those of split_into_groups.
Result<std::vector<std::filesystem::path>> export_groups(
    const graph::Graph& graph, std::span<const NodeGroup> groups, const TensorSource& weights,
    const ExportOptions& options, const WriteOptions& write, const std::filesystem::path& folder);

}  // namespace edgefusion::onnx
