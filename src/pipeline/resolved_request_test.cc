#include "pipeline/resolved_request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace edgefusion::pipeline {
namespace {

constexpr const char* kDefaultModel = "models/emoji-v0";
constexpr const char* kPlain = "tests/goldens/pipelines/sd";              // guided by two passes
constexpr const char* kScaleEmbedding = "tests/goldens/pipelines/lcm_w";  // guided by an input

std::shared_ptr<const Model> open(const std::string& folder) {
  auto model = Model::open(std::string(EF_SOURCE_DIR "/") + folder);
  EF_CHECK(model.has_value(), model ? "" : model.error().message());
  return *model;
}

GenerationRequest request_for(const char* prompt) {
  GenerationRequest request;
  request.prompt = prompt;
  return request;
}

std::vector<int32_t> row_of(const ResolvedRequest& resolved, int64_t row) {
  const auto tokens = static_cast<size_t>(resolved.input_ids.shape()[1]);
  const auto ids = resolved.input_ids.values<int32_t>().subspan(static_cast<size_t>(row) * tokens);
  return {ids.begin(), ids.begin() + static_cast<ptrdiff_t>(tokens)};
}

void expect_refused(const Model& model, const GenerationRequest& request, const char* part) {
  const auto resolved = resolve_request(model, request);
  ASSERT_FALSE(resolved) << part;
  EXPECT_EQ(resolved.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(resolved.error().message().find(part), std::string::npos) << resolved.error().message();
}

TEST(ResolveRequest, FillsInWhatTheModelWants) {
  const auto model = open(kDefaultModel);
  const GenerationRequest request = request_for("a red apple");
  const auto resolved = resolve_request(*model, request);
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(resolved->steps, 4);
  EXPECT_EQ(resolved->width, 128);
  EXPECT_EQ(resolved->height, 128);
  EXPECT_EQ(resolved->scheduler_name, "lcm");
  EXPECT_EQ(resolved->scheduler->size(), 4u);
  EXPECT_FALSE(resolved->guided);
  EXPECT_EQ(resolved->unet_batch(), 1);
  EXPECT_EQ(resolved->input_ids.shape(), (Shape{1, 24}));
  EXPECT_EQ(resolved->latents, (Shape{1, 4, 16, 16}));
  EXPECT_EQ(resolved->cut_tokens, 0);
}

TEST(ResolveRequest, TheUserHasTheLastWord) {
  const auto model = open(kDefaultModel);
  GenerationRequest request = request_for("a red apple");
  request.steps = 7;
  request.width = 64;
  request.height = 72;
  request.scheduler = "ddim";
  request.batch = 3;
  request.guidance_scale = 2.0;
  const auto resolved = resolve_request(*model, request);
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(resolved->scheduler->size(), 7u);
  EXPECT_EQ(resolved->scheduler_name, "ddim");
  EXPECT_EQ(resolved->latents, (Shape{3, 4, 9, 8}));
  EXPECT_EQ(resolved->guidance_scale, 2.0);
  EXPECT_EQ(resolved->unet_batch(), 6);
}

TEST(ResolveRequest, PutsTheNegativePromptFirstWithoutTheTemplate) {
  const auto model = open(kDefaultModel);
  GenerationRequest request = request_for("a cat");
  request.negative_prompt = "a dog";
  request.guidance_scale = 2.0;
  const auto guided = resolve_request(*model, request);
  ASSERT_TRUE(guided) << guided.error().message();
  ASSERT_EQ(guided->input_ids.shape(), (Shape{2, 24}));
  const auto plain_ids = [&](const char* text) {
    const auto ids = model->tokenizer().encode(text);
    EF_CHECK(ids.has_value(), "plain English");
    return model->tokenizer().pad_or_truncate(*ids, 24).ids;
  };
  EXPECT_EQ(row_of(*guided, 0), plain_ids("a dog"));
  EXPECT_EQ(row_of(*guided, 1), plain_ids("a 3D emoji of a cat"));
}

TEST(ResolveRequest, RunsTheNetworkTwiceOnlyIfTheScaleIsNoInputOfIt) {
  const GenerationRequest request = request_for("a cat");
  const auto plain = open(kPlain);
  const auto guided = resolve_request(*plain, request);
  ASSERT_TRUE(guided) << guided.error().message();
  EXPECT_EQ(guided->guidance_scale, 7.5);
  EXPECT_TRUE(guided->guided);
  const auto embedding = open(kScaleEmbedding);
  const auto embedded = resolve_request(*embedding, request);
  ASSERT_TRUE(embedded) << embedded.error().message();
  EXPECT_EQ(embedded->guidance_scale, 8.5);
  EXPECT_FALSE(embedded->guided);
}

TEST(ResolveRequest, CountsTheTokensThatDoNotFit) {
  const auto model = open(kDefaultModel);
  std::string prompt;
  for (int i = 0; i < 30; ++i) prompt += "apple ";
  const GenerationRequest request = request_for(prompt.c_str());
  const auto resolved = resolve_request(*model, request);
  ASSERT_TRUE(resolved) << resolved.error().message();
  const auto whole = model->tokenizer().encode(model->defaults().apply_template(prompt));
  ASSERT_TRUE(whole);
  EXPECT_EQ(resolved->cut_tokens, static_cast<int64_t>(whole->size()) - 24);
  EXPECT_EQ(row_of(*resolved, 0).back(), whole->back());  // the end token stays
}

TEST(ResolveRequest, NamesTheOptionThatIsWrong) {
  const auto model = open(kDefaultModel);
  const struct {
    std::function<void(GenerationRequest&)> spoil;
    const char* says;
  } kCases[] = {
      {[](auto& request) { request.width = 100; }, "width 100: expected a multiple of 8"},
      {[](auto& request) { request.height = 0; }, "height 0"},
      {[](auto& request) { request.height = 8200; }, "height 8200"},
      {[](auto& request) { request.steps = 0; }, "steps"},
      {[](auto& request) { request.steps = 10001; }, "10001"},
      {[](auto& request) { request.batch = 0; }, "batch 0"},
      {[](auto& request) { request.batch = 65; }, "batch 65"},
      {[](auto& request) { request.guidance_scale = HUGE_VAL; }, "guidance scale inf"},
      {[](auto& request) { request.guidance_scale = -1.5; }, "guidance scale -1.5"},
      {[](auto& request) { request.scheduler = "eulr"; }, "did you mean \"euler\""},
      {[](auto& request) { request.prompt = "ab\xff"; }, "prompt: invalid UTF-8 at byte offset 2"},
      // It does not guide here, but it goes into the picture's text.
      {[](auto& request) { request.negative_prompt = "ab\xff"; }, "negative prompt: invalid UTF-8"},
  };
  for (const auto& wrong : kCases) {
    SCOPED_TRACE(wrong.says);
    GenerationRequest request = request_for("a cat");
    wrong.spoil(request);
    expect_refused(*model, request, wrong.says);
  }
}

}  // namespace
}  // namespace edgefusion::pipeline
