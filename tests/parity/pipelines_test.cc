#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "diffusion/noise.h"
#include "engine/program.h"
#include "formats/safetensors.h"
#include "pipeline/network_runner.h"
#include "pipeline/resolved_request.h"
#include "pipeline/text_to_image.h"
#include "pipeline/unet_programs.h"

// Whole runs, text to picture, against the reference pipelines: the same ids and noise, latents
// within 1e-3 of the largest, 8-bit pictures at most one level apart in 99.9 % of the values.

namespace edgefusion::parity {
namespace {

namespace fs = std::filesystem;

constexpr double kStatesBound = 2e-4;   // one network
constexpr double kLatentsBound = 1e-3;  // a whole schedule
constexpr double kNearShare = 0.999;

Runtime make_runtime(int threads) {
  auto runtime =
      Runtime::make(threads, read_environment().isa.value_or(""), stderr_log(LogLevel::error));
  EF_CHECK(runtime.has_value(), "EDGEFUSION_ISA names no instruction set");
  return std::move(*runtime);
}

std::shared_ptr<const pipeline::Model> open_model(const fs::path& folder) {
  auto model = pipeline::Model::open(folder);
  EXPECT_TRUE(model) << model.error().message();
  return model ? *model : nullptr;
}

/// Rows first..first+count of a tensor, as f32.
Tensor rows(const ConstTensorView& all, int64_t first, int64_t count) {
  Shape shape = all.shape;
  const int64_t row = shape.elements() / shape[0];
  shape.set(0, count);
  const Tensor values = to_f32(all);
  return Tensor::from_f32(shape, values.values<float>().subspan(static_cast<size_t>(first * row),
                                                                static_cast<size_t>(count * row)));
}

/// max |a-b| / max |b|; infinite for NaN.
double relative_error(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  if (a.size() != b.size()) return HUGE_VAL;
  double largest = 0, magnitude = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(double{a[i]} - double{b[i]});
    if (!(error <= largest)) largest = std::isnan(error) ? HUGE_VAL : error;
    magnitude = std::max(magnitude, std::abs(double{b[i]}));
  }
  EXPECT_GT(magnitude, 0.0) << "the golden is all zeros";
  return largest / magnitude;
}

/// Share of values at most one level apart.
double near_share(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  EXPECT_EQ(a.size(), b.size());
  if (a.size() != b.size() || a.empty()) return 0.0;
  size_t near = 0;
  for (size_t i = 0; i < a.size(); ++i) near += std::abs(int{a[i]} - int{b[i]}) <= 1 ? 1 : 0;
  return static_cast<double>(near) / static_cast<double>(a.size());
}

void expect_near_picture(const formats::Image& image, std::span<const uint8_t> expected,
                         const std::string& what) {
  const double share = near_share(image.pixels, expected);
  EXPECT_GE(share, kNearShare) << what;
  std::cout << what << ": near share " << share << "\n";
}

void expect_near_latents(std::span<const float> latents, std::span<const float> expected,
                         const std::string& what) {
  const double error = relative_error(latents, expected);
  EXPECT_LE(error, kLatentsBound) << what;
  std::cout << what << ": relative error of latents " << error << "\n";
}

std::vector<int32_t> ids_of(const ConstTensorView& tensor) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tensor.shape.elements(); ++i) {
    ids.push_back(static_cast<int32_t>(load_as_f32(tensor, i)));  // ids are far below 2^24
  }
  return ids;
}

Tensor text_states(const pipeline::Model& model, const Tensor& ids, const Runtime& runtime) {
  auto graph = model.text_encoder_graph(ids.shape()[0], 0);
  EF_CHECK(graph.has_value(), "the model was opened with this network");
  auto program =
      engine::compile(std::move(*graph), *model.network("text_encoder").weights, {}, runtime);
  EF_CHECK(program.has_value(), program ? "" : program.error().message());
  pipeline::NamedTensors inputs;
  inputs["input_ids"] = ids;
  auto outputs = pipeline::run_network(*program, inputs, *runtime.pool);
  EF_CHECK(outputs.has_value(), outputs ? "" : outputs.error().message());
  return outputs->at("last_hidden_state");
}

