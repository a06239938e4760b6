#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

std::vector<AttentionKernel> kernels() { return usable_rows(attention_kernels()); }

/// Several heads side by side; the test looks at the second of them.
struct Problem {
  static constexpr size_t kHeads = 3;
  size_t queries, keys, head_size, value_size;
  std::vector<float> q, k, v, out, mask;
  Attention attention;

  Problem(size_t queries_, size_t keys_, size_t head_size_, size_t value_size_)
      : queries(queries_), keys(keys_), head_size(head_size_), value_size(value_size_) {
    q = random_floats(queries * head_size * kHeads, 1);
    k = random_floats(keys * head_size * kHeads, 2);
    v = random_floats(keys * value_size * kHeads, 3);
    out.assign(queries * value_size * kHeads, 77.0f);
    attention.ldq = attention.ldk = head_size * kHeads;
    attention.ldv = attention.ldo = value_size * kHeads;
    attention.keys = keys;
    attention.head_size = head_size;
    attention.value_size = value_size;
    attention.scale = 1.0f / std::sqrt(static_cast<float>(head_size));
    attach();
  }
  void attach() {
    attention.q = q.data() + head_size;
    attention.k = k.data() + head_size;
    attention.v = v.data() + value_size;
    attention.out = out.data() + value_size;
    attention.key_mask = mask.empty() ? nullptr : mask.data();
  }
  float result(size_t row, size_t column) const {
    return attention.out[row * attention.ldo + column];
  }
};

void run(const AttentionKernel& kernel, const Problem& problem, size_t row0, size_t row1) {
  const size_t floats = kernel.scratch_floats(problem.head_size, problem.value_size);
  std::vector<float> scratch(floats, kNan);  // nothing may be expected of it
  kernel.run(problem.attention, row0, row1, scratch.data());
}

void run(const AttentionKernel& kernel, const Problem& problem) {
  run(kernel, problem, 0, problem.queries);
}

/// The scalar reference's answer to the same question.
Problem solved(const Problem& problem) {
  Problem reference = problem;
  reference.attach();
  run(attention_kernels().back(), reference);
  return reference;
}

/// Error of a row: a score is a sum of `head_size` products of total magnitude |q||k| (about
/// head_size for normal numbers, 4 times that at worst here), so it is off by at most
/// (head_size + 2) roundings of it; a weight by that much relatively and 3 more units for 2^x; the
/// sums over keys are blocked by 64: at most 64 + keys / 64 roundings. Values are below 5.
double bound(const Problem& p) {
  const double d = static_cast<double>(p.head_size);
  const double score = (d + 2.0) * 4.0 * d * std::abs(p.attention.scale);
  const double sums = 64.0 + static_cast<double>(p.keys) / 64.0;
  // Roundings add up at random, not all one way: the square root of their number is generous.
  return 0x1p-24 * 5.0 * 2.0 * (std::sqrt(score * d) + 3.0 + std::sqrt(sums));
}

void expect_like_reference(const AttentionKernel& kernel, Problem& problem) {
  problem.attach();
  const Problem reference = solved(problem);
  run(kernel, problem);
  for (size_t r = 0; r < problem.queries; ++r) {
    for (size_t c = 0; c < problem.value_size; ++c) {
      ASSERT_NEAR(problem.result(r, c), reference.result(r, c), bound(problem))
          << kernel.name << " queries " << problem.queries << " keys " << problem.keys << " size "
          << problem.head_size << " row " << r << " column " << c;
    }
  }
}

TEST(Attention, MatchesTheReferenceForTheHeadSizesInUse) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const size_t size : {size_t{32}, size_t{40}, size_t{64}, size_t{80}, size_t{160}}) {
      Problem problem(50, 77, size, size);
      expect_like_reference(kernel, problem);
    }
    Problem wide(5, 70, 512, 512);
    expect_like_reference(kernel, wide);
  }
}

TEST(Attention, MatchesTheReferenceForAnyHeadSize) {
  for (const AttentionKernel& kernel : kernels()) {
    for (size_t size = 1; size < 20; ++size) {
      Problem problem(17, 9, size, 20 - size);
      expect_like_reference(kernel, problem);
    }
    Problem odd(3, 70, 133, 7);
    expect_like_reference(kernel, odd);
  }
}

TEST(Attention, MatchesTheReferenceAroundTheEdgesOfTilesAndBlocks) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const size_t queries : {1, 3, 4, 5, 8, 9, 12, 13, 15, 16, 17, 31, 33, 48, 49, 97, 390}) {
      Problem problem(queries, 24, 12, 12);
      expect_like_reference(kernel, problem);
    }
    for (const size_t keys : {1, 2, 7, 8, 9, 24, 63, 64, 65, 77, 127, 128, 129, 1000}) {
      Problem problem(14, keys, 12, 12);
      expect_like_reference(kernel, problem);
    }
  }
}

