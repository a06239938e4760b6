#include "kernels/matrix/int8/panel_int8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "kernels/amx/amx_emulated.h"
#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/amx_panel-inl.h"

namespace edgefusion::kernels {
namespace {

constexpr int32_t kUntouched = 0x5a5a5a5a;

/// What the values of a problem are.
enum class Fill { random, lowest, highest, alternating };

template <typename T>
T value_of(Fill fill, std::mt19937& bits, int64_t index) {
  constexpr T kLowest = std::numeric_limits<T>::min(), kHighest = std::numeric_limits<T>::max();
  switch (fill) {
    case Fill::lowest:
      return kLowest;
    case Fill::highest:
      return kHighest;
    case Fill::alternating:
      return index % 3 == 0 ? kHighest : kLowest;
    case Fill::random:
      break;
  }
  return static_cast<T>(bits());
}

struct Problem {
  int64_t rows = 1;
  std::vector<int64_t> lengths = {64};
  Fill row_fill = Fill::random, weight_fill = Fill::random;
  bool add = false;
  int32_t there = 0;  ///< what sums begin with; 0: random ones

  int64_t depth() const {
    int64_t sum = 0;
    for (const int64_t length : lengths) sum += length;
    return sum;
  }
};

/// Rows and weights of a problem. Each run of a row ends where its memory ends, so that reads
/// beyond show under a sanitizer.
template <typename Product>
struct Operands {
  using Row = typename Product::Row;
  Problem p;
  std::vector<std::vector<Row>> runs;  // [segment * rows + row]
  std::vector<const Row*> tables;
  std::vector<RowRun<Row>> segments;
  std::vector<int8_t> weights;  // [depth][kPanelColumns]

  explicit Operands(const Problem& problem) : p(problem) {
    std::mt19937 bits(7);
    for (const int64_t length : p.lengths) {
      for (int64_t r = 0; r < p.rows; ++r) {
        std::vector<Row> run(static_cast<size_t>(offset() + length));
        for (size_t i = 0; i < run.size(); ++i) {
          run[i] = value_of<Row>(p.row_fill, bits, static_cast<int64_t>(i) + r);
        }
        runs.push_back(run);
      }
    }
    for (const auto& run : runs) tables.push_back(run.data());
    for (size_t s = 0; s < p.lengths.size(); ++s) {
      segments.push_back(
          {tables.data() + static_cast<int64_t>(s) * p.rows, offset(), p.lengths[s]});
    }
    weights.resize(static_cast<size_t>(p.depth() * kPanelColumns));
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] = value_of<int8_t>(p.weight_fill, bits, static_cast<int64_t>(i));
    }
  }

  static int64_t offset() { return 3; }

  std::vector<int32_t> sums_before(int64_t count) const {
    std::mt19937 bits(8);
    std::vector<int32_t> sums(static_cast<size_t>(count * kPanelColumns), p.there);
    if (p.there == 0) {
      for (int32_t& sum : sums) sum = static_cast<int32_t>(bits());
    }
    return sums;
  }

  /// The formula of the contract.
  std::vector<int32_t> expected() const {
    std::vector<int32_t> sums = sums_before(p.rows);
    for (int64_t r = 0; r < p.rows; ++r) {
      for (int64_t c = 0; c < kPanelColumns; ++c) {
        auto& sum = sums[static_cast<size_t>(r * kPanelColumns + c)];
        int64_t total = p.add ? sum : 0, k = 0;
        for (const RowRun<Row>& segment : segments) {
          for (int64_t i = 0; i < segment.length; ++i, ++k) {
            total += int64_t{segment.rows[r][segment.offset + i]} *
                     weights[static_cast<size_t>(k * kPanelColumns + c)];
          }
        }
        sum = static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(total)));
      }
    }
    return sums;
  }
};

template <typename Product>
std::vector<int32_t> run(const PanelKernelOf<Product>& kernel, const Operands<Product>& in) {
  const Problem& p = in.p;
  const int64_t blocks = (p.depth() + kPanelBlockBytes - 1) / kPanelBlockBytes;
  const auto panel_bytes = static_cast<size_t>(blocks * kPanelBlockBytes * kPanelColumns);
  AlignedBuffer panel(panel_bytes);
  auto* weights = static_cast<int8_t*>(panel.data());
  std::fill_n(weights, panel_bytes, int8_t{0});
  for (int64_t i = 0; i < p.depth() * kPanelColumns; ++i) {
    weights[kernel.layout.at(i / kPanelColumns, static_cast<int>(i % kPanelColumns))] =
        in.weights[static_cast<size_t>(i)];
  }
  const int64_t room = (p.rows + kernel.row_tile - 1) / kernel.row_tile * kernel.row_tile;
  AlignedBuffer sums_memory(static_cast<size_t>((room + 1) * kPanelColumns) * sizeof(int32_t));
  auto* sums = static_cast<int32_t*>(sums_memory.data());
  std::ranges::copy(in.sums_before(room), sums);
  std::fill_n(sums + room * kPanelColumns, kPanelColumns, kUntouched);

  Product product;
  product.segments = in.segments.data();
  product.segment_count = static_cast<int>(in.segments.size());
  product.rows = p.rows;
  product.panel = weights;
  product.sums = sums;
  product.add = p.add;
  AlignedBuffer prepared(kernel.prepare == nullptr ? 0 : kernel.prepared_bytes(p.rows, p.depth()));
  if (kernel.prepare != nullptr) {
    kernel.prepare(product, prepared.data());
    product.prepared = prepared.data();
  }
  kernel.multiply(product);
  for (int c = 0; c < kPanelColumns; ++c) {
    EXPECT_EQ(sums[room * kPanelColumns + c], kUntouched) << kernel.name;
  }
  return {sums, sums + p.rows * kPanelColumns};
}

