#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/attention/attention_isa.h"
#include "kernels/attention/attention_test_data.h"
#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

/// All rows that may run here; the one for AMX besides on emulated tiles.
std::vector<AttentionKernel> kernels() {
  std::vector<AttentionKernel> rows = usable_rows(attention_kernels(DType::f32));
  const auto bf16_rows = usable_rows(attention_kernels(DType::bf16));
  rows.insert(rows.end(), bf16_rows.begin(), bf16_rows.end());
#if defined(__x86_64__)
  const IsaSet needs = IsaSet(Isa::avx512) | Isa::avx512_bf16;
  if (allowed_isa().contains(needs)) {
    const AttentionFunctions emulated = attention_bf16_64_amx_emulated();
    rows.push_back({"attention_bf16_64_amx_emulated", needs, DType::bf16,
                    AttentionArithmetic::float_rows, emulated.scratch_floats, emulated.run,
                    emulated.row_tile});
  }
#endif
  return rows;
}

void run(const AttentionKernel& kernel, Problem& problem, size_t row0, size_t row1) {
  const Elements q(problem.dtype, problem.q), k(problem.dtype, problem.k);
  const Elements v(problem.dtype, problem.v);
  Elements out(problem.dtype, problem.out);
  Attention attention;
  attention.q = q.at(problem.head_size);
  attention.k = k.at(problem.head_size);
  attention.v = v.at(problem.value_size);
  attention.out = out.at(problem.value_size);
  attention.ldq = attention.ldk = problem.head_size * Problem::kHeads;
  attention.ldv = attention.ldo = problem.value_size * Problem::kHeads;
  attention.keys = problem.keys;
  attention.head_size = problem.head_size;
  attention.value_size = problem.value_size;
  attention.scale = problem.scale;
  attention.causal = problem.causal;
  attention.key_mask = problem.mask.empty() ? nullptr : problem.mask.data();
  const size_t floats = kernel.scratch_floats(problem.head_size, problem.value_size);
  std::vector<float> scratch(floats, kNan);  // nothing may be expected of it
  kernel.run(attention, row0, row1, scratch.data());
  problem.out = out.floats();
}

void run(const AttentionKernel& kernel, Problem& problem) {
  run(kernel, problem, 0, problem.queries);
}

/// The scalar reference's answer to the same question.
Problem solved(const Problem& problem) {
  Problem reference = problem;
  run(attention_kernels(problem.dtype).back(), reference);
  return reference;
}

void expect_like_reference(const AttentionKernel& kernel, Problem& problem) {
  const bool bf16 = problem.dtype == DType::bf16;
  const Problem reference = solved(problem);
  run(kernel, problem);
  for (size_t r = 0; r < problem.queries; ++r) {
    const std::vector<double> weights = bf16 ? weights_of(problem, r) : std::vector<double>();
    for (size_t c = 0; c < problem.value_size; ++c) {
      const double want = static_cast<double>(reference.result(r, c));
      const double bound = bf16 ? bf16_bound(problem, weights, r, c, want) : f32_bound(problem);
      ASSERT_NEAR(problem.result(r, c), want, bound)
          << kernel.name << " queries " << problem.queries << " keys " << problem.keys << " size "
          << problem.head_size << " row " << r << " column " << c;
    }
  }
}

TEST(Attention, MatchesTheReferenceForTheHeadSizesInUse) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const size_t size : {size_t{32}, size_t{40}, size_t{64}, size_t{80}, size_t{160}}) {
      Problem problem(kernel.dtype, 18, 77, size, size);
      expect_like_reference(kernel, problem);
    }
    Problem wide(kernel.dtype, 5, 70, 512, 512);
    expect_like_reference(kernel, wide);
  }
}

TEST(Attention, MatchesTheReferenceForAnyHeadSize) {
  for (const AttentionKernel& kernel : kernels()) {
    for (size_t size = 1; size < 20; ++size) {
      Problem problem(kernel.dtype, 17, 9, size, 20 - size);
      expect_like_reference(kernel, problem);
    }
    Problem odd(kernel.dtype, 3, 70, 133, 7);
    expect_like_reference(kernel, odd);
  }
}

TEST(Attention, MatchesTheReferenceAroundTheEdgesOfTilesAndBlocks) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const size_t queries :
         {1, 3, 4, 5, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 129, 390}) {
      Problem problem(kernel.dtype, queries, 24, 12, 12);
      expect_like_reference(kernel, problem);
    }
    for (const size_t keys : {1,  2,  3,  4,  5,   7,   8,   9,    15,   16,   17,  24,
                              63, 64, 65, 77, 127, 128, 129, 1000, 1023, 1024, 1025}) {
      Problem problem(kernel.dtype, 14, keys, 12, 12);
      expect_like_reference(kernel, problem);
    }
  }
}

/// More bytes of keys than are packed at once.
Problem long_and_wide(DType dtype) { return Problem(dtype, 70, 700, 512, 2); }