void expect_noise(const pipeline::GenerationRequest& request, const ConstTensorView& expected) {
  const auto noise = diffusion::noise_for_batch(
      expected.shape, request.seed,
      {.device = request.rng, .seeds = request.batch_seeds, .images = request.batch});
  ASSERT_TRUE(noise) << noise.error().message();
  const Tensor wanted = to_f32(expected);
  EXPECT_TRUE(std::ranges::equal(*noise, wanted.values<float>())) << "noise differs";
}

struct PipelineCase {
  std::string model, name;
};

std::vector<PipelineCase> pipeline_cases() {
  const fs::path root = fs::path(EF_SOURCE_DIR) / "tests" / "goldens" / "pipelines";
  std::vector<PipelineCase> cases;
  for (const auto& model : fs::directory_iterator(root)) {
    for (const auto& file : fs::directory_iterator(model.path())) {
      const std::string name = file.path().filename().string();
      if (name.starts_with("golden.") && file.path().extension() == ".json") {
        cases.push_back(
            {model.path().filename().string(), file.path().stem().extension().string().substr(1)});
      }
    }
  }
  std::ranges::sort(cases, {}, [](const PipelineCase& row) { return row.model + "/" + row.name; });
  return cases;
}

pipeline::GenerationRequest request_of(const nlohmann::json& settings) {
  pipeline::GenerationRequest request;
  request.prompt = settings.at("prompt");
  if (settings.at("negative_prompt").is_string()) {
    request.negative_prompt = settings.at("negative_prompt");
  }
  request.steps = settings.at("steps").get<int>();
  request.guidance_scale = settings.at("guidance_scale").get<double>();
  request.seed = settings.at("seed");
  request.width = settings.at("width").get<int>();
  request.height = settings.at("height").get<int>();
  request.batch = settings.at("batch");
  if (!settings.at("scheduler_is_default").get<bool>()) {
    request.scheduler = settings.at("scheduler").get<std::string>();
  }
  return request;
}

class PipelineParity : public testing::TestWithParam<PipelineCase> {
 protected:
  void SetUp() override {
    const fs::path folder =
        fs::path(EF_SOURCE_DIR) / "tests" / "goldens" / "pipelines" / GetParam().model;
    const std::string stem = (folder / ("golden." + GetParam().name)).string();
    const auto text = read_text_file(stem + ".json", size_t{1} << 20);
    ASSERT_TRUE(text) << text.error().message();
    settings_ = nlohmann::json::parse(*text);
    auto golden = formats::SafetensorsFile::open(stem + ".safetensors");
    ASSERT_TRUE(golden) << golden.error().message();
    golden_.emplace(std::move(*golden));
    model_ = open_model(folder);
    ASSERT_NE(model_, nullptr);
  }

  const ConstTensorView& golden(const std::string& name) const {
    const ConstTensorView* found = golden_->find(name);
    EF_CHECK(found != nullptr, "the golden has no " + name);
    return *found;
  }

  nlohmann::json settings_;
  std::optional<formats::SafetensorsFile> golden_;
  std::shared_ptr<const pipeline::Model> model_;
  Runtime runtime_ = make_runtime(2);
};

TEST_P(PipelineParity, TokenIdsAndTextStatesEqualTheReference) {
  const pipeline::GenerationRequest request = request_of(settings_);
  const auto resolved = pipeline::resolve_request(*model_, request);
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(resolved->scheduler_name, settings_.at("scheduler").get<std::string>());
  EXPECT_EQ(resolved->guided, golden_->find("negative_prompt.input_ids") != nullptr);
  const Tensor states = text_states(*model_, resolved->input_ids, runtime_);
  std::vector<std::string> texts = {"prompt"};
  if (resolved->guided) texts.insert(texts.begin(), "negative_prompt");
  ASSERT_EQ(states.shape()[0], static_cast<int64_t>(texts.size()));
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<int32_t> expected = ids_of(golden(texts[i] + ".input_ids"));
    const auto ids = resolved->input_ids.values<int32_t>().subspan(i * expected.size());
    EXPECT_TRUE(std::ranges::equal(ids.first(expected.size()), expected)) << texts[i];
    const Tensor mine = rows(states.view(), static_cast<int64_t>(i), 1);
    const Tensor wanted = to_f32(golden(texts[i] + ".states"));
    EXPECT_LE(relative_error(mine.values<float>(), wanted.values<float>()), kStatesBound)
        << texts[i];
  }
}

