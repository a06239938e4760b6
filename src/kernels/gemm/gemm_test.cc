#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "kernels/activation.h"
#include "kernels/gemm/gemm_test_data.h"

namespace edgefusion::kernels {
namespace {

struct Problem {
  int64_t m, n, k;
  Activation activation = Activation::none;
  bool bias = true;
  bool residual = false;
  bool activation_after_residual = false;
};

/// Inputs of one problem in one weight type; rows of src, dst and residual lie apart by odd gaps.
struct Inputs {
  Problem problem;
  StoredWeights weights;
  std::vector<float> src, bias, residual;
  int64_t src_stride, dst_stride, residual_stride;

  Inputs(const Problem& p, DType dtype)
      : problem(p),
        weights(dtype, p.n, p.k, 1, 1),
        src_stride(p.k + 3),
        dst_stride(p.n + 5),
        residual_stride(p.n + 1) {
    src = random_values(static_cast<size_t>(p.m * src_stride), 2);
    bias = random_values(static_cast<size_t>(p.n), 3);
    residual = random_values(static_cast<size_t>(p.m * residual_stride), 4);
  }
};

constexpr float kUntouched = -12345.0f;

/// Runs a row over the ranges; dst starts as kUntouched everywhere.
std::vector<float> run(const GemmRow& row, const Inputs& in, const std::vector<GemmRange>& ranges) {
  const Problem& p = in.problem;
  std::vector<float> dst(static_cast<size_t>(p.m * in.dst_stride), kUntouched);
  AlignedBuffer packed = pack_for(row.layout(), in.weights.view);
  GemmArgs args;
  args.src = in.src.data();
  args.src_stride = in.src_stride;
  args.packed_weights = packed.data();
  args.dst = dst.data();
  args.dst_stride = in.dst_stride;
  args.outputs = p.n;
  args.depth = p.k;
  args.epilogue.bias = p.bias ? in.bias.data() : nullptr;
  args.epilogue.activation = p.activation;
  args.epilogue.activation_after_residual = p.activation_after_residual;
  args.epilogue.residual = p.residual ? in.residual.data() : nullptr;
  args.epilogue.residual_stride = in.residual_stride;
  AlignedBuffer scratch(row.scratch_bytes(args));
  for (const GemmRange& range : ranges) row.run(args, range, scratch.data());
  return dst;
}

GemmRange whole(const GemmRow& row, const Problem& p) {
  return {0, p.m, 0, row.layout().panels(p.n)};
}

/// Every row usable here.
std::vector<const GemmRow*> usable_rows() {
  std::vector<const GemmRow*> rows;
  for (const GemmRow& row : gemm_table()) {
    if (test_isa().contains(row.needs)) rows.push_back(&row);
  }
  return rows;
}

void expect_matches_formula(const GemmRow& row, const Problem& p) {
  SCOPED_TRACE(row.name + " m " + std::to_string(p.m) + " n " + std::to_string(p.n) + " k " +
               std::to_string(p.k) + " " + std::string(to_string(p.activation)));
  const Inputs in(p, row.types.weights);
  const std::vector<float> dst = run(row, in, {whole(row, p)});
  int wrong = 0;
  for (int64_t m = 0; m < p.m; ++m) {
    for (int64_t n = 0; n < p.n; ++n) {
      double sum = p.bias ? in.bias[n] : 0, magnitude = std::abs(sum);
      for (int64_t k = 0; k < p.k; ++k) {
        const double product =
            static_cast<double>(in.src[m * in.src_stride + k]) * in.weights.values[n * p.k + k];
        sum += product;
        magnitude += std::abs(product);
      }
      const double residual = p.residual ? in.residual[m * in.residual_stride + n] : 0;
      magnitude += std::abs(residual);
      const double inner = p.activation_after_residual ? sum + residual : sum;
      const double expected = activate(p.activation, static_cast<float>(inner)) +
                              (p.activation_after_residual ? 0 : residual);
      const double error = std::abs(dst[m * in.dst_stride + n] - expected);
      wrong += !(error <= kMaxSlope * sum_tolerance(p.k, magnitude));
    }
    for (int64_t n = p.n; n < in.dst_stride; ++n) {
      EXPECT_EQ(dst[m * in.dst_stride + n], kUntouched) << "wrote beyond the last column";
    }
  }
  EXPECT_EQ(wrong, 0) << "elements beyond the tolerance";
}

std::vector<int64_t> around(int64_t edge) {
  std::vector<int64_t> sizes = {1, edge - 1, edge, edge + 1, 2 * edge + 3};
  sizes.erase(std::remove_if(sizes.begin(), sizes.end(), [](int64_t s) { return s < 1; }),
              sizes.end());
  return sizes;
}

TEST(Gemm, MatchesTheFormulaForAllSizesAroundTheTile) {
  for (const GemmRow* row : usable_rows()) {
    for (const int64_t m : around(row->tile.rows)) {
      for (const int64_t n : around(row->tile.columns)) {
        for (const int64_t k : {1, 2, 7, 33}) expect_matches_formula(*row, {m, n, k});
      }
    }
  }
}

TEST(Gemm, MatchesTheFormulaForAFewColumns) {
  for (const GemmRow* row : usable_rows()) {
    for (const int64_t n : {1, 2, 3, 4, 5}) {
      for (const int64_t k : {3, 15, 16, 17, 100, 645}) {
        expect_matches_formula(*row, {19, n, k, Activation::relu, true, true});
      }
    }
  }
}

TEST(Gemm, MatchesTheFormulaWhenDepthAndRowsTakeSeveralBlocks) {
  for (const GemmRow* row : usable_rows()) {
    for (const int64_t k : {319, 320, 321, 645, 1283}) {
      expect_matches_formula(*row, {13, row->tile.columns + 1, k});
    }
    expect_matches_formula(*row, {row->tile.block_rows + 1, row->tile.columns / 2, 330});
    expect_matches_formula(*row, {2 * row->tile.block_rows, 2 * row->tile.columns, 5});
  }
}

TEST(Gemm, AppliesEveryActivationBeforeOrAfterTheResidual) {
  for (const GemmRow* row : usable_rows()) {
    for (const auto& [activation, name] : kActivations) {
      for (const bool after : {false, true}) {
        for (const bool residual : {false, true}) {
          for (const int64_t n : {row->tile.columns, row->tile.columns + 3}) {
            expect_matches_formula(*row, {17, n, 350, activation, true, residual, after});
          }
        }
      }
    }
  }
}

TEST(Gemm, TakesNoBiasAsZeros) {
  for (const GemmRow* row : usable_rows()) {
    expect_matches_formula(*row, {9, row->tile.columns + 2, 20, Activation::none, false});
  }
}

TEST(Gemm, GivesTheSameBitsForEverySplit) {
  for (const GemmRow* row : usable_rows()) {
    SCOPED_TRACE(row->name);
    // Of the columns over, 2 may take a path of their own, 7 not.
    const int64_t over = row->types.weights == DType::f32 ? 2 : 7;
    const Problem p{61, 3 * row->tile.columns + over, 700, Activation::silu, true, true};
    const Inputs in(p, row->types.weights);
    const std::vector<float> expected = run(*row, in, {whole(*row, p)});
    const int64_t panels = row->layout().panels(p.n);
    for (const int64_t m : {1, 12, 37, 60}) {
      for (int64_t n = 1; n < panels; ++n) {
        const std::vector<GemmRange> quarters = {
            {m, p.m, n, panels}, {0, m, 0, n}, {0, m, n, panels}, {m, p.m, 0, n}};
        EXPECT_EQ(run(*row, in, quarters), expected) << "split at " << m << ", " << n;
      }
    }
  }
}

TEST(Gemm, WritesNothingOutsideOfItsRange) {
  for (const GemmRow* row : usable_rows()) {
    SCOPED_TRACE(row->name);
    const Problem p{30, 4 * row->tile.columns, 20};
    const Inputs in(p, row->types.weights);
    const std::vector<float> dst = run(*row, in, {{7, 23, 1, 3}});
    for (int64_t m = 0; m < p.m; ++m) {
      for (int64_t n = 0; n < p.n; ++n) {
        const bool inside = m >= 7 && m < 23 && n >= row->tile.columns && n < 3 * row->tile.columns;
        EXPECT_EQ(dst[m * in.dst_stride + n] != kUntouched, inside) << m << ", " << n;
      }
    }
  }
}

TEST(Gemm, PassesNanAndInfinityOnToTheirRowAndColumnOnly) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const GemmRow* row : usable_rows()) {
    SCOPED_TRACE(row->name);
    const Problem p{14, row->tile.columns + 1, 40};
    Inputs in(p, row->types.weights);
    in.weights.set(row->types.weights, 5 * 40 + 9, NAN);
    in.weights.set(row->types.weights, 6 * 40 + 9, inf);
    in.weights.set(row->types.weights, 7 * 40 + 9, -inf);
    for (int64_t m = 0; m < p.m; ++m) in.src[m * in.src_stride + 9] = 1.0f;
    in.src[3 * in.src_stride + 2] = NAN;
    const std::vector<float> dst = run(*row, in, {whole(*row, p)});
    for (int64_t m = 0; m < p.m; ++m) {
      for (int64_t n = 0; n < p.n; ++n) {
        const float y = dst[m * in.dst_stride + n];
        EXPECT_EQ(std::isnan(y), m == 3 || n == 5) << m << ", " << n;
        if (m == 3) continue;
        EXPECT_EQ(y == inf, n == 6) << m << ", " << n;
        EXPECT_EQ(y == -inf, n == 7) << m << ", " << n;
      }
    }
  }
}

