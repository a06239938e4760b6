#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/quantized_tensor.h"
#include "engine/random_weights.h"

namespace edgefusion::engine {

/// RandomWeights whose matrices are codes of one kind, of deviations like theirs: what a quantised
/// file gives the engine.
class CodedWeights : public TensorSource {
 public:
  CodedWeights(const graph::Graph& graph, WeightCode code) : plain_(graph) {
    for (const std::string& name : plain_.names()) {
      const Shape& shape = plain_.find(name)->shape;
      if (shape.rank() == 2 || shape.rank() == 4) add(name, shape, code);
    }
  }

  const ConstTensorView* find(std::string_view name) const override {
    const auto found = entries_.find(name);
    return found == entries_.end() ? plain_.find(name) : &found->second.view;
  }
  const QuantizedTensor* quantized(std::string_view name) const override {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second.tensor;
  }
  std::vector<std::string> names() const override { return plain_.names(); }
  std::string origin() const override { return "codes"; }

  /// The same codes, of a layer whose inputs were scaled: codes of a layer of static scales must
  /// have the layer's.
  void set_input_scale(const std::string& name, std::vector<float> scale) {
    entries_.at(name).tensor.input_scale = std::move(scale);
  }

 private:
  struct Entry {
    std::vector<std::byte> codes;
    std::vector<float> numbers;
    QuantizedTensor tensor;
    ConstTensorView view;
  };

  void add(const std::string& name, const Shape& shape, WeightCode code) {
    Entry& entry = entries_[name];
    const int64_t depth = shape.elements() / shape[0];
    entry.view = {nullptr, shape, DType::f32};
    entry.codes.resize(code_bytes(code, shape));
    for (std::byte& byte : entry.codes) byte = static_cast<std::byte>(next() >> 56);
    QuantizedTensor& t = entry.tensor;
    t = {.code = code,
         .shape = shape,
         .codes = entry.codes.data(),
         .code_bytes = entry.codes.size()};
    if (code == WeightCode::s8) {
      fill(entry.numbers, shape[0], 0.0002f, 0.0003f);
    } else if (code == WeightCode::s4) {
      t.group = 32;
      fill(entry.numbers, shape[0] * ((depth + 31) / 32), 0.003f, 0.006f);
    } else {
      t.rows_per_palette = 16;
      fill(entry.numbers, ((shape[0] + 15) / 16) << bits_of(code), -0.04f, 0.04f);
    }
    (code <= WeightCode::s4 ? t.scales : t.palettes) = entry.numbers.data();
  }

  void fill(std::vector<float>& numbers, int64_t count, float least, float most) {
    numbers.resize(static_cast<size_t>(count));
    for (float& number : numbers) {
      number = least + (most - least) * static_cast<float>(next() >> 40) * 0x1p-24f;
    }
  }

  uint64_t next() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }

  RandomWeights plain_;
  std::map<std::string, Entry, std::less<>> entries_;
  uint64_t state_ = 1;
};

}  // namespace edgefusion::engine
