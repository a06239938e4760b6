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

BlockRemoval plan(const std::vector<std::string>& removal, const json& teacher = sd15()) {
  auto planned = BlockRemoval::plan(teacher, removal, "unet");
  EXPECT_TRUE(planned) << planned.error().message();
  return *planned;
}

Error refusal(const std::vector<std::string>& removal, const json& teacher = sd15()) {
  const auto planned = BlockRemoval::plan(teacher, removal, "unet");
  EXPECT_FALSE(planned);
  return planned ? Error(ErrorCode::io, "") : planned.error();
}

/// Base without the pairs that "base" would take from the outermost stage, and without mid block.
const std::vector<std::string> kValues = {
    "mid_block",
    "down_blocks.1.resnets.1",
    "up_blocks.2.resnets.1",
    "up_blocks.2.attentions.1",
    "down_blocks.2.attentions.1",
    "up_blocks.1.resnets.1",
};

TEST(BlockRemoval, StudentsOfStableDiffusionAreThoseThatWerePublished) {
  const std::pair<const char*, const char*> students[] = {
      {"base", "bk-sdm-base"}, {"small", "bk-sdm-small"}, {"tiny", "bk-sdm-tiny"}};
  for (const auto& [name, published] : students) {
    SCOPED_TRACE(published);
    EXPECT_EQ(tensors_of(plan({name}).student_config()), tensors_of(builtin(published)));
  }
  EXPECT_EQ(parameters_of(plan({"tiny"}).student_config()), 323384964);
}

TEST(BlockRemoval, EveryTensorOfAStudentIsOneOfTheTeachersOfTheSameShape) {
  const auto teacher = tensors_of(sd15());
  for (const auto& removal :
       {std::vector<std::string>{"base"}, {"small"}, {"tiny"}, {"mid_block"}, kValues}) {
    const BlockRemoval planned = plan(removal);
    std::map<std::string, std::string> taken;
    for (const auto& [name, shape] : tensors_of(planned.student_config())) {
      const std::string from = planned.inherited_name(name);
      ASSERT_TRUE(teacher.contains(from)) << name << " from " << from;
      EXPECT_EQ(teacher.at(from), shape) << name << " from " << from;
      EXPECT_TRUE(taken.emplace(from, name).second) << from << " is taken twice";
    }
  }
}

TEST(BlockRemoval, UpStagesKeepTheFirstAndTheLastPair) {
  EXPECT_EQ(plan({"tiny"}).inherited_name("up_blocks.0.resnets.1.conv1.weight"),
            "up_blocks.1.resnets.2.conv1.weight");
  EXPECT_EQ(plan({"base"}).inherited_name("up_blocks.3.attentions.0.proj_in.bias"),
            "up_blocks.3.attentions.0.proj_in.bias");
  EXPECT_EQ(plan({"tiny"}).inherited_name("up_blocks.1.upsamplers.0.conv.weight"),
            "up_blocks.2.upsamplers.0.conv.weight");
  EXPECT_EQ(plan({"small"}).inherited_name("down_blocks.2.resnets.0.conv1.weight"),
            "down_blocks.2.resnets.0.conv1.weight");
}

TEST(BlockRemoval, AListOfValuesLeavesStagesOfDifferentDepth) {
  const BlockRemoval listed = plan(kValues);
  EXPECT_EQ(listed.student_config()["layers_per_block"], json({2, 1, 1, 2}));
  EXPECT_TRUE(listed.student_config()["mid_block_type"].is_null());
  EXPECT_EQ(listed.inherited_name("up_blocks.2.attentions.1.norm.weight"),
            "up_blocks.2.attentions.2.norm.weight");
  EXPECT_EQ(listed.inherited_name("up_blocks.3.attentions.1.norm.weight"),
            "up_blocks.3.attentions.1.norm.weight");
  // Removing what a name removes gives what the name gives.
  std::vector<std::string> small = kValues;
  for (const char* more : {"down_blocks.0.resnets.1", "up_blocks.3.resnets.1",
                           "down_blocks.3.resnets.1", "up_blocks.0.resnets.1"}) {
    small.emplace_back(more);
  }
  EXPECT_EQ(plan(small).student_config(), plan({"small"}).student_config());
}

TEST(BlockRemoval, FeaturesThatAreMatchedHaveOneShape) {
  const auto graph_of = [](const json& config) {
    return *models::build_unet(*models::parse_unet_config(config, "unet"),
                               {.height = 16, .width = 16}, nullptr);
  };
  const graph::Graph teacher = graph_of(sd15());
  for (const auto& removal : {std::vector<std::string>{"base"}, {"small"}, {"tiny"}, kValues}) {
    const BlockRemoval planned = plan(removal);
    const graph::Graph student = graph_of(planned.student_config());
    const auto pairs = planned.matched_features();
    EXPECT_EQ(pairs.size(), removal[0] == "tiny" ? 6u : 8u);
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
  EXPECT_EQ(refusal({"base"}, one).code(), ErrorCode::unsupported);
  json narrow = sd15();
  narrow["block_out_channels"] = {320, 640, 960, 1280};
  EXPECT_EQ(refusal({"tiny"}, narrow).code(), ErrorCode::unsupported);
  plan({"small"}, narrow);
  EXPECT_EQ(refusal({"base"}, json::object()).code(), ErrorCode::bad_file);
}

TEST(BlockRemoval, ARemovalThatIsSaidWrongIsTold) {
  EXPECT_NE(refusal({"tini"}).message().find("did you mean \"tiny\""), std::string::npos);
  EXPECT_NE(refusal({"mid_block", "mid"}).message().find("\"mid\": expected mid_block or"),
            std::string::npos);
  EXPECT_EQ(refusal({"down_blocks.0.resnets.1"}).message(),
            "unet: with these blocks removed up_blocks.3 has 3 pairs, expected one more than the "
            "1 of down_blocks.0");
  EXPECT_EQ(refusal({"down_blocks.7.resnets.1"}).message(),
            "unet: down_blocks.7.resnets.1: expected one of 4 stages");
  EXPECT_EQ(refusal({"up_blocks.0.resnets.5"}).message(),
            "unet: up_blocks.0.resnets.5: is not there");
  EXPECT_EQ(refusal({"down_blocks.0.resnets.0", "down_blocks.0.resnets.1"}).message(),
            "unet: down_blocks.0.resnets.1: the last pair of its stage");
  EXPECT_EQ(refusal({"mid_block", "mid_block"}).message(), "unet: has no mid_block to remove");
  EXPECT_FALSE(check_block_removal({}));
}

}  // namespace
}  // namespace edgefusion::train
