#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgefusion::text {

/// Texts and a number for each. A published vocabulary has fifty thousand, looked up three times a
/// merge rule at each start of the program: one block of text and one table without pointers are
/// several times faster there than a node for each.
class TokenTable {
 public:
  void reserve(size_t tokens, size_t text_bytes);
  /// Sets the number of a token; false if it had one before.
  bool set(std::string_view token, int32_t id);
  std::optional<int32_t> find(std::string_view token) const;

  bool empty() const { return used_ == 0; }

 private:
  struct Slot {
    uint32_t begin = 0, size = 0;  // of its text
    uint32_t hash = 0;
    int32_t id = kFree;
  };
  static constexpr int32_t kFree = -1;

  /// The token's slot, or the free one where it belongs.
  size_t slot_of(std::string_view token, uint32_t hash) const;
  void grow(size_t slots);

  std::string text_;
  std::vector<Slot> slots_;  // a power of two, at most half of them used
  size_t used_ = 0;
};

}  // namespace edgefusion::text