/// Kernels of the table for this CPU, and emulated AMX.
template <typename Product>
std::vector<PanelKernelOf<Product>> kernels_to_test() {
  using Emulated = AmxPanel<EmulatedTiles, Product>;
  PanelKernelOf<Product> amx = {
      .name = "32x32_amx_int8_emulated", .layout = {kPanelColumns, 4}, .row_tile = 32};
  amx.multiply = Emulated::multiply;
  amx.prepare = Emulated::prepare;
  amx.prepared_bytes = Emulated::prepared_bytes;
  std::vector<PanelKernelOf<Product>> kernels = {amx};
  for (const auto& kernel : int8_panel_kernels<Product>()) {
    if (test_isa().contains(kernel.needs)) kernels.push_back(kernel);
  }
  return kernels;
}

template <typename Product>
class Int8Panel : public ::testing::Test {
 protected:
  static void expect_exact(const Problem& p) {
    const Operands<Product> in(p);
    const std::vector<int32_t> expected = in.expected();
    for (const auto& kernel : kernels_to_test<Product>()) {
      const auto whole = [&](int64_t length) { return length % kernel.layout.group == 0; };
      if (!std::ranges::all_of(p.lengths, whole)) continue;
      const std::vector<int32_t> found = run(kernel, in);
      const auto at = std::ranges::mismatch(found, expected).in1 - found.begin();
      EXPECT_EQ(found, expected) << kernel.name << ", " << p.rows << " rows, depth " << p.depth()
                                 << ", first at row " << at / kPanelColumns << " column "
                                 << at % kPanelColumns;
    }
  }
};

using Kinds = ::testing::Types<PanelProductU8, PanelProductS8>;
TYPED_TEST_SUITE(Int8Panel, Kinds);

TYPED_TEST(Int8Panel, SumsAreExactAroundTileEdges) {
  for (const int64_t rows : {1, 2, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 32, 33, 49}) {
    for (const int64_t depth : {4, 8, 12, 16, 60, 64, 68, 72, 136}) {
      for (const bool add : {false, true}) {
        this->expect_exact({.rows = rows, .lengths = {depth}, .add = add});
      }
    }
  }
}

TYPED_TEST(Int8Panel, SegmentsFollowOneAnother) {
  this->expect_exact({.rows = 19, .lengths = {8, 24, 64, 40}});
  this->expect_exact({.rows = 37, .lengths = {4, 20, 64, 12, 100, 4}, .add = true});
}

TYPED_TEST(Int8Panel, ALongDepthIsCutForTheCacheWithoutATrace) {
  this->expect_exact({.rows = 70, .lengths = {1280, 1280, 8}, .add = true});
}

TYPED_TEST(Int8Panel, ExtremeValuesDoNotSaturate) {
  for (const Fill rows : {Fill::lowest, Fill::highest, Fill::alternating}) {
    for (const Fill weights : {Fill::lowest, Fill::highest, Fill::alternating}) {
      this->expect_exact({.rows = 13, .lengths = {264}, .row_fill = rows, .weight_fill = weights});
    }
  }
}

TYPED_TEST(Int8Panel, SumsBeyondTheirRangeWrap) {
  for (const int32_t there :
       {std::numeric_limits<int32_t>::max() - 1000, std::numeric_limits<int32_t>::min() + 1000}) {
    for (const Fill weights : {Fill::lowest, Fill::highest}) {
      this->expect_exact({.rows = 14,
                          .lengths = {64},
                          .row_fill = Fill::highest,
                          .weight_fill = weights,
                          .add = true,
                          .there = there});
    }
  }
}

TYPED_TEST(Int8Panel, TheTableIsSortedByCostAndEndsWithTheReference) {
  const auto table = int8_panel_kernels<TypeParam>();
  EXPECT_TRUE(std::ranges::is_sorted(table, {}, &PanelKernelOf<TypeParam>::cost));
  EXPECT_EQ(table.back().name, "scalar");
  EXPECT_TRUE(table.back().needs.empty());
  for (const auto& kernel : table) EXPECT_EQ(kernel.block_rows % kernel.row_tile, 0) << kernel.name;
}

}  // namespace
}  // namespace edgefusion::kernels