TEST(Attention, MatchesTheReferenceForKeysThatFillTheCache) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem = long_and_wide(kernel.dtype);
    expect_like_reference(kernel, problem);
    Problem split = problem;
    run(kernel, split, 0, 3);
    run(kernel, split, 3, 70);
    EXPECT_EQ(problem.out, split.out) << kernel.name;
  }
}

TEST(Attention, WritesNothingButItsHeadAndItsRows) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(kernel.dtype, 60, 10, 6, 6);
    run(kernel, problem, 5, 57);
    for (size_t i = 0; i < problem.out.size(); ++i) {
      const size_t row = i / 18;
      const bool written = row >= 5 && row < 57 && i % 18 / 6 == 1;
      EXPECT_EQ(problem.out[i] != 77.0f, written) << kernel.name << " " << i;
    }
  }
}

TEST(Attention, HasTheSameBitsForAnySplitOfTheRows) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const bool causal : {false, true}) {
      Problem whole(kernel.dtype, 200, 200, 24, 24);
      whole.causal = causal;
      Problem split = whole;
      run(kernel, whole);
      size_t row = 0;
      for (size_t step = 1; row < 200; ++step) {
        run(kernel, split, row, std::min<size_t>(row + step, 200));
        row += step;
      }
      EXPECT_EQ(whole.out, split.out) << kernel.name << (causal ? " causal" : "");
    }
  }
}

TEST(Attention, CausalRowsSeeNoLaterKeys) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const size_t length : {1, 16, 47, 77, 130}) {
      Problem problem(kernel.dtype, length, length, 16, 16);
      problem.causal = true;
      expect_like_reference(kernel, problem);
      for (size_t c = 0; c < 16; ++c) {
        ASSERT_NEAR(problem.result(0, c), problem.value(0)[c], 1e-6) << kernel.name;
      }
    }
    Problem more_queries(kernel.dtype, 100, 30, 8, 8);
    more_queries.causal = true;
    expect_like_reference(kernel, more_queries);
  }
}

TEST(Attention, MaskedKeysAreNotEvenRead) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const bool causal : {false, true}) {
      Problem problem(kernel.dtype, 40, 150, 16, 16);
      problem.causal = causal;
      problem.mask.assign(150, 1.0f);
      for (size_t j = 1; j < 150; ++j) {
        if (j % 3 == 0 && j < 60) continue;
        problem.mask[j] = 0.0f;
        std::fill_n(problem.k.begin() + static_cast<ptrdiff_t>(j * 48), 48, kNan);
        std::fill_n(problem.v.begin() + static_cast<ptrdiff_t>(j * 48), 48, kNan);
      }
      expect_like_reference(kernel, problem);
    }
  }
}

TEST(Attention, MaskingEqualsLeavingKeysOut) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem few(kernel.dtype, 20, 30, 16, 16);
    Problem masked(kernel.dtype, 20, 100, 16, 16);
    masked.q = few.q;
    masked.mask.assign(100, 0.0f);
    for (size_t j = 0; j < 30; ++j) {
      masked.mask[3 * j] = 1.0f;
      std::copy_n(few.k.begin() + static_cast<ptrdiff_t>(j * 48), 48,
                  masked.k.begin() + static_cast<ptrdiff_t>(3 * j * 48));
      std::copy_n(few.v.begin() + static_cast<ptrdiff_t>(j * 48), 48,
                  masked.v.begin() + static_cast<ptrdiff_t>(3 * j * 48));
    }
    run(kernel, few);
    run(kernel, masked);
    EXPECT_EQ(few.out, masked.out) << kernel.name;
  }
}

TEST(Attention, RowsWithoutAnyKeyAreZero) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem masked(kernel.dtype, 20, 70, 8, 8);
    masked.mask.assign(70, 0.0f);
    run(kernel, masked);
    Problem none(kernel.dtype, 20, 0, 8, 8);
    run(kernel, none);
    Problem causal(kernel.dtype, 20, 20, 8, 8);  // the first two rows see only masked keys
    causal.causal = true;
    causal.mask.assign(20, 1.0f);
    causal.mask[0] = causal.mask[1] = 0.0f;
    run(kernel, causal);
    for (size_t c = 0; c < 8; ++c) {
      for (size_t r = 0; r < 20; ++r) {
        EXPECT_EQ(masked.result(r, c), 0.0f) << kernel.name;
        EXPECT_EQ(none.result(r, c), 0.0f) << kernel.name;
        EXPECT_EQ(causal.result(r, c) == 0.0f, r < 2) << kernel.name;
      }
    }
  }
}

TEST(Attention, HugeScoresPickTheLargestKey) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(kernel.dtype, 20, 100, 8, 8);
    problem.scale = 1e6f;
    const Problem reference = solved(problem);
    run(kernel, problem);
    for (size_t r = 0; r < 20; ++r) {
      for (size_t c = 0; c < 8; ++c) {
        ASSERT_NEAR(problem.result(r, c), reference.result(r, c), 1e-5) << kernel.name;
      }
    }
  }
}

