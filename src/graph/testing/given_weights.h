#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace edgefusion::graph {

/// A weight "file" made up by a test.
class GivenWeights : public TensorSource {
 public:
  void set(const std::string& name, Tensor tensor) {
    Entry& entry = entries_[name];
    entry.tensor = std::move(tensor);
    entry.view = std::as_const(entry.tensor).view();
  }
  const ConstTensorView* find(std::string_view name) const override {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second.view;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& entry : entries_) names.push_back(entry.first);
    return names;
  }
  std::string origin() const override { return "net.safetensors"; }

 private:
  struct Entry {
    Tensor tensor;
    ConstTensorView view;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace edgefusion::graph
