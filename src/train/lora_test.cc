#include "train/lora.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

Parameters network() {
  Parameters base;
  base.add("block.attn1.to_q.weight", at::randn({6, 4}));
  base.add("block.attn1.to_q.bias", at::randn({6}));
  base.add("block.conv1.weight", at::randn({5, 3, 3, 3}));
  base.add("block.not_to_q.weight", at::randn({6, 4}));
  return base;
}

TEST(Lora, BeginsAsNothingOnTheLayersThatAreMeant) {
  const Parameters base = network();
  const LoraConfig config = {.rank = 2, .targets = {"to_q", "conv1"}};
  const auto adapters = first_adapters(base, config, 1);
  ASSERT_TRUE(adapters) << adapters.error().message();
  ASSERT_EQ(adapters->all().size(), 4u);
  EXPECT_EQ(adapters->at("block.attn1.to_q.lora_A.weight").sizes(), at::IntArrayRef({2, 4}));
  EXPECT_EQ(adapters->at("block.attn1.to_q.lora_B.weight").sizes(), at::IntArrayRef({6, 2}));
  EXPECT_EQ(adapters->at("block.conv1.lora_A.weight").sizes(), at::IntArrayRef({2, 3, 3, 3}));
  EXPECT_EQ(adapters->at("block.conv1.lora_B.weight").sizes(), at::IntArrayRef({5, 2, 1, 1}));
  const Parameters same = adapted(base, *adapters, config);
  for (const auto& [name, tensor] : base.all()) EXPECT_TRUE(at::equal(same.at(name), tensor));
}

TEST(Lora, AddsTheScaledProductAndPassesGradientsToTheAdaptersAlone) {
  const Parameters base = network();
  const LoraConfig config = {.rank = 2, .alpha = 6, .targets = {"to_q"}};
  const Parameters adapters = *first_adapters(base, config, 1);
  const at::Tensor &a = adapters.at("block.attn1.to_q.lora_A.weight"),
                   &b = adapters.at("block.attn1.to_q.lora_B.weight");
  b.detach().fill_(0.5);
  const Parameters whole = adapted(base, adapters, config);
  const at::Tensor expected = base.at("block.attn1.to_q.weight") + 3 * at::mm(b, a);
  EXPECT_TRUE(at::allclose(whole.at("block.attn1.to_q.weight"), expected));
  whole.at("block.attn1.to_q.weight").sum().backward();
  EXPECT_TRUE(a.grad().defined() && b.grad().defined());
  EXPECT_FALSE(base.at("block.attn1.to_q.weight").grad().defined());
}

// A convolution with adapters is the convolution and, beside it, one into `rank` channels and a
// 1x1 back: what the readers of the file compute.
TEST(Lora, OfAConvolutionIsASecondPathOfTwoConvolutions) {
  const Parameters base = network();
  const LoraConfig config = {.rank = 2, .targets = {"conv1"}};
  const Parameters adapters = *first_adapters(base, config, 1);
  const at::Tensor &a = adapters.at("block.conv1.lora_A.weight"),
                   &b = adapters.at("block.conv1.lora_B.weight");
  b.detach().normal_();
  const at::Tensor x = at::randn({1, 3, 7, 7});
  const at::Tensor two =
      at::conv2d(x, base.at("block.conv1.weight")) + at::conv2d(at::conv2d(x, a), b);
  const at::Tensor one = at::conv2d(x, adapted(base, adapters, config).at("block.conv1.weight"));
  EXPECT_TRUE(at::allclose(one, two, 1e-4, 1e-5));
}

TEST(Lora, TheFileHasPeftsNamesAndHoldsTheScale) {
  const Parameters base = network();
  const LoraConfig config = {.rank = 2, .alpha = 6, .targets = {"to_q"}};
  const Parameters adapters = *first_adapters(base, config, 1);
  adapters.at("block.attn1.to_q.lora_B.weight").detach().fill_(0.5);
  const TemporaryFolder folder;
  const std::string path = folder.path() / "pytorch_lora_weights.safetensors";
  ASSERT_TRUE(save_adapters(path, adapters, config));
  const auto file = formats::SafetensorsFile::open(path);
  ASSERT_TRUE(file);
  ASSERT_EQ(file->names().size(), 2u);
  EXPECT_NE(file->find("unet.block.attn1.to_q.lora_A.weight"), nullptr);
  const at::Tensor b = to_torch(*file->find("unet.block.attn1.to_q.lora_B.weight"));
  EXPECT_TRUE(at::equal(b, at::full({6, 2}, 1.5)));
}

TEST(Lora, ATargetThatMeetsNoLayerIsNamed) {
  const auto none = first_adapters(network(), {.rank = 2, .targets = {"to_q", "to_x"}}, 1);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("to_x"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::train
