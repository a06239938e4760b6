#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/cpu_features.h"
#include "core/result.h"
#include "engine/program.h"
#include "formats/diffusers_folder.h"
#include "graph/quantization.h"

namespace edgefusion::pipeline {

/// How the networks of a model are quantised, by role; those that are not there are not.
using ModelQuantization = std::map<std::string, graph::NetworkQuantization, std::less<>>;

bool is_quantized(const formats::ModelFolder& folder);

/// What a bundle's edgefusion.json says of it ("quantization", docs/bundle.md); empty for models
/// that are not quantised. Errors: bad_file naming the layer, what was expected and found.
Result<ModelQuantization> read_quantization(const formats::ModelFolder& folder);

/// The same as JSON, without the numbers that the bundle keeps as tensors (QuantizedContents).
nlohmann::json to_json(const graph::NetworkQuantization& quantization);

/// What "auto" means for this model on this CPU: int8 for a quantised one, else as
/// engine::parse_precision says. Errors: unknown; int8 of a model that is not quantised.
Result<engine::Precision> choose_precision(std::string_view name,
                                           const formats::ModelFolder& folder, IsaSet isa);

}  // namespace edgefusion::pipeline
