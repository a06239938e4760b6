// Rows of 8-bit arithmetic: that all of them write the same bits as the scalar one, and how far
// these are from what attention is.

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_isa.h"
#include "kernels/attention/attention_test_data.h"
#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

std::span<const AttentionKernel> int8_rows() {
  return attention_kernels(DType::bf16, AttentionArithmetic::int8);
}

/// All rows that may run here but the scalar one.
std::vector<AttentionKernel> kernels() {
  std::vector<AttentionKernel> rows = usable_rows(int8_rows());
  rows.pop_back();
  return rows;
}

Problem make_problem(size_t queries, size_t keys, size_t head_size, size_t value_size) {
  return Problem(DType::bf16, queries, keys, head_size, value_size);
}

/// Shares q, k and v of a problem, in bf16, with all kernels.
class Question {
 public:
  explicit Question(Problem& problem)
      : problem_(problem),
        q_(DType::bf16, problem.q),
        k_(DType::bf16, problem.k),
        v_(DType::bf16, problem.v) {}

  std::vector<float> answer(const AttentionKernel& kernel) const {
    return answer(kernel, 0, problem_.queries);
  }
  std::vector<float> answer(const AttentionKernel& kernel, size_t row0, size_t row1) const {
    Elements out(DType::bf16, problem_.out);
    Attention attention = args();
    attention.out = out.at(problem_.value_size);
    run(kernel, attention, row0, row1);
    return out.floats();
  }
  std::vector<uint8_t> answer_u8(const AttentionKernel& kernel, const std::vector<float>& inverse,
                                 int zero_point) const {
    std::vector<uint8_t> out(problem_.out.size(), 77);
    Attention attention = args();
    attention.out = out.data() + problem_.value_size;
    attention.out_u8 = true;
    attention.dst_inverse_scale = inverse.data();
    attention.dst_zero_point = zero_point;
    run(kernel, attention, 0, problem_.queries);
    return out;
  }

 private:
  Attention args() const {
    Attention attention;
    attention.q = q_.at(problem_.head_size);
    attention.k = k_.at(problem_.head_size);
    attention.v = v_.at(problem_.value_size);
    attention.ldq = attention.ldk = problem_.head_size * Problem::kHeads;
    attention.ldv = attention.ldo = problem_.value_size * Problem::kHeads;
    attention.keys = problem_.keys;
    attention.head_size = problem_.head_size;
    attention.value_size = problem_.value_size;
    attention.scale = problem_.scale;
    attention.causal = problem_.causal;
    attention.key_mask = problem_.mask.empty() ? nullptr : problem_.mask.data();
    return attention;
  }
  void run(const AttentionKernel& kernel, const Attention& attention, size_t row0,
           size_t row1) const {
    const size_t floats = kernel.scratch_floats(problem_.head_size, problem_.value_size);
    std::vector<float> scratch(floats, kNan);  // nothing may be expected of it
    kernel.run(attention, row0, row1, scratch.data());
  }

  Problem& problem_;
  Elements q_, k_, v_;
};

void expect_the_references_bits(Problem& problem, const char* what = "") {
  const Question question(problem);
  const std::vector<float> want = question.answer(int8_rows().back());
  for (const AttentionKernel& kernel : kernels()) {
    const std::vector<float> got = question.answer(kernel);
    for (size_t i = 0; i < want.size(); ++i) {
      const size_t width = problem.value_size * Problem::kHeads;
      ASSERT_EQ(got[i], want[i]) << kernel.name << " " << what << " queries " << problem.queries
                                 << " keys " << problem.keys << " size " << problem.head_size
                                 << " row " << i / width << " column " << i % width;
    }
  }
}

TEST(AttentionInt8, HasTheReferencesBitsForTheHeadSizesInUse) {
  for (const size_t size : {8, 32, 40, 64, 80, 160, 512}) {
    Problem problem = make_problem(18, 77, size, size);
    expect_the_references_bits(problem);
  }
}

TEST(AttentionInt8, HasTheReferencesBitsForAnyHeadSize) {
  for (size_t size = 1; size < 20; ++size) {
    Problem problem = make_problem(17, 9, size, 20 - size);
    expect_the_references_bits(problem);
  }
  Problem odd = make_problem(3, 70, 133, 7);
  expect_the_references_bits(odd);
}

TEST(AttentionInt8, HasTheReferencesBitsAroundTheEdgesOfTilesAndBlocks) {
  for (const size_t queries :
       {1, 3, 4, 5, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 129, 390}) {
    Problem problem = make_problem(queries, 24, 12, 12);
    expect_the_references_bits(problem);
  }
  for (size_t keys = 1; keys <= 70; ++keys) {
    Problem problem = make_problem(14, keys, 12, 12);
    expect_the_references_bits(problem);
  }
  for (const size_t keys : {127, 128, 129, 191, 193, 1000, 1025, 4096}) {
    Problem problem = make_problem(14, keys, 40, 40);
    expect_the_references_bits(problem);
  }
}

