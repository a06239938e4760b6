#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "train/picture_encoder.h"
#include "train/sample_order.h"

namespace edgefusion::train {
namespace {

TEST(PictureTensor, EqualsPyTorchsAntialiasedBicubicInterpolation) {
  for (const auto& [side, size] :
       {std::pair{96, 32}, std::pair{50, 21}, std::pair{64, 64}, std::pair{9, 31}}) {
    formats::Image image{.width = side, .height = side, .channels = 3, .pixels = {}};
    for (int i = 0; i < side * side * 3; ++i) {
      image.pixels.push_back(static_cast<uint8_t>(mixed_seed(1, Purpose::choice, i)));
    }
    const at::Tensor pixels =
        at::from_blob(image.pixels.data(), {side, side, 3}, at::kByte).to(at::kFloat);
    const at::Tensor expected =
        at::_upsample_bicubic2d_aa(pixels.permute({2, 0, 1}).unsqueeze(0), {size, size}, false)
                .squeeze(0)
                .permute({1, 2, 0})
                .clamp(0, 255) /
            127.5 -
        1;
    const at::Tensor found = picture_tensor(image, size);
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5) << side << " to " << size;
  }
}

}  // namespace
}  // namespace edgefusion::train
