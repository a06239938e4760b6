#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace edgefusion::quant {

/// Mean and second moments of the input channels of a layer over calibration. Sums are f64: the
/// same tensors in the same order give the same bits, another order the same up to rounding.
/// Non-finite values are the caller's to leave out.
class InputMoments {
 public:
  enum class Kind : uint8_t { squares_only, products };

  InputMoments(int64_t channels, Kind kind);

  /// values [N, channels], channels last.
  void observe(std::span<const float> values);

  int64_t channels() const { return channels_; }
  int64_t rows() const { return rows_; }
  bool has_products() const { return kind_ == Kind::products; }
  std::vector<double> means() const;         ///< E[x_i], [channels]
  std::vector<double> mean_squares() const;  ///< E[x_i^2], [channels]
  /// E[x_i x_j], [channels, channels]; of Kind::products only.
  std::vector<float> products() const;

 private:
  void add_products(std::span<const float> values);

  int64_t channels_, rows_ = 0;
  Kind kind_;
  std::vector<double> sums_, squares_;
  std::vector<double> products_;  // the lower triangle, or nothing
};

}  // namespace edgefusion::quant
