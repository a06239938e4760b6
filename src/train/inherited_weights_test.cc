#include "train/inherited_weights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>

#include "models/builtin_configs.h"
#include "models/unet.h"
#include "train/parameters.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

using nlohmann::json;

graph::Graph unet_of(const json& config) {
  const auto parsed = models::parse_unet_config(config, "unet");
  EXPECT_TRUE(parsed) << parsed.error().message();
  return *models::build_unet(*parsed, {.height = 8, .width = 8}, nullptr);
}

/// Random weights for a network, every tensor other ones: windows of one pool of random numbers.
class RandomWeights final : public TensorSource {
 public:
  explicit RandomWeights(const graph::Graph& graph) {
    int64_t largest = 0;
    for (const graph::Node& node : graph.nodes()) {
      if (node.op == graph::OpKind::weight) {
        largest = std::max(largest, graph.value(node.output).shape.elements());
      }
    }
    pool_ = at::randn({largest + kStarts}).to(at::kHalf);
    for (const graph::Node& node : graph.nodes()) {
      if (node.op != graph::OpKind::weight) continue;
      const std::string& name = node.as<graph::WeightAttrs>().tensors.front();
      const auto start = std::hash<std::string>()(name) % kStarts;
      views_[name] = {static_cast<const std::byte*>(pool_.data_ptr()) + 2 * start,
                      graph.value(node.output).shape, DType::f16};
    }
  }

  const ConstTensorView* find(std::string_view name) const override {
    const auto found = views_.find(name);
    return found == views_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, view] : views_) names.push_back(name);
    return names;
  }
  std::string origin() const override { return "random"; }

 private:
  static constexpr int64_t kStarts = int64_t{1} << 22;
  at::Tensor pool_;
  std::map<std::string, ConstTensorView, std::less<>> views_;
};

/// BK-SDM's rule for the Tiny student of Stable Diffusion 1.5, spelled out (arXiv 2305.15798).
std::string published_source(std::string name) {
  constexpr std::string_view kUp = "up_blocks.";
  if (!name.starts_with(kUp)) return name;
  name[kUp.size()] = static_cast<char>(name[kUp.size()] + 1);
  for (const std::string_view kind : {".resnets.1.", ".attentions.1."}) {
    const size_t at = name.find(kind);
    if (at != std::string::npos) name[at + kind.size() - 2] = '2';
  }
  return name;
}

TEST(InheritedWeights, TinyBeginsWithTheValuesOfAWholeStableDiffusion15) {
  const json teacher_config = json::parse(*models::builtin_config("sd15"));
  const RandomWeights teacher(unet_of(teacher_config));
  const auto tiny = BlockRemoval::plan(teacher_config, {"tiny"}, "unet");
  ASSERT_TRUE(tiny) << tiny.error().message();
  const Parameters student =
      Parameters::load(unet_of(tiny->student_config()), InheritedWeights(teacher, *tiny));
  EXPECT_EQ(student.count(), 323384964);
  for (const auto& [name, tensor] : student.all()) {
    const ConstTensorView* source = teacher.find(published_source(name));
    ASSERT_NE(source, nullptr) << name;
    EXPECT_TRUE(at::equal(tensor.detach(), to_torch(*source).view(tensor.sizes()))) << name;
  }
}

}  // namespace
}  // namespace edgefusion::train