TEST_P(PipelineParity, LatentsAndPicturesAreThoseOfTheReference) {
  const pipeline::GenerationRequest request = request_of(settings_);
  expect_noise(request, golden("noise"));
  const auto result = pipeline::TextToImage(model_, runtime_).generate(request);
  ASSERT_TRUE(result) << result.error().message();
  const std::string what = GetParam().model + "/" + GetParam().name;
  ASSERT_EQ(result->latents.shape(), golden("latents").shape);
  const Tensor latents = to_f32(golden("latents"));
  expect_near_latents(result->latents.values<float>(), latents.values<float>(), what);
  const ConstTensorView& pictures = golden("image_u8");
  ASSERT_EQ(static_cast<int64_t>(result->images.size()), pictures.shape[0]);
  const size_t bytes = pictures.bytes() / result->images.size();
  for (size_t i = 0; i < result->images.size(); ++i) {
    const auto* first = reinterpret_cast<const uint8_t*>(pictures.data) + i * bytes;
    expect_near_picture(result->images[i], {first, bytes}, what + " picture " + std::to_string(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, PipelineParity, testing::ValuesIn(pipeline_cases()),
                         [](const testing::TestParamInfo<PipelineCase>& row) {
                           return row.param.model + "_" + row.param.name;
                         });

/// Numbers without a pattern that matters, of ordinary size.
Tensor ramp(const Shape& shape) {
  Tensor tensor(shape, DType::f32);
  int64_t i = 0;
  for (float& value : tensor.values<float>())
    value = std::sin(0.37f * static_cast<float>(i++ % 1013));
  return tensor;
}

/// The whole U-Net and its parts on the same made-up inputs.
void expect_same_bits_in_parts(const pipeline::Model& model, const Runtime& runtime) {
  const pipeline::GenerationRequest request{.prompt = "a red fox"};
  const auto resolved = pipeline::resolve_request(model, request);
  ASSERT_TRUE(resolved) << resolved.error().message();
  const Shape& latents = resolved->latents;
  auto graph = model.unet_graph(resolved->unet_batch(), latents[2], latents[3]);
  ASSERT_TRUE(graph) << graph.error().message();
  auto whole = engine::compile(std::move(*graph), *model.network("unet").weights, {}, runtime);
  ASSERT_TRUE(whole) << whole.error().message();
  pipeline::NamedTensors values;
  for (const auto& info : whole->inputs()) values[info.name] = ramp(info.shape);
  std::ranges::fill(values.at("timestep").values<float>(), 759.0f);
  const auto expected = pipeline::run_network(*whole, values, *runtime.pool);
  ASSERT_TRUE(expected) << expected.error().message();

  auto parts = pipeline::compile_unet(model, *resolved, runtime);
  ASSERT_TRUE(parts) << parts.error().message();
  for (auto* part : {&parts->once, &parts->timestep}) {
    ASSERT_TRUE(part->has_value());
    const Status status = pipeline::run_part(**part, values, *runtime.pool);
    ASSERT_TRUE(status) << status.error().message();
  }
  ASSERT_TRUE(pipeline::hold_inputs(parts->step, values));
  ASSERT_TRUE(pipeline::run_part(parts->step, values, *runtime.pool));
  EXPECT_TRUE(std::ranges::equal(values.at("out_sample").values<uint32_t>(),
                                 expected->at("out_sample").values<uint32_t>()));
}

TEST(UNetInParts, GivesTheSameBitsAsTheWhole) {
  const Runtime runtime = make_runtime(2);
  std::string last;
  for (const PipelineCase& row : pipeline_cases()) {
    if (std::exchange(last, row.model) == row.model) continue;
    SCOPED_TRACE(row.model);
    const auto model =
        open_model(fs::path(EF_SOURCE_DIR) / "tests" / "goldens" / "pipelines" / row.model);
    ASSERT_NE(model, nullptr);
    expect_same_bits_in_parts(*model, runtime);
  }
}

TEST(PipelineParity, FindsGoldensOfGuidedBatchedAndEmbeddedGuidanceRuns) {
  EXPECT_GE(pipeline_cases().size(), 19u);
}

/// The model that comes with the program. Its golden ran three prompts in one batch, so row i of
/// the noise belongs to prompt i: a batch of three of prompt i has the expected picture at i.
class EmbeddedModel : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path folder = fs::path(EF_SOURCE_DIR) / "models" / "emoji-v0";
    if (!fs::exists(folder)) GTEST_SKIP() << "no such model";
    model_ = open_model(folder);
    ASSERT_NE(model_, nullptr);
    auto golden = formats::SafetensorsFile::open(folder / "golden.safetensors");
    ASSERT_TRUE(golden) << golden.error().message();
    golden_.emplace(std::move(*golden));
  }

  pipeline::GenerationRequest request(size_t prompt, int steps) const {
    pipeline::GenerationRequest result;
    result.prompt = kPrompts[prompt];
    result.steps = steps;
    result.seed = 7;
    result.batch = static_cast<int>(kPrompts.size());
    return result;
  }

  void expect_pictures(int steps) {
    const pipeline::TextToImage painter(model_, runtime_);
    const std::string suffix = std::to_string(steps);
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      const std::string what = "emoji-v0 " + suffix + " steps, " + kPrompts[i];
      const auto result = painter.generate(request(i, steps));
      ASSERT_TRUE(result) << result.error().message();
      const auto row = static_cast<int64_t>(i);
      const Tensor wanted = rows(*golden_->find("latents." + suffix), row, 1);
      const Tensor latents = rows(result->latents.view(), row, 1);
      expect_near_latents(latents.values<float>(), wanted.values<float>(), what);
      const Tensor picture = nchw_to_nhwc(rows(*golden_->find("image." + suffix), row, 1).view());
      std::vector<uint8_t> levels;
      for (const float value : picture.values<float>()) {
        levels.push_back(static_cast<uint8_t>(std::nearbyint(std::clamp(value, 0.0f, 1.0f) * 255)));
      }
      expect_near_picture(result->images[i], levels, what);
    }
  }

  static constexpr std::array<const char*, 3> kPrompts = {
      "red apple", "smiling face with sunglasses", "a blue dog with a crown"};
  std::shared_ptr<const pipeline::Model> model_;
  std::optional<formats::SafetensorsFile> golden_;
  Runtime runtime_ = make_runtime(2);
};

