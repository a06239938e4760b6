#include "core/content_hash.h"

#define XXH_INLINE_ALL  // no library to link, and the Arm cross build needs none
#include <xxhash.h>

#include <array>
#include <charconv>

namespace edgefusion {

std::string Hash128::to_hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint64_t half : {high, low}) {
    for (int shift = 60; shift >= 0; shift -= 4) hex += kDigits[(half >> shift) & 15];
  }
  return hex;
}

std::optional<Hash128> parse_hash128(std::string_view hex) {
  constexpr size_t kHalf = 16;
  if (hex.size() != 2 * kHalf) return std::nullopt;
  Hash128 hash;
  for (uint64_t* half : {&hash.high, &hash.low}) {
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + kHalf, *half, 16);
    if (error != std::errc{} || end != hex.data() + kHalf) return std::nullopt;
    hex.remove_prefix(kHalf);
  }
  return hash;
}

uint64_t hash64(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

struct ContentHasher::State {
  XXH3_state_t xxh;
};

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh);
}
ContentHasher::ContentHasher(ContentHasher&&) noexcept = default;
ContentHasher& ContentHasher::operator=(ContentHasher&&) noexcept = default;
ContentHasher::~ContentHasher() = default;

void ContentHasher::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void ContentHasher::add_text(std::string_view text) {
  add_number(text.size());
  add(std::as_bytes(std::span(text)));
}

void ContentHasher::add_number(uint64_t number) {
  std::array<std::byte, sizeof(number)> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(number >> (8 * i));
  add(bytes);
}

Hash128 ContentHasher::result() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return {hash.high64, hash.low64};
}

}  // namespace edgefusion
