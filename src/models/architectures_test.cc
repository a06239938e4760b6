#include <gtest/gtest.h>

#include <string>

#include "core/json.h"
#include "graph/op_table.h"
#include "models/builtin_configs.h"
#include "models/registry.h"

// The public architectures, built from shapes alone: parameters and multiply-accumulates must be
// those the papers and the files themselves give.

namespace edgefusion::models {
namespace {

struct Expected {
  const char* config;
  NetworkRole role;
  int64_t parameters;
  double gmac;             // at 512x512 and 77 tokens; 0: not published
  double rounding = 0.06;  // of the published figure, a sum of two rounded ones
};

Result<graph::Graph> build(const char* name, const NetworkRequest& request) {
  EF_TRY(const std::string_view text, builtin_config(name));
  EF_TRY(const nlohmann::json config, parse_json(text, name));
  return build_network(config, name, request, nullptr);
}

class Architecture : public testing::TestWithParam<Expected> {};

TEST_P(Architecture, HasThePublishedParametersAndWork) {
  const Expected& expected = GetParam();
  NetworkRequest request{.role = expected.role};
  if (expected.role == NetworkRole::vae_encoder) request.sizes.height = request.sizes.width = 512;
  const auto graph = build(expected.config, request);
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_EQ(parameter_count(*graph), expected.parameters);
  if (expected.gmac > 0) {
    const double gmac = static_cast<double>(graph::graph_cost(*graph).macs) / 1e9;
    EXPECT_NEAR(gmac, expected.gmac, expected.rounding);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Published, Architecture,
    testing::Values(
        // BK-SDM (arXiv 2305.15798), table 1, and its public files.
        Expected{"sd15", NetworkRole::unet, 859'520'964, 401.6},
        Expected{"bk-sdm-base", NetworkRole::unet, 579'384'964, 261.5},
        Expected{"bk-sdm-small", NetworkRole::unet, 482'346'884, 255.5},
        Expected{"bk-sdm-tiny", NetworkRole::unet, 323'384'964, 242.8},
        Expected{"clip-vit-l-14", NetworkRole::text_encoder, 123'060'480, 6.65, 0.006},
        // 83,653,863 in all: decoder 49,490,179, encoder 34,163,592, the two 1x1 convolutions 92.
        Expected{"vae", NetworkRole::vae_decoder, 49'490'179 + 20, 1257, 0.6},
        Expected{"vae", NetworkRole::vae_encoder, 34'163'592 + 72, 0},
        Expected{"taesd", NetworkRole::vae_decoder, 1'222'531, 70.7},
        Expected{"taesd", NetworkRole::vae_encoder, 1'222'532, 0}),
    [](const testing::TestParamInfo<Expected>& row) {
      std::string name =
          std::string(row.param.config) + "_" + std::string(to_string(row.param.role));
      for (char& c : name) {
        if (c == '-') c = '_';
      }
      return name;
    });

TEST(Architecture, TinyHasTheFeatureTapsOfDistillation) {
  const auto graph = build("bk-sdm-tiny", {});
  ASSERT_TRUE(graph) << graph.error().message();
  for (const char* tap :
       {"down_blocks.0", "down_blocks.1", "down_blocks.2.attentions.0.proj_out", "up_blocks.0",
        "up_blocks.1", "up_blocks.2", "conv_in", "time_embedding", "conv_out",
        "down_blocks.0.resnets.0", "up_blocks.2.attentions.1", "down_blocks.0.downsamplers.0",
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1",
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0",
        "down_blocks.1.attentions.0.transformer_blocks.0.ff.net.2"}) {
    EXPECT_NE(graph->find(tap), graph::kNoValue) << tap;
  }
  EXPECT_EQ(graph->find("mid_block"), graph::kNoValue);
}

TEST(Architecture, TeacherAndStudentsShareTheTapsOfDistillation) {
  for (const char* name : {"sd15", "bk-sdm-base", "bk-sdm-small"}) {
    const auto graph = build(name, {});
    ASSERT_TRUE(graph) << graph.error().message();
    for (int i = 0; i < 4; ++i) {
      EXPECT_NE(graph->find("down_blocks." + std::to_string(i)), graph::kNoValue) << name << i;
      EXPECT_NE(graph->find("up_blocks." + std::to_string(i)), graph::kNoValue) << name << i;
    }
  }
}

TEST(Architecture, InputsAndOutputsAreThoseOfTheReference) {
  const auto graph = build("bk-sdm-tiny", {.sizes = {.batch = 2, .height = 40, .width = 24}});
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_EQ(graph->value(graph->find("sample")).shape, (Shape{2, 40, 24, 4}));
  EXPECT_EQ(graph->value(graph->find("timestep")).shape, (Shape{2}));
  EXPECT_EQ(graph->value(graph->find("encoder_hidden_states")).shape, (Shape{2, 77, 768}));
  ASSERT_EQ(graph->outputs().size(), 1u);
  EXPECT_EQ(graph->value(graph->outputs()[0]).name, "out_sample");
  EXPECT_EQ(graph->value(graph->outputs()[0]).shape, (Shape{2, 40, 24, 4}));
}

TEST(Architecture, AnyPictureSizeKeepsItsSize) {
  for (const int64_t height : {1, 2, 3, 7, 9, 63}) {
    for (const char* name : {"bk-sdm-tiny", "sd15"}) {
      const auto graph = build(name, {.sizes = {.height = height, .width = 13}});
      ASSERT_TRUE(graph) << graph.error().message();
      EXPECT_EQ(graph->value(graph->outputs()[0]).shape, (Shape{1, height, 13, 4}));
    }
  }
}

TEST(Architecture, UnknownNamesAreToldTheKnownOnes) {
  const auto config = builtin_config("sdxl");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message().find("bk-sdm-tiny"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::models
