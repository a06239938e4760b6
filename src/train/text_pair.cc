#include "train/text_pair.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "models/bert_text.h"
#include "train/autocast.h"
#include "train/run_graph.h"

namespace edgefusion::train {
namespace {

at::Tensor states_of(const graph::Graph& graph, const Parameters& parameters, const at::Tensor& ids,
                     bool bf16) {
  const AutocastGuard autocast(bf16);
  const NamedTensors outputs = run_graph(graph, parameters, {{"input_ids", ids}});
  return outputs.at(graph.value(graph.outputs()[0]).name).to(at::kFloat);
}

at::Tensor chunk_mask(std::span<const ChunkedText> texts, int64_t chunks) {
  at::Tensor mask = at::zeros({static_cast<int64_t>(texts.size()), chunks});
  for (size_t n = 0; n < texts.size(); ++n) {
    mask[static_cast<int64_t>(n)].narrow(0, 0, texts[n].chunks).fill_(1);
  }
  return mask;
}

}  // namespace

Result<const graph::Graph*> BertGraphs::at(int64_t batch, int64_t tokens) {
  auto found = graphs_.find({batch, tokens});
  if (found == graphs_.end()) {
    EF_TRY(graph::Graph graph,
           models::build_bert_text(config_, {.batch = batch, .tokens = tokens}, weights_.get()));
    found = graphs_.emplace(std::pair(batch, tokens), std::move(graph)).first;
  }
  return &found->second;
}

TextPair::TextPair(std::shared_ptr<const TextTeacher> teacher,
                   std::unique_ptr<const text::Tokenizer> tokenizer, models::BertTextConfig student,
                   int64_t max_tokens, at::Device device)
    : teacher_(std::move(teacher)),
      tokenizer_(std::move(tokenizer)),
      max_tokens_(max_tokens),
      device_(device),
      teacher_graphs_(teacher_->bert, teacher_->weights),
      student_graphs_(student, nullptr) {}

Result<TextPair> TextPair::open(std::shared_ptr<const TextTeacher> teacher,
                                const nlohmann::json& student,
                                const std::filesystem::path& tokenizer, int64_t max_tokens,
                                at::Device device) {
  EF_TRY(const models::BertTextConfig bert, models::parse_bert_text_config(student, "student"));
  EF_TRY(auto words, text::open_tokenizer(tokenizer));
  TextPair pair(std::move(teacher), std::move(words), bert, max_tokens, device);
  EF_TRY(const graph::Graph* graph, pair.teacher_graphs_.at(1, max_tokens));
  pair.teacher_parameters_ = Parameters::load(*graph, *pair.teacher_->weights).to(device).frozen();
  return pair;
}

Result<ChunkedText> TextPair::chunked(std::string_view text) const {
  return chunk_text(text, *teacher_->tokenizer, *tokenizer_, max_tokens_);
}

Result<TextPair::Means> TextPair::means(std::span<const ChunkedText> texts,
                                        const Parameters& student, bool bf16) {
  std::vector<const ChunkedIds*> theirs, ours;
  int64_t chunks = 0;
  for (const ChunkedText& text : texts) {
    theirs.push_back(&text.teacher);
    ours.push_back(&text.student);
    chunks = std::max(chunks, text.chunks);
  }
  TokenBatch given = token_batch(theirs, teacher_->tokenizer->pad_id(), chunks);
  TokenBatch taken = token_batch(ours, tokenizer_->pad_id(), chunks);
  for (TokenBatch* batch : {&given, &taken}) {
    batch->ids = batch->ids.to(device_);
    batch->means = batch->means.to(device_);
  }
  EF_TRY(const graph::Graph* teacher_graph,
         teacher_graphs_.at(given.ids.size(0), given.ids.size(1)));
  EF_TRY(const graph::Graph* student_graph,
         student_graphs_.at(taken.ids.size(0), taken.ids.size(1)));
  Means means{.teacher = {}, .student = {}, .is_chunk = chunk_mask(texts, chunks).to(device_)};
  {
    const at::NoGradGuard no_grad;
    means.teacher =
        at::bmm(given.means, states_of(*teacher_graph, teacher_parameters_, given.ids, false));
  }
  means.student = at::bmm(taken.means, states_of(*student_graph, student, taken.ids, bf16));
  return means;
}

}  // namespace edgefusion::train