TEST(AttentionInt8, HasTheReferencesBitsForKeysThatFillTheCache) {
  Problem problem = make_problem(70, 2600, 512, 2);
  expect_the_references_bits(problem);
}

TEST(AttentionInt8, HasTheReferencesBitsForScoresOfAnySize) {
  for (const float scale : {0.0f, 1e-20f, 0.01f, 3.0f, 100.0f, 5000.0f, -1.0f}) {
    Problem problem = make_problem(40, 200, 16, 16);
    problem.scale = scale;
    expect_the_references_bits(problem, "scale");
  }
  Problem none = make_problem(20, 100, 16, 16);
  std::fill(none.q.begin(), none.q.end(), 0.0f);
  std::fill(none.k.begin(), none.k.end(), 3.0f);
  std::fill(none.v.begin(), none.v.end(), -2.0f);
  expect_the_references_bits(none, "equal");
}

/// Scores that grow, or fall, by `step` a key for the first row, less for later ones.
Problem slope(float step) {
  Problem problem = make_problem(70, 300, 4, 8);
  problem.scale = 1.0f;
  std::fill(problem.q.begin(), problem.q.end(), 0.0f);
  for (size_t r = 0; r < 70; ++r) problem.query(r)[0] = 1.0f - static_cast<float>(r) / 64.0f;
  for (size_t j = 0; j < 300; ++j) problem.key(j)[0] = step * static_cast<float>(j);
  problem.k = rounded_to(DType::bf16, problem.k);
  problem.q = rounded_to(DType::bf16, problem.q);
  return problem;
}

TEST(AttentionInt8, FollowsScoresThatGrowWithoutEnd) {
  for (const float step : {0.02f, 0.25f, 2.0f, 40.0f, -40.0f}) {
    Problem problem = slope(step);
    expect_the_references_bits(problem, "slope");
    problem.causal = true;
    expect_the_references_bits(problem, "causal slope");
  }
}

TEST(AttentionInt8, HasTheReferencesBitsForCausalAndMaskedKeys) {
  for (const size_t length : {1, 16, 47, 77, 130, 200}) {
    Problem problem = make_problem(length, length, 16, 16);
    problem.causal = true;
    expect_the_references_bits(problem, "causal");
    problem.mask.assign(length, 1.0f);
    for (size_t j = 0; j < length; j += j % 5 + 1) problem.mask[j] = 0.0f;
    expect_the_references_bits(problem, "causal and masked");
    problem.causal = false;
    expect_the_references_bits(problem, "masked");
  }
  Problem more_queries = make_problem(100, 30, 8, 8);
  more_queries.causal = true;
  expect_the_references_bits(more_queries, "more queries");
}

TEST(AttentionInt8, HasTheSameBitsForAnySplitOfTheRows) {
  for (const AttentionKernel& kernel : usable_rows(int8_rows())) {
    for (const bool causal : {false, true}) {
      Problem problem = make_problem(130, 200, 24, 24);
      problem.causal = causal;
      const Question question(problem);
      const std::vector<float> whole = question.answer(kernel);
      const size_t width = 24 * Problem::kHeads;
      for (size_t row = 0, step = 1; row < 130; row += step, step += 7) {
        const size_t end = std::min<size_t>(row + step, 130);
        const std::vector<float> part = question.answer(kernel, row, end);
        for (size_t i = 0; i < part.size(); ++i) {
          const bool inside = i / width >= row && i / width < end;
          ASSERT_EQ(part[i], inside ? whole[i] : 77.0f) << kernel.name << " " << i / width;
        }
      }
    }
  }
}

TEST(AttentionInt8, MaskedKeysAreNotEvenReadAndEqualKeysLeftOut) {
  for (const AttentionKernel& kernel : usable_rows(int8_rows())) {
    Problem few = make_problem(20, 30, 16, 16);
    Problem masked = make_problem(20, 100, 16, 16);
    masked.q = few.q;
    masked.mask.assign(100, 0.0f);
    std::fill(masked.k.begin(), masked.k.end(), kNan);
    std::fill(masked.v.begin(), masked.v.end(), kNan);
    for (size_t j = 0; j < 30; ++j) {
      masked.mask[3 * j] = 1.0f;
      std::copy_n(few.k.begin() + static_cast<ptrdiff_t>(j * 48), 48,
                  masked.k.begin() + static_cast<ptrdiff_t>(3 * j * 48));
      std::copy_n(few.v.begin() + static_cast<ptrdiff_t>(j * 48), 48,
                  masked.v.begin() + static_cast<ptrdiff_t>(3 * j * 48));
    }
    EXPECT_EQ(Question(few).answer(kernel), Question(masked).answer(kernel)) << kernel.name;
  }
}

