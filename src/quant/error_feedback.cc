#include "quant/error_feedback.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/result.h"
#include "quant/palette.h"

namespace edgefusion::quant {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Products = Eigen::Map<const Rows>;

/// Chooses the code of one weight and tells its value, for each kind of codes.
struct ChannelGrid {
  ChannelCodes& codes;
  int nearest(int64_t o, int64_t, float value) const {
    const float steps = std::nearbyint(value / codes.scales[static_cast<size_t>(o)]);
    return static_cast<int>(std::clamp(steps, -127.0f, 127.0f));
  }
  float value(int64_t o, int64_t, int code) const {
    return static_cast<float>(code) * codes.scales[static_cast<size_t>(o)];
  }
  void set(size_t at, int code) const { codes.codes[at] = static_cast<int8_t>(code); }
};

struct GroupGrid {
  GroupCodes& codes;
  float scale(int64_t o, int64_t k) const {
    return codes.scales[static_cast<size_t>(o * codes.groups() + k / codes.group)];
  }
  int nearest(int64_t o, int64_t k, float value) const {
    return static_cast<int>(std::clamp(std::nearbyint(value / scale(o, k)), -8.0f, 7.0f));
  }
  float value(int64_t o, int64_t k, int code) const {
    return static_cast<float>(code) * scale(o, k);
  }
  void set(size_t at, int code) const { codes.codes[at] = static_cast<int8_t>(code); }
};

struct PaletteGrid {
  PaletteCodes& codes;
  int nearest(int64_t o, int64_t, float value) const {
    return nearest_entry(codes.palette_of(o), value);
  }
  float value(int64_t o, int64_t, int code) const {
    return codes.palette_of(o)[static_cast<size_t>(code)];
  }
  void set(size_t at, int code) const { codes.indices[at] = static_cast<uint8_t>(code); }
};

/// The moments of a block in the order in which columns are rounded: from the last to the first,
/// the most important last. Blocks with the same products share it.
class Factor {
 public:
  Factor(const ColumnMoments& block, double damping) : data_(block.products.data()) {
    const Products given(block.products.data(), block.size, block.size);
    order_.resize(static_cast<size_t>(block.size));
    std::iota(order_.begin(), order_.end(), int64_t{0});
    std::ranges::stable_sort(order_, {}, [&](int64_t i) { return given(i, i); });
    products_ = given(order_, order_);
    const double mean = products_.diagonal().cast<double>().mean();
    EF_CHECK(products_.allFinite(), "moments are finite");
    if (mean > 0) factorize(std::max(damping, 1e-6) * mean);
  }

  bool is_of(const ColumnMoments& block) const {
    return block.products.data() == data_ && static_cast<size_t>(block.size) == order_.size();
  }
  bool is_zero() const { return lower_.size() == 0; }
  /// The column of the block behind each of ours.
  const std::vector<int64_t>& order() const { return order_; }
  const Rows& products() const { return products_; }
  const Rows& lower() const { return lower_; }  ///< products + damping = lower * lower^T

 private:
  void factorize(double added) {
    // What calibration measured is positive but for rounding, which a larger diagonal outweighs.
    for (;; added *= 10) {
      Eigen::MatrixXd damped = products_.cast<double>();
      damped.diagonal().array() += added;
      const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(damped);
      if (factor.info() != Eigen::Success) continue;
      lower_ = damped.triangularView<Eigen::Lower>().toDenseMatrix().cast<float>();
      return;
    }
  }

  const float* data_;
  std::vector<int64_t> order_;
  Rows products_, lower_;
};

/// One block of columns of one layer.
template <typename Grid>
class BlockRounding {
 public:
  BlockRounding(const WeightMatrix& weights, const ColumnMoments& block, const Factor& factor,
                const Grid& grid)
      : depth_(weights.depth),
        outputs_(weights.outputs),
        size_(block.size),
        factor_(factor),
        grid_(grid),
        weights_(outputs_, size_),
        codes_(outputs_, size_) {
    for (const int64_t i : factor.order()) columns_.push_back(block.first + i * block.step);
    for (int64_t o = 0; o < outputs_; ++o) {
      for (int64_t j = 0; j < size_; ++j) {
        weights_(o, j) =
            weights.values[static_cast<size_t>(o * depth_ + columns_[static_cast<size_t>(j)])];
      }
    }
  }

  void run(std::span<const float> before, int refinements) {
    errors_.resize(outputs_, size_);
    for (int64_t o = 0; o < outputs_; ++o) {
      for (int64_t j = 0; j < size_; ++j) {
        const auto at = static_cast<size_t>(o * depth_ + columns_[static_cast<size_t>(j)]);
        errors_(o, j) = weights_(o, j) - before[at];
      }
    }
    const Eigen::VectorXd error_before = error_of_rows(errors_ * factor_.products());
    feed_back();
    slopes_ = errors_ * factor_.products();
    for (int64_t o = 0; o < outputs_; ++o) {
      for (int i = 0; i < refinements && refine(o); ++i) {
      }
    }
    const Eigen::VectorXd error_after = error_of_rows(slopes_);
    for (int64_t o = 0; o < outputs_; ++o) {
      if (error_after[o] < error_before[o]) keep(o);
    }
  }

 private:
  Eigen::VectorXd error_of_rows(const Rows& slopes) const {
    return (errors_.cast<double>().array() * slopes.cast<double>().array()).rowwise().sum();
  }

