#include "text/token_table.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "core/result.h"

namespace edgefusion::text {
namespace {

constexpr size_t kFewestSlots = 64;

uint32_t hash_of(std::string_view token) {
  const auto hash = static_cast<uint64_t>(std::hash<std::string_view>()(token));
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

void TokenTable::reserve(size_t tokens, size_t text_bytes) {
  text_.reserve(text_bytes);
  const size_t slots = std::bit_ceil(2 * tokens);
  if (slots > slots_.size()) grow(slots);
}

size_t TokenTable::slot_of(std::string_view token, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.id == kFree) return i;
    if (slot.hash == hash && std::string_view(text_).substr(slot.begin, slot.size) == token) {
      return i;
    }
  }
}

void TokenTable::grow(size_t slots) {
  const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots));
  for (const Slot& slot : before) {
    if (slot.id == kFree) continue;
    slots_[slot_of(std::string_view(text_).substr(slot.begin, slot.size), slot.hash)] = slot;
  }
}

bool TokenTable::set(std::string_view token, int32_t id) {
  EF_CHECK(id >= 0 && text_.size() + token.size() <= UINT32_MAX, "files are limited to 64 MB");
  if (2 * (used_ + 1) > slots_.size()) grow(std::max(kFewestSlots, 2 * slots_.size()));
  const uint32_t hash = hash_of(token);
  Slot& slot = slots_[slot_of(token, hash)];
  const bool is_new = slot.id == kFree;
  if (is_new) {
    slot = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(token.size()), hash, id};
    text_ += token;
    ++used_;
  }
  slot.id = id;
  return is_new;
}

std::optional<int32_t> TokenTable::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(token, hash_of(token))];
  if (slot.id == kFree) return std::nullopt;
  return slot.id;
}

}  // namespace edgefusion::text