TEST(Gemm, ExpandsHalfPrecisionWeightsExactly) {
  for (const GemmRow* row : usable_rows()) {
    if (row->types.weights == DType::f32) continue;
    SCOPED_TRACE(row->name);
    const int64_t n = 65536;
    Inputs in({1, n, 1, Activation::none, false}, row->types.weights);
    for (int64_t bits = 0; bits < n; ++bits) {
      reinterpret_cast<uint16_t*>(in.weights.bytes.data())[bits] = static_cast<uint16_t>(bits);
    }
    in.src[0] = 1.0f;
    const std::vector<float> dst = run(*row, in, {whole(*row, in.problem)});
    int wrong = 0;
    for (int64_t bits = 0; bits < n; ++bits) {
      const uint16_t half = static_cast<uint16_t>(bits);
      const float expected =
          row->types.weights == DType::f16 ? f16_to_f32(half) : bf16_to_f32(half);
      wrong += std::isnan(expected) ? !std::isnan(dst[bits]) : dst[bits] != expected;
    }
    EXPECT_EQ(wrong, 0);
  }
}

TEST(Gemm, KeepsZerosZero) {
  for (const GemmRow* row : usable_rows()) {
    const Problem p{5, row->tile.columns + 1, 12, Activation::none, false};
    Inputs in(p, row->types.weights);
    std::fill(in.src.begin(), in.src.end(), 0.0f);
    const std::vector<float> dst = run(*row, in, {whole(*row, p)});
    for (int64_t n = 0; n < p.n; ++n) EXPECT_EQ(dst[n], 0.0f) << row->name;
  }
}

TEST(Gemm, SelectsTheCheapestUsableRowAndTheReferenceWithoutVectors) {
  for (const DType weights : kWeightTypes) {
    EXPECT_NE(select_gemm({}, {weights}).name.find("scalar"), std::string::npos);
    const GemmRow& best = select_gemm(test_isa(), {weights});
    for (const GemmRow* row : usable_rows()) {
      EXPECT_TRUE(row->types != best.types || best.cost <= row->cost) << row->name;
    }
  }
}

TEST(Gemm, TableIsSortedByCostAndNamesAreUnique) {
  const auto table = gemm_table();
  for (size_t i = 1; i < table.size(); ++i) {
    EXPECT_LE(table[i - 1].cost, table[i].cost);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(table[i].name, table[j].name);
  }
}

}  // namespace
}  // namespace edgefusion::kernels
