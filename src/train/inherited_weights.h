#pragma once

#include "core/tensor.h"
#include "train/block_removal.h"

namespace edgefusion::train {

/// A teacher's tensors under the names of its student.
class InheritedWeights final : public TensorSource {
 public:
  /// All three must outlive this.
  InheritedWeights(const TensorSource& teacher, const nlohmann::json& teacher_config,
                   BlockRemoval removal)
      : teacher_(teacher), teacher_config_(teacher_config), removal_(removal) {}

  const ConstTensorView* find(std::string_view name) const override {
    return teacher_.find(inherited_name(teacher_config_, removal_, name));
  }
  /// Those of the teacher: which of them a student takes only its network knows.
  std::vector<std::string> names() const override { return teacher_.names(); }
  std::string origin() const override { return teacher_.origin(); }

 private:
  const TensorSource& teacher_;
  const nlohmann::json& teacher_config_;
  BlockRemoval removal_;
};

}  // namespace edgefusion::train