TEST_F(EmbeddedModel, TemplateTokensAndStatesEqualTheReference) {
  const ConstTensorView& ids = *golden_->find("input_ids");
  const auto expected_ids = ids_of(ids);
  const auto length = static_cast<size_t>(ids.shape[1]);
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    const pipeline::GenerationRequest wanted = request(i, 1);
    const auto resolved = pipeline::resolve_request(*model_, wanted);
    ASSERT_TRUE(resolved) << resolved.error().message();
    EXPECT_TRUE(std::ranges::equal(resolved->input_ids.values<int32_t>(),
                                   std::span(expected_ids).subspan(i * length, length)));
    const Tensor states = text_states(*model_, resolved->input_ids, runtime_);
    const Tensor expected = rows(*golden_->find("text_states"), static_cast<int64_t>(i), 1);
    EXPECT_LE(relative_error(states.values<float>(), expected.values<float>()), kStatesBound);
  }
}

TEST_F(EmbeddedModel, NoiseIsThatOfTheReference) {
  expect_noise(request(0, 1), *golden_->find("noise"));
}

TEST_F(EmbeddedModel, PaintsThePicturesOfOneStep) { expect_pictures(1); }
TEST_F(EmbeddedModel, PaintsThePicturesOfTwoSteps) { expect_pictures(2); }
TEST_F(EmbeddedModel, PaintsThePicturesOfFourSteps) { expect_pictures(4); }

TEST_F(EmbeddedModel, GivesTheSameBitsForAnyNumberOfThreadsAndTwice) {
  const pipeline::GenerationRequest wanted = request(0, 2);
  const auto first = pipeline::TextToImage(model_, runtime_).generate(wanted);
  ASSERT_TRUE(first) << first.error().message();
  for (const int threads : {2, 1, 3}) {
    const Runtime runtime = make_runtime(threads);
    const auto again = pipeline::TextToImage(model_, runtime).generate(wanted);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_TRUE(
        std::ranges::equal(again->latents.values<uint32_t>(), first->latents.values<uint32_t>()))
        << threads << " threads";
    for (size_t i = 0; i < first->images.size(); ++i) {
      EXPECT_EQ(again->images[i].pixels, first->images[i].pixels) << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace edgefusion::parity
