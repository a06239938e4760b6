#include "eval/image_text_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/diffusers_folder.h"
#include "models/image_tower.h"
#include "pipeline/denoising.h"
#include "pipeline/network_runner.h"
#include "shards/square_picture.h"

namespace edgefusion::eval {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBatch = 8;
constexpr float kLargestScale = 100;  // as in training

size_t size(int64_t extent) { return static_cast<size_t>(extent); }

/// Each row of `width` numbers at length 1. A row of zeros stays.
void to_unit_rows(std::span<float> rows, size_t width) {
  for (size_t begin = 0; begin < rows.size(); begin += width) {
    const auto row = rows.subspan(begin, width);
    double squares = 0;
    for (const float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
    const auto factor = static_cast<float>(1.0 / std::max(std::sqrt(squares), 1e-12));
    for (float& x : row) x *= factor;
  }
}

/// [N,K] by the rows of [M,K] -> [N,M]
Tensor products(const Tensor& x, const Tensor& rows) {
  EF_CHECK(x.shape()[1] == rows.shape()[1], "products of rows");
  const size_t width = size(x.shape()[1]);
  Tensor result({x.shape()[0], rows.shape()[0]}, DType::f32);
  auto out = result.values<float>().begin();
  for (size_t n = 0; n < size(x.shape()[0]); ++n) {
    const auto a = x.values<float>().subspan(n * width, width);
    for (size_t m = 0; m < size(rows.shape()[0]); ++m) {
      const auto b = rows.values<float>().subspan(m * width, width);
      float sum = 0;
      for (size_t i = 0; i < width; ++i) sum += a[i] * b[i];
      *out++ = sum;
    }
  }
  return result;
}

/// A tensor beside the tower, in f32. Errors: bad_file.
Result<Tensor> other_tensor(const TensorSource& weights, const char* name, const Shape& shape) {
  const ConstTensorView* found = weights.find(name);
  if (found == nullptr || found->shape != shape) {
    return fail(ErrorCode::bad_file,
                weights.origin() + ": " + name + ": " +
                    (found == nullptr ? "missing" : "shape " + found->shape.to_string()) +
                    ", expected shape " + shape.to_string());
  }
  Tensor values = to_f32(*found);
  for (const float value : values.values<float>()) {
    if (std::isfinite(value)) continue;
    return fail(ErrorCode::bad_file, weights.origin() + ": " + name + ": holds values that are " +
                                         "no numbers, expected none");
  }
  return values;
}

void softmax(std::span<float> row) {
  const float largest = std::ranges::max(row);
  float sum = 0;
  for (float& x : row) sum += x = std::exp(x - largest);
  for (float& x : row) x /= sum;
}

}  // namespace

Result<ImageTextModel> ImageTextModel::open(const fs::path& folder, const Runtime& runtime) {
  EF_TRY(const auto opened, formats::open_diffusers_folder(folder));
  const formats::NetworkFiles* files = opened.network("image_encoder");
  if (files == nullptr) {
    return fail(ErrorCode::unsupported,
                folder.string() + ": expected an image-text model (see train image_text), found " +
                    (opened.pipeline_class.empty() ? "a network of another kind"
                                                   : "a " + opened.pipeline_class));
  }
  EF_TRY(auto config, models::parse_image_tower_config(files->config, files->config_origin));
  EF_TRY(Tensor projection, other_tensor(*files->weights, models::kTextProjection,
                                         {config.embedding_width, config.text_width}));
  EF_TRY(const Tensor scale, other_tensor(*files->weights, models::kLogitScale, {1}));
  EF_TRY(graph::Graph graph, models::build_image_tower(config, kBatch, files->weights.get()));
  EF_TRY(engine::Program tower,
         engine::compile(std::move(graph), *files->weights, {.taps = {}}, runtime));
  EF_TRY(TextVectors texts, TextVectors::open(folder, config.text_tokens, runtime));
  if (texts.width() != config.text_width) {
    return fail(ErrorCode::bad_file,
                files->config_origin + ": text_width " + std::to_string(config.text_width) +
                    ", expected the text encoder's " + std::to_string(texts.width()));
  }
  ImageTextModel model(runtime, std::move(config), std::move(tower), std::move(texts));
  model.text_projection_ = std::move(projection);
  model.scale_ = std::min(std::exp(scale.values<float>()[0]), kLargestScale);
  model.name_ = fs::weakly_canonical(folder).filename().string();
  return model;
}

Result<PictureFeatures> ImageTextModel::of_pictures(std::span<const formats::Image> pictures) {
  EF_CHECK(!pictures.empty(), "at least one picture");
  const auto count = static_cast<int64_t>(pictures.size());
  PictureFeatures result = {.features = Tensor({count, config_.feature_width()}, DType::f32),
                            .embeddings = Tensor({count, config_.embedding_width}, DType::f32)};
  const size_t width = size(config_.feature_width()), shared = size(config_.embedding_width);
  for (size_t first = 0; first < pictures.size(); first += kBatch) {
    const size_t some = std::min(size(kBatch), pictures.size() - first);
    EF_TRY_STATUS(run(pictures.subspan(first, some),
                      result.features.values<float>().subspan(first * width, some * width),
                      result.embeddings.values<float>().subspan(first * shared, some * shared)));
  }
  to_unit_rows(result.embeddings.values<float>(), shared);
  return result;
}

Status ImageTextModel::run(std::span<const formats::Image> pictures, std::span<float> features,
                           std::span<float> embeddings) {
  const int64_t side = config_.image_size;
  pipeline::NamedTensors inputs;
  Tensor& batch = inputs["image"] = Tensor({kBatch, side, side, 3}, DType::f32);
  const auto count = static_cast<int64_t>(pictures.size());
  runtime_.pool->parallel_for(count, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto pixels = shards::square_picture(pictures[size(i)], static_cast<int>(side));
      std::ranges::copy(pixels, batch.values<float>().begin() + i * side * side * 3);
    }
  });
  EF_TRY(const auto outputs, pipeline::run_network(tower_, inputs, *runtime_.pool));
  const auto found = outputs.at("features").values<float>().first(features.size());
  EF_TRY_STATUS(pipeline::check_finite(found, "image_tower"));
  std::ranges::copy(found, features.begin());
  std::ranges::copy(outputs.at("image_embeds").values<float>().first(embeddings.size()),
                    embeddings.begin());
  return {};
}

Result<Tensor> ImageTextModel::of_texts(std::span<const std::string> texts) {
  EF_TRY(Tensor vectors, texts_.of(texts, runtime_));
  to_unit_rows(vectors.values<float>(), size(config_.text_width));
  Tensor embeddings = products(vectors, text_projection_);
  to_unit_rows(embeddings.values<float>(), size(config_.embedding_width));
  return embeddings;
}

Result<Tensor> ImageTextModel::class_probabilities(const PictureFeatures& pictures,
                                                   std::span<const std::string> classes) {
  EF_TRY(const Tensor texts, of_texts(classes));
  Tensor result = products(pictures.embeddings, texts);
  const auto values = result.values<float>();
  for (float& value : values) value *= scale_;
  for (size_t begin = 0; begin < values.size(); begin += classes.size()) {
    softmax(values.subspan(begin, classes.size()));
  }
  return result;
}

}  // namespace edgefusion::eval
