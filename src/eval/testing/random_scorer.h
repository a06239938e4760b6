#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/image.h"
#include "formats/safetensors_writer.h"
#include "models/image_tower.h"

namespace edgefusion::eval::testing {

inline nlohmann::json scorer_config() {
  return {{"_class_name", "ImageTextModel"},
          {"image_size", 16},
          {"widths", {8, 16}},
          {"blocks", {1, 1}},
          {"norm_groups", 4},
          {"pool_heads", 2},
          {"embedding_width", 10},
          {"text_width", 48},
          {"text_tokens", 12}};
}

/// Numbers between -1 and 1 that look random.
inline Tensor noise(const Shape& shape, uint32_t seed) {
  Tensor x(shape, DType::f32);
  for (float& value : x.values<float>()) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return x;
}

/// The tensors of a scorer with that config, by name.
inline std::map<std::string, Tensor> scorer_tensors() {
  const auto config = *models::parse_image_tower_config(scorer_config(), "config.json");
  const auto graph = *models::build_image_tower(config, 1, nullptr);
  std::map<std::string, Tensor> tensors;
  uint32_t seed = 1;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op != graph::OpKind::weight) continue;
    const std::string& name = node.as<graph::WeightAttrs>().tensors.front();
    Tensor x = noise(graph.value(node.output).shape, seed++);
    const bool is_factor = name.find("norm") != std::string::npos && name.ends_with("weight");
    for (float& value : x.values<float>()) value = is_factor ? 1.0f + 0.2f * value : 0.3f * value;
    tensors.emplace(name, std::move(x));
  }
  tensors.emplace(models::kTextProjection, noise({10, 48}, seed));
  tensors.emplace(models::kLogitScale, Tensor::from_f32({1}, std::vector<float>{2.0f}));
  return tensors;
}

inline void write_tensors(const std::filesystem::path& path,
                          const std::map<std::string, Tensor>& tensors) {
  std::vector<formats::NamedTensor> named;
  for (const auto& [name, tensor] : tensors) named.push_back({name, tensor.view()});
  (void)formats::write_safetensors(path, named);
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A scorer's folder: weights made from seeds, the small BERT of the goldens, letters as
/// vocabulary.
inline void write_scorer(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  fs::create_directories(folder / "tokenizer");
  fs::copy(EF_SOURCE_DIR "/tests/goldens/text_encoder/bert", folder / "text_encoder");
  std::string tokens = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (char c = 'a'; c <= 'z'; ++c) tokens += std::string(1, c) + "\n##" + c + "\n";
  write_text(folder / "tokenizer" / "vocab.txt", tokens);
  write_text(folder / "tokenizer" / "tokenizer_config.json", R"({"model_max_length": 24})");
  write_text(folder / "config.json", scorer_config().dump());
  write_tensors(folder / "model.safetensors", scorer_tensors());
}

/// A picture of one colour with a darker part, of any size.
inline formats::Image picture(int width, int height, uint8_t red, uint8_t green) {
  formats::Image image{.width = width, .height = height, .channels = 3, .pixels = {}};
  for (int i = 0; i < width * height; ++i) {
    const bool dark = i % width > width / 2 && i / width > height / 3;
    for (const uint8_t value : {red, green, uint8_t{90}}) {
      image.pixels.push_back(dark ? static_cast<uint8_t>(value / 3) : value);
    }
  }
  return image;
}

}  // namespace edgefusion::eval::testing