TEST(Attention, WritesNothingButItsHeadAndItsRows) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(60, 10, 6, 6);
    run(kernel, problem, 5, 57);
    for (size_t i = 0; i < problem.out.size(); ++i) {
      const size_t row = i / problem.attention.ldo;
      const bool written = row >= 5 && row < 57 && i % problem.attention.ldo / 6 == 1;
      EXPECT_EQ(problem.out[i] != 77.0f, written) << kernel.name << " " << i;
    }
  }
}

TEST(Attention, HasTheSameBitsForAnySplitOfTheRows) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const bool causal : {false, true}) {
      Problem whole(200, 200, 24, 24);
      whole.attention.causal = causal;
      Problem split = whole;
      split.attach();
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
      Problem problem(length, length, 16, 16);
      problem.attention.causal = true;
      expect_like_reference(kernel, problem);
      for (size_t c = 0; c < 16; ++c) {
        ASSERT_NEAR(problem.result(0, c), problem.attention.v[c], 1e-6) << kernel.name;
      }
    }
    Problem more_queries(100, 30, 8, 8);
    more_queries.attention.causal = true;
    expect_like_reference(kernel, more_queries);
  }
}

TEST(Attention, MaskedKeysAreNotEvenRead) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const bool causal : {false, true}) {
      Problem problem(40, 150, 16, 16);
      problem.attention.causal = causal;
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
    Problem few(20, 30, 16, 16);
    Problem masked(20, 100, 16, 16);
    masked.q = few.q;
    masked.mask.assign(100, 0.0f);
    for (size_t j = 0; j < 30; ++j) {
      masked.mask[3 * j] = 1.0f;
      std::copy_n(few.k.begin() + static_cast<ptrdiff_t>(j * 48), 48,
                  masked.k.begin() + static_cast<ptrdiff_t>(3 * j * 48));
      std::copy_n(few.v.begin() + static_cast<ptrdiff_t>(j * 48), 48,
                  masked.v.begin() + static_cast<ptrdiff_t>(3 * j * 48));
    }
    masked.attach();
    run(kernel, few);
    run(kernel, masked);
    EXPECT_EQ(few.out, masked.out) << kernel.name;
  }
}

TEST(Attention, RowsWithoutAnyKeyAreZero) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem masked(20, 70, 8, 8);
    masked.mask.assign(70, 0.0f);
    masked.attach();
    run(kernel, masked);
    Problem none(20, 0, 8, 8);
    run(kernel, none);
    Problem causal(20, 20, 8, 8);  // the first two rows see only masked keys
    causal.attention.causal = true;
    causal.mask.assign(20, 1.0f);
    causal.mask[0] = causal.mask[1] = 0.0f;
    causal.attach();
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
    Problem problem(20, 100, 8, 8);
    problem.attention.scale = 1e6f;
    problem.attach();
    const Problem reference = solved(problem);
    run(kernel, problem);
    for (size_t r = 0; r < 20; ++r) {
      for (size_t c = 0; c < 8; ++c) {
        ASSERT_NEAR(problem.result(r, c), reference.result(r, c), 1e-5) << kernel.name;
      }
    }
  }
}

TEST(Attention, EqualScoresOfAnySizeGiveTheMean) {
  for (const AttentionKernel& kernel : kernels()) {
    for (const float size : {0.0f, 1e3f, -1e3f, 1e18f, -1e18f}) {
      Problem problem(5, 100, 4, 4);
      std::fill(problem.q.begin(), problem.q.end(), 1.0f);
      std::fill(problem.k.begin(), problem.k.end(), size);
      run(kernel, problem);
      for (size_t c = 0; c < 4; ++c) {
        double mean = 0.0;
        for (size_t j = 0; j < 100; ++j) mean += problem.attention.v[j * 12 + c] / 100.0;
        EXPECT_NEAR(problem.result(4, c), mean, 1e-6) << kernel.name << " " << size;
      }
    }
  }
}

TEST(Attention, InfiniteScoresAreNoWeightOrNan) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(20, 70, 2, 2);
    std::fill(problem.q.begin(), problem.q.end(), 1.0f);
    const auto key = [&](size_t j) { return problem.k.data() + j * 6 + 2; };
    for (size_t j = 0; j < 70; ++j) key(j)[0] = key(j)[1] = j == 3 ? 1.0f : -kInfinity;
    run(kernel, problem);
    for (size_t r = 0; r < 20; ++r) {
      EXPECT_NEAR(problem.result(r, 1), problem.attention.v[3 * 6 + 1], 1e-6) << kernel.name;
    }
    key(3)[0] = kInfinity;
    run(kernel, problem);
    EXPECT_TRUE(std::isnan(problem.result(0, 0))) << kernel.name;
  }
}

TEST(Attention, NanQueriesSpoilTheirRowOnly) {
  for (const AttentionKernel& kernel : kernels()) {
    Problem problem(40, 30, 8, 8);
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
