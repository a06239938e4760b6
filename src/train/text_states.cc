#include "train/text_states.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "core/content_hash.h"
#include "train/captioned_pictures.h"
#include "train/run_graph.h"

namespace edgefusion::train {
namespace {

constexpr int64_t kBatch = 64;

}  // namespace

Result<TextStates> TextStates::open(std::shared_ptr<const pipeline::Model> model,
                                    at::Device device) {
  TextStates states;
  states.model_ = std::move(model);
  states.device_ = device;
  EF_TRY(const graph::Graph* graph, states.graph_of(1));
  const TensorSource& weights = *states.model_->network("text_encoder").weights;
  states.parameters_ = Parameters::load(*graph, weights).to(device).frozen();
  return states;
}

Result<const graph::Graph*> TextStates::graph_of(int64_t batch) {
  auto found = graphs_.find(batch);
  if (found == graphs_.end()) {
    EF_TRY(graph::Graph graph, model_->text_encoder_graph(batch, 0));
    found = graphs_.emplace(batch, std::move(graph)).first;
  }
  return &found->second;
}

Result<at::Tensor> TextStates::ids_of(std::span<const std::string> captions) const {
  const int64_t tokens = model_->text_tokens();
  at::Tensor ids = at::empty({static_cast<int64_t>(captions.size()), tokens}, at::kInt);
  int32_t* row = ids.data_ptr<int32_t>();
  for (const std::string& caption : captions) {
    EF_TRY(const std::vector<int32_t> all, model_->tokenizer().encode(caption));
    const text::FittedIds fitted = model_->tokenizer().pad_or_truncate(all, tokens);
    row = std::copy(fitted.ids.begin(), fitted.ids.end(), row);
  }
  return ids;
}

Result<at::Tensor> TextStates::encode(const at::Tensor& ids) {
  EF_TRY(const graph::Graph* graph, graph_of(ids.size(0)));
  const at::NoGradGuard no_grad;
  const NamedTensors outputs = run_graph(*graph, parameters_, {{"input_ids", ids.to(device_)}});
  return outputs.at(graph->value(graph->outputs()[0]).name);
}

std::string TextStates::folder_name(const at::Tensor& ids) const {
  ContentHasher hasher;
  hasher.add_text("text states 1");
  hasher.add_text(model_->network("text_encoder").config.dump());
  parameters_.hash_into(hasher);
  hasher.add_number(static_cast<uint64_t>(ids.size(1)));
  hasher.add({static_cast<const std::byte*>(ids.data_ptr()), ids.nbytes()});
  return "states-" + hasher.result().to_hex().substr(0, 16);
}

Status TextStates::keep(std::vector<std::string> texts, const std::filesystem::path& folder,
                        const std::function<void(int64_t done)>& progress,
                        const std::atomic<bool>* cancel) {
  EF_TRY(const at::Tensor ids, ids_of(texts));
  const std::filesystem::path own = folder / folder_name(ids);
  int64_t done = 0;
  const auto next = [&]() -> Result<at::Tensor> {
    if (cancel != nullptr && cancel->load()) {
      return fail(ErrorCode::cancelled, "cancelled while texts were encoded");
    }
    if (progress && done > 0) progress(done);
    const int64_t some = std::min(kBatch, ids.size(0) - done);
    if (some == 0) return at::empty({0});
    EF_TRY(const at::Tensor states, encode(ids.narrow(0, done, some)));
    done += some;
    return states.to(at::kCPU);
  };
  EF_TRY_STATUS(make_cache_folder(
      own, [&](const std::filesystem::path& partial) { return KeptStates::write(partial, next); }));
  EF_TRY(const graph::Graph* graph, graph_of(1));
  const Shape& shape = graph->value(graph->outputs()[0]).shape;
  EF_TRY(kept_, KeptStates::open(own, ids.size(0), shape[1], shape[2]));
  for (size_t i = 0; i < texts.size(); ++i) {
    places_.emplace(std::move(texts[i]), static_cast<int64_t>(i));
  }
  return {};
}

Result<at::Tensor> TextStates::of(std::span<const std::string> captions) {
  std::vector<at::Tensor> rows;
  for (const std::string& caption : captions) {
    const auto place = places_.find(caption);
    if (place == places_.end()) break;
    rows.push_back(kept_->of(place->second));
  }
  if (rows.size() == captions.size()) return at::stack(rows);
  EF_TRY(const at::Tensor ids, ids_of(captions));
  return encode(ids);
}

}  // namespace edgefusion::train
