#include "core/content_hash.h"

#include <gtest/gtest.h>

#include <vector>

namespace edgefusion {
namespace {

std::vector<std::byte> ramp(size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7);
  return bytes;
}

TEST(ContentHash, IsThatOfTheReferenceForNothing) {
  EXPECT_EQ(ContentHasher().result().to_hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash64({}), 0x2d06800538d394c2u);
}

TEST(ContentHash, DoesNotDependOnHowTheContentIsCut) {
  const auto bytes = ramp(5000);
  ContentHasher whole, cut;
  whole.add(bytes);
  for (size_t i = 0; i < bytes.size(); i += 611) {
    cut.add(std::span(bytes).subspan(i, std::min<size_t>(611, bytes.size() - i)));
  }
  EXPECT_EQ(whole.result(), cut.result());
}

TEST(ContentHash, ChangesWithOneBit) {
  auto bytes = ramp(5000);
  const uint64_t before = hash64(bytes);
  bytes[4321] ^= std::byte{1};
  EXPECT_NE(hash64(bytes), before);
}

TEST(ContentHash, KeepsTextsApart) {
  ContentHasher a, b;
  a.add_text("ab");
  a.add_text("c");
  b.add_text("a");
  b.add_text("bc");
  EXPECT_NE(a.result(), b.result());
}

TEST(ContentHash, ReadsBackWhatItWrites) {
  const Hash128 hash = {0x0123456789abcdefu, 0xfu};
  EXPECT_EQ(hash.to_hex(), "0123456789abcdef000000000000000f");
  EXPECT_EQ(parse_hash128(hash.to_hex()), hash);
  for (const char* bad :
       {"", "0123", "0123456789abcdef000000000000000g", "0123456789abcdef0000000000000000f",
        "-123456789abcdef0000000000000000"}) {
    EXPECT_FALSE(parse_hash128(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace edgefusion
