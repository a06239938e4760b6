#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "formats/safetensors.h"
#include "models/registry.h"

namespace edgefusion::parity {

/// A small network with random weights and what the reference implementation made of its inputs.
/// golden.safetensors holds "in.<run>.<name>", "out.<run>.<name>" and, for run 0, "tap.<module>",
/// all in the layout of the reference (NCHW).
struct GoldenCase {
  nlohmann::json config;
  std::string config_path;
  formats::SafetensorsFile weights;
  formats::SafetensorsFile golden;

  static Result<GoldenCase> load(const std::filesystem::path& folder);
};

/// One network to build and run, and what it must give.
struct Job {
  std::string name;  ///< "run 1, vae_decoder", for messages
  models::NetworkRequest request;
  std::map<std::string, Tensor> inputs;                    ///< channels last, f32 or i32
  std::map<std::string, const ConstTensorView*> expected;  ///< by the graph's output name
  std::map<std::string, const ConstTensorView*> taps;      ///< by module, in order of the file
};

/// All that a case asks for: one job per run and network.
std::vector<Job> jobs_of(const GoldenCase& golden);

}  // namespace edgefusion::parity
