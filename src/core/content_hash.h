#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace edgefusion {

// XXH3: as fast as memory, and of no use against somebody who wants two contents with one hash.
// For caches and for finding damage, not for trust.

/// 128 bits that name a content.
struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const Hash128&) const = default;
  std::string to_hex() const;  ///< 32 lower-case digits, the high half first
};
std::optional<Hash128> parse_hash128(std::string_view hex);

uint64_t hash64(std::span<const std::byte> bytes);

/// Hash of a content that comes in pieces; how it is cut does not matter.
class ContentHasher {
 public:
  ContentHasher();
  ContentHasher(ContentHasher&&) noexcept;
  ContentHasher& operator=(ContentHasher&&) noexcept;
  ~ContentHasher();

  void add(std::span<const std::byte> bytes);
  /// A text and its length, so that neighbours cannot flow together.
  void add_text(std::string_view text);
  void add_number(uint64_t number);
  Hash128 result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace edgefusion
