#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "pipeline/model.h"
#include "quant/quantized_layer.h"
#include "quant/report.h"
#include "quant/search.h"

namespace edgefusion::quant {

struct QuantizeOptions {
  std::vector<std::string> prompts;  ///< calibration; never empty
  std::vector<std::string> check;    ///< what was chosen is judged by them; never empty
  std::optional<int> steps, width, height;
  uint64_t seed = 0;
  std::optional<Recipe> recipe;
  SearchGoal goal;
  QuantizationMethods methods;
  /// Tried beside bf16; those of the recipe are tried too.
  std::vector<graph::Scheme> schemes = {graph::Scheme::w8a8, graph::Scheme::w8a8_dynamic,
                                        graph::Scheme::w8a8_winograd};
  std::vector<graph::AttentionScheme> attention_schemes = {graph::AttentionScheme::int8};
  size_t sensitivity_prompts = 4;  ///< the first ones
  std::string provenance;          ///< "calibration.txt, 256 prompts": for the bundle
  std::function<void(std::string_view what, size_t done, size_t total)> progress;
  /// CLIP scores of pictures, one beside each prompt; empty: reports have none.
  std::function<Result<std::vector<double>>(std::span<const std::string> prompts,
                                            std::span<const formats::Image> pictures)>
      clip_scores;
  const std::atomic<bool>* cancel = nullptr;
};

/// Calibrates, measures, chooses, and writes the bundle at `out`, whole or not at all. Returns what
/// there is to report. Warns through runtime.log of schemes of the recipe that layers cannot have.
/// Errors: a model that is quantised already; recipe; a budget that cannot be
/// met (resource_exhausted, with the nearest that can); those of running and writing.
Result<QuantizationReport> quantize_model(std::shared_ptr<const pipeline::Model> model,
                                          const QuantizeOptions& options,
                                          const std::filesystem::path& out, const Runtime& runtime);

}  // namespace edgefusion::quant
