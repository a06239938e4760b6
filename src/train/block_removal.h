#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace edgefusion::train {

/// A smaller U-Net made of a larger one's blocks (BK-SDM, Kim et al. 2023, arXiv 2305.15798): of
/// every down stage the first pair of residual block and attention stays, of every up stage the
/// first and the last; `small` also drops the mid block, `tiny` the innermost stage too.
enum class BlockRemoval : uint8_t { base, small, tiny };

/// Errors: invalid_argument, for another name than "base", "small" and "tiny".
Result<BlockRemoval> parse_block_removal(std::string_view name);

/// What is left of a U-Net's config.json. Errors: unsupported (too few blocks or stages to remove
/// any, layers_per_block as a list), bad_file.
Result<nlohmann::json> student_config(const nlohmann::json& teacher, BlockRemoval removal,
                                      const std::string& origin);

/// The teacher's tensor (or module) that the student's of that name begins as.
std::string inherited_name(const nlohmann::json& teacher, BlockRemoval removal,
                           std::string_view student_name);

/// Values whose outputs the student learns to match, stage by stage: (teacher's, student's).
std::vector<std::pair<std::string, std::string>> matched_features(const nlohmann::json& teacher,
                                                                  BlockRemoval removal);

}  // namespace edgefusion::train
