// With the vocabulary that Stable Diffusion has, which is not ours to ship. To run it:
//   scripts/clip_vocabulary.py DIR; scripts/goldens/tokenizers.py --real DIR DIR/golden.jsonl
//   EDGEFUSION_TEST_CLIP_VOCAB=DIR text_clip_real_test

#include <gtest/gtest.h>

#include <cstdlib>

#include "text/golden_lines.h"
#include "text/tokenizer.h"

namespace edgefusion::text {
namespace {

TEST(ClipReal, GivesTheReferenceIdsOnEveryLine) {
  const char* folder = std::getenv("EDGEFUSION_TEST_CLIP_VOCAB");
  if (!folder) GTEST_SKIP() << "EDGEFUSION_TEST_CLIP_VOCAB is not set";
  const auto tokenizer = open_tokenizer(folder);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ((*tokenizer)->vocab_size(), 49408);
  EXPECT_EQ((*tokenizer)->model_max_length(), 77);
  const auto lines = read_goldens(std::filesystem::path(folder) / "golden.jsonl");
  ASSERT_GE(lines.size(), 300u);
  expect_goldens(**tokenizer, lines);
}

}  // namespace
}  // namespace edgefusion::text