TEST(AttentionInt8, RowsWithoutAnyKeyAreZero) {
  for (const AttentionKernel& kernel : usable_rows(int8_rows())) {
    Problem masked = make_problem(20, 70, 8, 8);
    masked.mask.assign(70, 0.0f);
    Problem none = make_problem(20, 0, 8, 8);
    Problem causal = make_problem(20, 20, 8, 8);  // the first two rows see only masked keys
    causal.causal = true;
    causal.mask.assign(20, 1.0f);
    causal.mask[0] = causal.mask[1] = 0.0f;
    for (Problem* problem : {&masked, &none, &causal}) {
      problem->out = Question(*problem).answer(kernel);
    }
    for (size_t c = 0; c < 8; ++c) {
      for (size_t r = 0; r < 20; ++r) {
        EXPECT_EQ(masked.result(r, c), 0.0f) << kernel.name;
        EXPECT_EQ(none.result(r, c), 0.0f) << kernel.name;
        EXPECT_EQ(causal.result(r, c) == 0.0f, r < 2) << kernel.name;
      }
    }
  }
}

TEST(AttentionInt8, ResultsOfEightBitsAreTheFloatsRounded) {
  for (const size_t size : {1, 7, 16, 40, 67}) {
    Problem problem = make_problem(70, 90, 16, size);
    const Question question(problem);
    std::vector<float> inverse(size);
    for (size_t c = 0; c < size; ++c) inverse[c] = 300.0f + static_cast<float>(c);
    for (const int zero_point : {0, 100, 255}) {
      const std::vector<float> floats = question.answer(int8_rows().back());
      const std::vector<uint8_t> want = question.answer_u8(int8_rows().back(), inverse, zero_point);
      for (size_t i = 0; i < want.size(); ++i) {
        if (i / size % Problem::kHeads != 1) {
          ASSERT_EQ(want[i], 77);
          continue;
        }
        const float t = floats[i] * inverse[i % size] + static_cast<float>(zero_point);
        const float clamped = std::clamp(t, 0.0f, 255.0f);
        // One rounding to bf16, one to a whole number.
        ASSERT_NEAR(want[i], clamped, 0.5f + std::abs(floats[i] * inverse[i % size]) / 256.0f);
      }
      for (const AttentionKernel& kernel : kernels()) {
        ASSERT_EQ(question.answer_u8(kernel, inverse, zero_point), want) << kernel.name;
      }
    }
  }
}

/// Root of the mean square of what a row's results are off, over that of the results.
double relative_error(Problem& problem, const AttentionKernel& kernel) {
  problem.out = Question(problem).answer(kernel);
  double errors = 0.0, squares = 0.0;
  for (size_t r = 0; r < problem.queries; ++r) {
    const std::vector<double> weights = weights_of(problem, r);
    for (size_t c = 0; c < problem.value_size; ++c) {
      double exact = 0.0;
      for (size_t j = 0; j < problem.keys; ++j) {
        exact += weights[j] * static_cast<double>(problem.value(j)[c]);
      }
      const double error = static_cast<double>(problem.result(r, c)) - exact;
      errors += error * error;
      squares += exact * exact;
    }
  }
  return std::sqrt(errors / squares);
}

/// Keys with a common part, as networks have them, and scores that spread by `spread` (natural
/// logarithm of weights).
Problem spread_out(float spread) {
  Problem problem = make_problem(16, 4096, 40, 40);
  const std::vector<float> common = random_floats(40, 9);
  for (float& x : problem.q) x *= spread;
  for (size_t j = 0; j < problem.keys; ++j) {
    for (size_t c = 0; c < 40; ++c) problem.key(j)[c] += 3.0f * common[c];
  }
  problem.q = rounded_to(DType::bf16, problem.q);
  problem.k = rounded_to(DType::bf16, problem.k);
  return problem;
}

TEST(AttentionInt8, KeepsItsErrorForFlatAndPeakedRows) {
  struct Case {
    float spread;
    double bound;  // of the root of the mean square, relative
  };
  // Flat rows average 4096 values to nearly nothing, in peaked ones the scores' errors rule.
  for (const Case& c : {Case{0.1f, 0.02}, {1.0f, 0.03}, {2.0f, 0.04}, {3.0f, 0.04}, {6.0f, 0.05}}) {
    Problem problem = spread_out(c.spread);
    EXPECT_LT(relative_error(problem, int8_rows().back()), c.bound) << c.spread;
  }
}

TEST(AttentionInt8, ThousandsOfSmallWeightsBesideALargeOneAreNotLost) {
  for (const float gap : {4.0f, 6.0f, 7.0f, 8.0f}) {
    Problem problem = make_problem(16, 4096, 40, 40);
    for (float& x : problem.k) x *= 0.3f;
    for (size_t r = 0; r < problem.queries; ++r) {
      float square = 0.0f;
      for (size_t c = 0; c < 40; ++c) square += problem.query(r)[c] * problem.query(r)[c];
      for (size_t c = 0; c < 40; ++c) {
        problem.key(r * 199)[c] = problem.query(r)[c] * gap / (square * problem.scale);
      }
    }
    problem.k = rounded_to(DType::bf16, problem.k);
    EXPECT_LT(relative_error(problem, int8_rows().back()), 0.04) << gap;
  }
}

}  // namespace
}  // namespace edgefusion::kernels
