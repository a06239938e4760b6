#pragma once

#include "core/tensor.h"
#include "train/block_removal.h"

namespace edgefusion::train {

/// A teacher's tensors under the names of its student.
class InheritedWeights final : public TensorSource {
 public:
  /// Both must outlive this.
  InheritedWeights(const TensorSource& teacher, const BlockRemoval& removal)
      : teacher_(teacher), removal_(removal) {}

  const ConstTensorView* find(std::string_view name) const override {
    return teacher_.find(removal_.inherited_name(name));
  }
  /// None that must be used: what a student leaves is no error.
  std::vector<std::string> names() const override { return {}; }
  std::string origin() const override { return teacher_.origin(); }

 private:
  const TensorSource& teacher_;
  const BlockRemoval& removal_;
};

}  // namespace edgefusion::train