  /// Column j sees sum_{i > j} e_i L_ij of the errors already made, and is rounded so that its own
  /// e_j L_jj takes away as much of that as it can.
  void feed_back() {
    constexpr int64_t kBlock = 64;  // columns whose part in all earlier ones is added at once
    const Rows& lower = factor_.lower();
    Rows seen = Rows::Zero(outputs_, size_);
    for (int64_t end = size_; end > 0; end -= std::min(kBlock, end)) {
      const int64_t begin = std::max<int64_t>(end - kBlock, 0), width = end - begin;
      for (int64_t o = 0; o < outputs_; ++o) {
        for (int64_t j = end - 1; j >= begin; --j) {
          const float wanted = weights_(o, j) + seen(o, j) / lower(j, j);
          const float error = weights_(o, j) - take(o, j, wanted);
          errors_(o, j) = error;
          seen.row(o).segment(begin, j - begin) += error * lower.row(j).segment(begin, j - begin);
        }
      }
      seen.leftCols(begin).noalias() +=
          errors_.middleCols(begin, width) * lower.block(begin, 0, width, begin);
    }
  }

  float take(int64_t o, int64_t j, float wanted) {
    const int64_t column = columns_[static_cast<size_t>(j)];
    codes_(o, j) = grid_.nearest(o, column, wanted);
    return grid_.value(o, column, codes_(o, j));
  }

  /// Moves each code of a row to the best one while all others stay; false if none moved.
  bool refine(int64_t o) {
    bool moved = false;
    const Rows& products = factor_.products();
    for (int64_t j = 0; j < size_; ++j) {
      const float square = products(j, j);
      if (square <= 0) continue;
      const int64_t column = columns_[static_cast<size_t>(j)];
      const float value = weights_(o, j) - errors_(o, j);
      const int code = grid_.nearest(o, column, value + slopes_(o, j) / square);
      if (code == codes_(o, j)) continue;
      const float change = grid_.value(o, column, code) - value;
      // Rounding must not send a code back and forth.
      if (change * (2 * slopes_(o, j) - change * square) <= 1e-5f * change * change * square) {
        continue;
      }
      codes_(o, j) = code;
      errors_(o, j) -= change;
      slopes_.row(o) -= change * products.row(j);
      moved = true;
    }
    return moved;
  }

  void keep(int64_t o) {
    for (int64_t j = 0; j < size_; ++j) {
      const auto at = static_cast<size_t>(o * depth_ + columns_[static_cast<size_t>(j)]);
      grid_.set(at, codes_(o, j));
    }
  }

  const int64_t depth_, outputs_, size_;
  const Factor& factor_;
  const Grid& grid_;
  std::vector<int64_t> columns_;
  Rows weights_;  // [outputs, columns of the block in its order], as all of these
  Eigen::Matrix<int, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> codes_;
  Rows errors_;  // weights - values of the codes
  Rows slopes_;  // errors * products
};

void check(const WeightMatrix& weights, const ColumnMoments& block) {
  EF_CHECK(static_cast<int64_t>(block.products.size()) == block.size * block.size,
           "moments are a square");
  EF_CHECK(block.size > 0 && block.first >= 0 && block.step > 0 &&
               block.first + (block.size - 1) * block.step < weights.depth,
           "moments of columns that there are");
}

template <typename Codes, typename Grid>
void round_blocks(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                  const FeedbackOptions& options, Codes& codes, const Grid& grid) {
  EF_CHECK(codes.outputs == weights.outputs && codes.depth == weights.depth,
           "codes of these weights");
  const std::vector<float> before = to_values(codes);
  std::optional<Factor> factor;
  for (const ColumnMoments& block : blocks) {
    check(weights, block);
    if (!factor || !factor->is_of(block)) factor.emplace(block, options.damping);
    if (factor->is_zero()) continue;
    BlockRounding<Grid>(weights, block, *factor, grid).run(before, options.refinements);
  }
}

}  // namespace

ColumnMoments linear_moments(std::span<const float> products, int64_t inputs) {
  return {.products = products, .size = inputs};
}

std::vector<ColumnMoments> tap_moments(std::span<const float> products, int64_t inputs,
                                       int64_t taps) {
  std::vector<ColumnMoments> blocks;
  for (int64_t tap = 0; tap < taps; ++tap) {
    blocks.push_back({.products = products, .size = inputs, .first = tap, .step = taps});
  }
  return blocks;
}

std::vector<double> output_error(const WeightMatrix& weights, std::span<const float> rounded,
                                 std::span<const ColumnMoments> blocks) {
  std::vector<double> result(static_cast<size_t>(weights.outputs), 0.0);
  for (const ColumnMoments& block : blocks) {
    check(weights, block);
    Rows errors(weights.outputs, block.size);
    for (int64_t o = 0; o < weights.outputs; ++o) {
      for (int64_t i = 0; i < block.size; ++i) {
        const auto at = static_cast<size_t>(o * weights.depth + block.first + i * block.step);
        errors(o, i) = weights.values[at] - rounded[at];
      }
    }
    const Rows slopes = errors * Products(block.products.data(), block.size, block.size);
    for (int64_t o = 0; o < weights.outputs; ++o) {
      result[static_cast<size_t>(o)] +=
          errors.row(o).cast<double>().dot(slopes.row(o).cast<double>());
    }
  }
  return result;
}

void round_with_feedback(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                         const FeedbackOptions& options, ChannelCodes& codes) {
  round_blocks(weights, blocks, options, codes, ChannelGrid{codes});
}

void round_with_feedback(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                         const FeedbackOptions& options, GroupCodes& codes) {
  round_blocks(weights, blocks, options, codes, GroupGrid{codes});
}

void round_with_feedback(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                         const FeedbackOptions& options, PaletteCodes& codes) {
  round_blocks(weights, blocks, options, codes, PaletteGrid{codes});
}

}  // namespace edgefusion::quant
