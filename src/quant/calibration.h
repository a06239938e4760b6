#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/input_moments.h"
#include "quant/layer_list.h"
#include "quant/position_observer.h"
#include "quant/range_observer.h"

namespace edgefusion::quant {

/// What calibration has seen of one value that layers read.
struct ObservedValue {
  RangeObserver ranges;
  InputMoments moments;
};

/// Watches the inputs of layers while a network runs in f32, over all prompts and steps.
class Calibration {
 public:
  /// products_of: layers ("unet/conv_in") whose inputs' products are taken, for rounding with
  /// feedback; they cost the square of the channels.
  explicit Calibration(const std::vector<Layer>& layers,
                       const std::set<std::string>& products_of = {});

  /// To be given every value as it is made.
  void observe(std::string_view network, std::string_view value, const ConstTensorView& tensor);

  /// Of the i-th input of a layer; nullptr if it never came by.
  const ObservedValue* input(const Layer& layer, size_t i) const;
  /// Of a 3x3 convolution that could run as F(2x2,3x3); else nullptr.
  const PositionObserver* positions(const Layer& layer) const;

 private:
  struct Watched {
    int64_t channels = 0;
    bool products = false;
    std::unique_ptr<ObservedValue> seen;
    std::vector<std::string> winograd;  ///< paths of layers that read it so
    std::vector<bool> enlarged;         ///< of each of them
  };
  std::map<std::string, Watched, std::less<>> values_;  ///< "network/value"
  std::map<std::string, PositionObserver, std::less<>> positions_;
};

}  // namespace edgefusion::quant
