#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "graph/graph.h"
#include "models/image_tower_config.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// An ImageTextModel in libtorch: its image tower, and the projection of text vectors.
class ImageTextNetwork {
 public:
  /// most: the largest batch it will be given. Errors: those of the config; invalid_argument for a
  /// batch out of range.
  static Result<ImageTextNetwork> make(const nlohmann::json& config, const std::string& origin,
                                       int64_t most);

  const models::ImageTowerConfig& config() const { return config_; }
  Parameters first_parameters(uint64_t seed, double temperature) const;
  /// Those of a model's folder. Errors: those of its files.
  Result<Parameters> load(const std::filesystem::path& folder) const;

  /// f32 [N,S,S,3] in -1..1 -> [N,E], of length 1. bf16: products.
  at::Tensor embed_pictures(const Parameters& parameters, const at::Tensor& pictures, bool bf16);
  /// [N,T] -> [N,E], of length 1; the vectors count by their direction alone.
  static at::Tensor embed_texts(const Parameters& parameters, const at::Tensor& vectors);
  /// What cosines are multiplied with; at most 100, as in CLIP.
  static at::Tensor scale(const Parameters& parameters);

  /// Of pictures alone; batch: at most what it was made for.
  graph::Graph tower(int64_t batch) const;
  int64_t macs_per_picture() const;

 private:
  explicit ImageTextNetwork(models::ImageTowerConfig config) : config_(std::move(config)) {}

  models::ImageTowerConfig config_;
  std::map<int64_t, graph::Graph> graphs_;  // by batch
};

}  // namespace edgefusion::train
