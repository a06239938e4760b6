#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace edgefusion::train {

struct ViewRange {
  double zoom = 0;   ///< factors from 1 - zoom to 1 + zoom
  double shift = 0;  ///< of the side, each way
};

/// Each picture a little larger or smaller and somewhere else, as its seed says; what comes in at
/// the border repeats the border. pictures f32 [N,S,S,3] -> same. Colours and sides stay: captions
/// speak of them.
at::Tensor random_views(const at::Tensor& pictures, std::span<const uint64_t> seeds,
                        const ViewRange& range);

}  // namespace edgefusion::train
