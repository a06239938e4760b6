#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "text/token_table.h"

namespace edgefusion::text {

/// Tokens and their ids, both unique.
class Vocabulary {
 public:
  /// Ids are 0 to kMaxTokens - 1; far above any published vocabulary, it keeps tables bounded.
  static constexpr int64_t kMaxTokens = 1 << 21;

  /// {"token": id, ...}. Errors: bad_file (not an object, an id that is no integer or out of range
  /// or given twice).
  static Result<Vocabulary> from_json(const nlohmann::json& object);
  /// The same from a whole text, without building the object first. Errors: also no JSON.
  static Result<Vocabulary> parse(std::string_view json);
  /// One token a line, the id is the line's number from 0. White space at the end of a line is not
  /// part of the token; a repeated token keeps its last line, as in the reference.
  static Result<Vocabulary> from_lines(std::string_view text);

  std::optional<int32_t> find(std::string_view token) const;
  bool has_id(int32_t id) const;
  /// Largest id + 1.
  int32_t id_limit() const { return static_cast<int32_t>(used_ids_.size()); }
  /// Bytes of the longest token.
  size_t longest() const { return longest_; }

 private:
  void insert(std::string_view token, int32_t id);

  TokenTable ids_;
  std::vector<bool> used_ids_;
  size_t longest_ = 0;
};

}  // namespace edgefusion::text
