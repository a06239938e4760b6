#include "train/text_means.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/content_hash.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "train/captioned_pictures.h"
#include "train/run_graph.h"
#include "train/tensors.h"
#include "train/text_pair.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr const char *kFile = "means.safetensors", *kMeans = "means";
constexpr size_t kBatch = 64;

using Ids = std::vector<int32_t>;

Result<std::vector<Ids>> ids_of(const TextTeacher& encoder, std::span<const std::string> texts,
                                int64_t max_tokens) {
  std::vector<Ids> all;
  for (const std::string& text : texts) {
    EF_TRY(const Ids ids, encoder.tokenizer->encode(text));
    const int64_t length = std::min(static_cast<int64_t>(ids.size()), max_tokens);
    all.push_back(encoder.tokenizer->pad_or_truncate(ids, length).ids);
  }
  return all;
}

/// Texts in batches of like lengths, so that little of them is padding.
class MeanRun {
 public:
  MeanRun(const TextTeacher& encoder, BertGraphs& graphs, const Parameters& parameters,
          std::vector<Ids> ids)
      : encoder_(encoder), graphs_(graphs), parameters_(parameters), ids_(std::move(ids)) {}

  Result<at::Tensor> all(const std::function<void(int64_t)>& progress,
                         const std::atomic<bool>* cancel) {
    std::vector<int64_t> order(ids_.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    std::ranges::stable_sort(order, {}, [this](int64_t i) { return ids_[size_t(i)].size(); });
    at::Tensor means = at::empty({static_cast<int64_t>(ids_.size()), encoder_.bert.width});
    for (size_t begin = 0; begin < order.size(); begin += kBatch) {
      if (cancel != nullptr && cancel->load()) {
        return fail(ErrorCode::cancelled, "cancelled while texts were encoded");
      }
      const auto batch = std::span(order).subspan(begin, std::min(kBatch, order.size() - begin));
      EF_TRY(const at::Tensor some, means_of(batch));
      means.index_copy_(0, at::tensor(at::IntArrayRef(batch.data(), batch.size()), at::kLong),
                        some);
      if (progress) progress(static_cast<int64_t>(begin + batch.size()));
    }
    return means;
  }

 private:
  Result<at::Tensor> means_of(std::span<const int64_t> batch) {
    const auto tokens = static_cast<int64_t>(ids_[static_cast<size_t>(batch.back())].size());
    const int32_t padding = encoder_.tokenizer->pad_id();
    at::Tensor ids = at::full({static_cast<int64_t>(batch.size()), tokens}, padding, at::kInt);
    for (size_t n = 0; n < batch.size(); ++n) {
      const Ids& mine = ids_[static_cast<size_t>(batch[n])];
      std::ranges::copy(mine, ids.data_ptr<int32_t>() + static_cast<int64_t>(n) * tokens);
    }
    EF_TRY(const graph::Graph* graph, graphs_.at(ids.size(0), tokens));
    const NamedTensors outputs = run_graph(*graph, parameters_, {{"input_ids", ids}});
    const at::Tensor states = outputs.at(graph->value(graph->outputs()[0]).name);
    const at::Tensor real = ids.ne(padding).to(at::kFloat);
    return at::bmm(real.unsqueeze(1), states).squeeze(1) / real.sum(1, true);
  }

  const TextTeacher& encoder_;
  BertGraphs& graphs_;
  const Parameters& parameters_;
  std::vector<Ids> ids_;
};

/// Of all that decides what the vectors are.
std::string folder_name(const TextTeacher& encoder, const Parameters& parameters,
                        std::span<const Ids> ids) {
  ContentHasher hasher;
  hasher.add_text("text means 2");
  hasher.add_text(encoder.config.dump());
  parameters.hash_into(hasher);
  for (const Ids& one : ids) {
    hasher.add_number(one.size());
    hasher.add(std::as_bytes(std::span(one)));
  }
  return "texts-" + hasher.result().to_hex().substr(0, 16);
}

}  // namespace

Result<at::Tensor> text_means(const TextTeacher& encoder, std::span<const std::string> texts,
                              int64_t max_tokens, const fs::path& folder,
                              const std::function<void(int64_t done)>& progress,
                              const std::atomic<bool>* cancel) {
  const at::NoGradGuard no_grad;
  EF_TRY(std::vector<Ids> ids, ids_of(encoder, texts, max_tokens));
  BertGraphs graphs(encoder.bert, encoder.weights);
  EF_TRY(const graph::Graph* any, graphs.at(1, 2));
  const Parameters parameters = Parameters::load(*any, *encoder.weights).frozen();
  const fs::path own = folder / folder_name(encoder, parameters, ids);
  const auto build = [&](const fs::path& partial) -> Status {
    MeanRun run(encoder, graphs, parameters, std::move(ids));
    EF_TRY(const at::Tensor means, run.all(progress, cancel));
    const Tensor stored = to_tensor(means);
    return formats::write_safetensors(partial / kFile, {{kMeans, stored.view()}});
  };
  EF_TRY_STATUS(make_cache_folder(own, build));
  EF_TRY(const auto file, formats::SafetensorsFile::open(own / kFile));
  const ConstTensorView* means = file.find(kMeans);
  const Shape expected = {static_cast<int64_t>(texts.size()), encoder.bert.width};
  if (means == nullptr || means->shape != expected || means->dtype != DType::f32) {
    return fail(ErrorCode::bad_file, (own / kFile).string() + ": expected " + kMeans + " " +
                                         expected.to_string() + "; delete the folder");
  }
  return to_torch(*means);
}

}  // namespace edgefusion::train