/// Scores that grow, or fall, from key to key: `step` a key for the first row, less for later ones.
Problem slope(DType dtype, float step) {
  Problem problem(dtype, 70, 300, 4, 8);
  problem.scale = 1.0f;
  std::fill(problem.q.begin(), problem.q.end(), 0.0f);
  for (size_t r = 0; r < 70; ++r) problem.query(r)[0] = 1.0f - static_cast<float>(r) / 64.0f;
  for (size_t j = 0; j < 300; ++j) problem.key(j)[0] = step * static_cast<float>(j);
  problem.k = rounded_to(dtype, problem.k);
  problem.q = rounded_to(dtype, problem.q);
  return problem;
}

TEST(Attention, FollowsScoresThatGrowWithoutEnd) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const float step : {0.02f, 0.25f, 2.0f, 40.0f, -40.0f}) {
      Problem problem = slope(kernel.dtype, step);
      expect_like_reference(kernel, problem);
      Problem split = problem;
      for (size_t r = 0; r < 70; r += 7) run(kernel, split, r, r + 7);
      EXPECT_EQ(problem.out, split.out) << kernel.name << " " << step;
      problem.causal = true;
      expect_like_reference(kernel, problem);
    }
  }
}

TEST(Attention, EqualScoresOfAnySizeGiveTheMean) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const float size : {0.0f, 1e3f, -1e3f, 1e18f, -1e18f}) {
      Problem problem(kernel.dtype, 5, 100, 4, 4);
      std::fill(problem.q.begin(), problem.q.end(), 1.0f);
      std::fill(problem.k.begin(), problem.k.end(), size);
      run(kernel, problem);
      for (size_t c = 0; c < 4; ++c) {
        double mean = 0.0;
        for (size_t j = 0; j < 100; ++j) mean += problem.value(j)[c] / 100.0;
        const double rounding = kernel.dtype == DType::bf16 ? 0x1p-8 * std::abs(mean) : 0.0;
        EXPECT_NEAR(problem.result(4, c), mean, 1e-6 + rounding) << kernel.name << " " << size;
      }
    }
  }
}

TEST(Attention, InfiniteScoresAreNoWeightOrNan) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(kernel.dtype, 20, 70, 2, 2);
    std::fill(problem.q.begin(), problem.q.end(), 1.0f);
    for (size_t j = 0; j < 70; ++j)
      problem.key(j)[0] = problem.key(j)[1] = j == 3 ? 1.0f : -kInfinity;
    run(kernel, problem);
    for (size_t r = 0; r < 20; ++r) {
      EXPECT_NEAR(problem.result(r, 1), problem.value(3)[1], 1e-6) << kernel.name;
    }
    problem.key(3)[0] = kInfinity;
    run(kernel, problem);
    EXPECT_TRUE(std::isnan(problem.result(0, 0))) << kernel.name;
  }
}

#if defined(__x86_64__)
TEST(Attention, ExponentialsOfBf16RowsKeepTheirBounds) {
  if (!allowed_isa().contains(IsaSet(Isa::avx512) | Isa::avx512_bf16)) GTEST_SKIP();
  double weights_error = 0.0, sums_error = 0.0;
  float weights[16], sums[16];
  for (float x = -126.0f; x < 24.0f;) {
    float numbers[16];
    for (float& number : numbers) number = x += 0.00037f;
    exponentials_of_bf16_attention(numbers, weights, sums);
    for (size_t i = 0; i < 16; ++i) {
      const double exact = std::exp2(static_cast<double>(numbers[i]));
      weights_error = std::max(weights_error, std::abs(weights[i] / exact - 1.0));
      sums_error = std::max(sums_error, std::abs(sums[i] / exact - 1.0));
    }
  }
  EXPECT_LT(weights_error, 7.6e-5);
  EXPECT_LT(sums_error, 1.5e-7);
  const float special[16] = {0.0f, -kInfinity, kInfinity, kNan, -200.0f, 200.0f};
  exponentials_of_bf16_attention(special, weights, sums);
  EXPECT_EQ(sums[0], 1.0f);
  for (const float* results : {weights, sums}) {
    EXPECT_EQ(results[1], 0.0f);
    EXPECT_EQ(results[2], kInfinity);
    EXPECT_TRUE(std::isnan(results[3]));
    EXPECT_EQ(results[4], 0.0f);
    EXPECT_EQ(results[5], kInfinity);
  }
}
#endif

TEST(Attention, NanQueriesSpoilTheirRowOnly) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(kernel.dtype, 40, 30, 8, 8);
    problem.q[7 * 24 + 8] = kNan;
    run(kernel, problem);
    for (size_t r = 0; r < 40; ++r) {
      for (size_t c = 0; c < 8; ++c) {
        EXPECT_EQ(std::isnan(problem.result(r, c)), r == 7) << kernel.name << " row " << r;
      }
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels
