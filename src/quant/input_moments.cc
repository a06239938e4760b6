#include "quant/input_moments.h"

#include <Eigen/Dense>
#include <algorithm>

#include "core/result.h"

namespace edgefusion::quant {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Sums = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> divided(const std::vector<double>& sums, int64_t rows) {
  std::vector<double> result = sums;
  for (double& x : result) x /= static_cast<double>(std::max<int64_t>(rows, 1));
  return result;
}

}  // namespace

InputMoments::InputMoments(int64_t channels, Kind kind)
    : channels_(channels),
      kind_(kind),
      sums_(static_cast<size_t>(channels), 0.0),
      squares_(static_cast<size_t>(channels), 0.0) {
  EF_CHECK(channels > 0, "channels of a layer");
  if (kind == Kind::products) products_.assign(static_cast<size_t>(channels * channels), 0.0);
}

void InputMoments::observe(std::span<const float> values) {
  const auto width = static_cast<size_t>(channels_);
  EF_CHECK(values.size() % width == 0, "whole rows of channels");
  for (size_t row = 0; row < values.size(); row += width) {
    for (size_t c = 0; c < width; ++c) {
      const auto x = static_cast<double>(values[row + c]);
      sums_[c] += x;
      squares_[c] += x * x;
    }
  }
  rows_ += static_cast<int64_t>(values.size() / width);
  if (kind_ == Kind::products) add_products(values);
}

void InputMoments::add_products(std::span<const float> values) {
  constexpr int64_t kBlock = 512;  // rows whose products f32 adds up without losing much
  const auto rows = static_cast<int64_t>(values.size()) / channels_;
  Eigen::Map<Sums> total(products_.data(), channels_, channels_);
  Rows part(channels_, channels_);
  for (int64_t row = 0; row < rows; row += kBlock) {
    const Eigen::Map<const Rows> x(values.data() + row * channels_, std::min(kBlock, rows - row),
                                   channels_);
    part.setZero();
    part.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose());
    for (int64_t i = 0; i < channels_; ++i) {
      total.row(i).head(i + 1) += part.row(i).head(i + 1).cast<double>();
    }
  }
}

std::vector<double> InputMoments::means() const { return divided(sums_, rows_); }
std::vector<double> InputMoments::mean_squares() const { return divided(squares_, rows_); }

std::vector<float> InputMoments::products() const {
  EF_CHECK(kind_ == Kind::products, "products were not asked for");
  std::vector<float> result(products_.size());
  const auto rows = static_cast<double>(std::max<int64_t>(rows_, 1));
  for (int64_t i = 0; i < channels_; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const auto mean =
          static_cast<float>(products_[static_cast<size_t>(i * channels_ + j)] / rows);
      result[static_cast<size_t>(i * channels_ + j)] = mean;
      result[static_cast<size_t>(j * channels_ + i)] = mean;
    }
  }
  return result;
}

}  // namespace edgefusion::quant
