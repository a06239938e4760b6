#include "train/block_removal.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "models/builtin_configs.h"
#include "models/unet.h"

namespace edgefusion::train {
namespace {

using nlohmann::json;

json builtin(std::string_view name) { return json::parse(*models::builtin_config(name)); }

json sd15() { return builtin("sd15"); }

/// Name -> shape of every tensor that a U-Net of this config reads.
std::map<std::string, Shape> tensors_of(const json& config) {
  const auto parsed = models::parse_unet_config(config, "unet");
  EXPECT_TRUE(parsed) << parsed.error().message();
  const auto graph = models::build_unet(*parsed, {.height = 8, .width = 8}, nullptr);
  EXPECT_TRUE(graph) << graph.error().message();
  std::map<std::string, Shape> tensors;
  for (const graph::Node& node : graph->nodes()) {
    if (node.op != graph::OpKind::weight) continue;
    tensors[node.as<graph::WeightAttrs>().tensors.front()] = graph->value(node.output).shape;
  }
  return tensors;
}

int64_t parameters_of(const json& config) {
  int64_t count = 0;
  for (const auto& [name, shape] : tensors_of(config)) count += shape.elements();
  return count;
}

TEST(BlockRemoval, StudentsOfStableDiffusionAreThoseThatWerePublished) {
  const std::pair<BlockRemoval, const char*> students[] = {{BlockRemoval::base, "bk-sdm-base"},
                                                           {BlockRemoval::small, "bk-sdm-small"},
                                                           {BlockRemoval::tiny, "bk-sdm-tiny"}};
  for (const auto& [removal, published] : students) {
    SCOPED_TRACE(published);
    const auto config = student_config(sd15(), removal, "unet");
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(tensors_of(*config), tensors_of(builtin(published)));
  }
  EXPECT_EQ(parameters_of(*student_config(sd15(), BlockRemoval::tiny, "unet")), 323384964);
}

TEST(BlockRemoval, EveryTensorOfAStudentIsOneOfTheTeachersOfTheSameShape) {
  const auto teacher = tensors_of(sd15());
  for (const BlockRemoval removal : {BlockRemoval::base, BlockRemoval::small, BlockRemoval::tiny}) {
    const auto student = tensors_of(*student_config(sd15(), removal, "unet"));
    std::map<std::string, std::string> taken;
    for (const auto& [name, shape] : student) {
      const std::string from = inherited_name(sd15(), removal, name);
      ASSERT_TRUE(teacher.contains(from)) << name << " from " << from;
      EXPECT_EQ(teacher.at(from), shape) << name << " from " << from;
      EXPECT_TRUE(taken.emplace(from, name).second) << from << " is taken twice";
    }
  }
}

TEST(BlockRemoval, UpStagesKeepTheFirstAndTheLastPair) {
  const json teacher = sd15();
  EXPECT_EQ(inherited_name(teacher, BlockRemoval::tiny, "up_blocks.0.resnets.1.conv1.weight"),
            "up_blocks.1.resnets.2.conv1.weight");
  EXPECT_EQ(inherited_name(teacher, BlockRemoval::base, "up_blocks.3.attentions.0.proj_in.bias"),
            "up_blocks.3.attentions.0.proj_in.bias");
  EXPECT_EQ(inherited_name(teacher, BlockRemoval::tiny, "up_blocks.1.upsamplers.0.conv.weight"),
            "up_blocks.2.upsamplers.0.conv.weight");
  EXPECT_EQ(inherited_name(teacher, BlockRemoval::small, "down_blocks.2.resnets.0.conv1.weight"),
            "down_blocks.2.resnets.0.conv1.weight");
}

TEST(BlockRemoval, FeaturesThatAreMatchedHaveOneShape) {
  const auto graph_of = [](const json& config) {
    return *models::build_unet(*models::parse_unet_config(config, "unet"),
                               {.height = 16, .width = 16}, nullptr);
  };
  const graph::Graph teacher = graph_of(sd15());
  for (const BlockRemoval removal : {BlockRemoval::base, BlockRemoval::small, BlockRemoval::tiny}) {
    const graph::Graph student = graph_of(*student_config(sd15(), removal, "unet"));
    const auto pairs = matched_features(sd15(), removal);
    EXPECT_EQ(pairs.size(), removal == BlockRemoval::tiny ? 6u : 8u);
    for (const auto& [theirs, ours] : pairs) {
      const graph::ValueId a = teacher.find(theirs), b = student.find(ours);
      ASSERT_NE(a, graph::kNoValue) << theirs;
      ASSERT_NE(b, graph::kNoValue) << ours;
      EXPECT_EQ(teacher.value(a).shape, student.value(b).shape) << theirs << " " << ours;
    }
  }
}

TEST(BlockRemoval, WhatCannotBeReducedIsRefused) {
  json one = sd15();
  one["layers_per_block"] = 1;
  EXPECT_EQ(student_config(one, BlockRemoval::base, "unet").error().code(), ErrorCode::unsupported);
  json narrow = sd15();
  narrow["block_out_channels"] = {320, 640, 960, 1280};
  EXPECT_EQ(student_config(narrow, BlockRemoval::tiny, "unet").error().code(),
            ErrorCode::unsupported);
  EXPECT_TRUE(student_config(narrow, BlockRemoval::small, "unet"));
  EXPECT_EQ(student_config(json::object(), BlockRemoval::base, "unet").error().code(),
            ErrorCode::bad_file);
  EXPECT_NE(parse_block_removal("tini").error().message().find("did you mean \"tiny\""),
            std::string::npos);
}

}  // namespace
}  // namespace edgefusion::train
