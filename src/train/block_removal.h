#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace edgefusion::train {

/// A smaller U-Net made of a larger one's blocks (BK-SDM, Kim et al. 2023, arXiv 2305.15798).
///
/// What is removed is said by a name or by a list of values. "base": of every down stage the first
/// pair of residual block and attention stays, of every up stage the first and the last; "small":
/// the mid block goes too; "tiny": the innermost stage too. Values: "mid_block", and
/// "down_blocks.0.resnets.1" or "up_blocks.2.attentions.1", each for its whole pair.
class BlockRemoval {
 public:
  /// Errors: invalid_argument naming what is neither a name nor such a value; unsupported, if the
  /// rest is no U-Net that a diffusers config can say (an up stage has one pair more than the down
  /// stage of its size) or there is nothing to remove; bad_file for the teacher's config.json.
  static Result<BlockRemoval> plan(const nlohmann::json& teacher,
                                   const std::vector<std::string>& removal,
                                   const std::string& origin);

  /// What is left of the teacher's config.json.
  const nlohmann::json& student_config() const { return student_; }
  /// The teacher's tensor (or module) that the student's of that name begins as.
  std::string inherited_name(std::string_view student_name) const;
  /// Values whose outputs the student learns to match, stage by stage: (teacher's, student's).
  std::vector<std::pair<std::string, std::string>> matched_features() const;

 private:
  using Pairs = std::vector<int64_t>;  // those of a stage that stay, in order

  std::vector<int64_t> teacher_layers_;  // pairs by down stage
  std::vector<Pairs> down_, up_;         // by stage of the teacher
  bool mid_block_ = true, innermost_stage_ = true;
  nlohmann::json student_;

  BlockRemoval() = default;
  static Result<BlockRemoval> whole(const nlohmann::json& teacher, const std::string& origin);
  void remove_by_name(std::string_view name);
  Status remove_value(const std::string& value);
  Status make_student(const nlohmann::json& teacher, const std::string& origin);
};

/// Nothing is wrong with how it is said, whatever the teacher. Errors: invalid_argument.
Status check_block_removal(const std::vector<std::string>& removal);

}  // namespace edgefusion::train
