#include "eval/text_vectors.h"

#include <algorithm>
#include <utility>

#include "formats/diffusers_folder.h"
#include "models/registry.h"
#include "pipeline/denoising.h"
#include "pipeline/network_runner.h"

namespace edgefusion::eval {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBatch = 16;

Status check_vocabulary(const formats::NetworkFiles& files, const text::Tokenizer& tokenizer) {
  EF_TRY(const int64_t rows, models::text_vocabulary(files.config, files.config_origin));
  if (tokenizer.vocab_size() <= rows) return {};
  return fail(ErrorCode::bad_file, files.config_origin + ": vocab_size " + std::to_string(rows) +
                                       ", expected at least the tokenizer's " +
                                       std::to_string(tokenizer.vocab_size()));
}

}  // namespace

Result<TextVectors> TextVectors::open(const fs::path& folder, int64_t tokens,
                                      const Runtime& runtime) {
  EF_TRY(auto tokenizer, text::open_tokenizer(folder / "tokenizer"));
  EF_TRY(const auto opened, formats::open_diffusers_folder(folder / "text_encoder"));
  const formats::NetworkFiles* files = opened.network("text_encoder");
  if (files == nullptr) {
    return fail(ErrorCode::unsupported,
                (folder / "text_encoder").string() + ": expected a text encoder");
  }
  EF_TRY_STATUS(check_vocabulary(*files, *tokenizer));
  const models::NetworkRequest request = {.role = models::NetworkRole::text_encoder,
                                          .sizes = {.batch = kBatch, .tokens = tokens}};
  EF_TRY(graph::Graph graph,
         models::build_network(files->config, files->config_origin, request, files->weights.get()));
  EF_TRY(engine::Program program,
         engine::compile(std::move(graph), *files->weights, {.taps = {}}, runtime));
  return TextVectors(std::move(program), std::move(tokenizer));
}

Result<Tensor> TextVectors::of(std::span<const std::string> texts, const Runtime& runtime) {
  Tensor vectors({static_cast<int64_t>(texts.size()), width()}, DType::f32);
  const auto row = static_cast<size_t>(width());
  for (size_t first = 0; first < texts.size(); first += kBatch) {
    const size_t count = std::min(static_cast<size_t>(kBatch), texts.size() - first);
    EF_TRY_STATUS(run(texts.subspan(first, count), first, runtime,
                      vectors.values<float>().subspan(first * row, count * row)));
  }
  return vectors;
}

/// texts: at most a batch, the first of them number `first` of all.
Status TextVectors::run(std::span<const std::string> texts, size_t first, const Runtime& runtime,
                        std::span<float> vectors) {
  const int64_t tokens = program_.inputs()[0].shape[1];
  const int32_t padding = tokenizer_->pad_id();
  Tensor ids({kBatch, tokens}, DType::i32);
  std::ranges::fill(ids.values<int32_t>(), padding);
  for (size_t n = 0; n < texts.size(); ++n) {
    auto all = tokenizer_->encode(texts[n]);
    if (!all) {
      return fail(std::move(all).error().with_context("text " + std::to_string(first + n + 1)));
    }
    std::ranges::copy(tokenizer_->pad_or_truncate(*all, tokens).ids,
                      ids.values<int32_t>().begin() + static_cast<int64_t>(n) * tokens);
  }
  const std::string input = program_.inputs()[0].name, output = program_.outputs()[0].name;
  pipeline::NamedTensors inputs;
  inputs[input] = ids;
  EF_TRY(const auto outputs, pipeline::run_network(program_, inputs, *runtime.pool));
  const auto states = outputs.at(output).values<float>();
  const auto columns = static_cast<size_t>(width());
  std::ranges::fill(vectors, 0.0f);
  for (size_t n = 0; n < texts.size(); ++n) {
    const auto mean = vectors.subspan(n * columns, columns);
    float real = 0;
    for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) {
      const size_t place = n * static_cast<size_t>(tokens) + t;
      if (ids.values<int32_t>()[place] == padding) continue;
      real += 1;
      for (size_t c = 0; c < columns; ++c) mean[c] += states[place * columns + c];
    }
    for (float& value : mean) value /= real;
  }
  return pipeline::check_finite(vectors, "text_encoder");
}

}  // namespace edgefusion::eval
