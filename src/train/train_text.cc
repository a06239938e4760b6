#include "train/train_text.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "formats/diffusers_folder.h"
#include "graph/op_table.h"
#include "models/bert_text.h"
#include "models/registry.h"
#include "train/checkpoint.h"
#include "train/device.h"
#include "train/memory_forecast.h"
#include "train/model_copy.h"
#include "train/run_folder.h"
#include "train/run_graph.h"
#include "train/sample_order.h"
#include "train/step_cost.h"
#include "train/text_comparison.h"
#include "train/text_corpus.h"
#include "train/text_pair.h"
#include "train/text_student.h"
#include "train/train_loop.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

/// A batch is computed in this many parts of like lengths: most texts are far shorter than the
/// longest one.
constexpr size_t kParts = 4;

constexpr const char* kWeights = "model.safetensors";

/// Sums of the loss's terms over texts, and what they are to be divided by.
struct Sums {
  at::Tensor chunks = at::zeros({});     ///< squared errors
  at::Tensor sentences = at::zeros({});  ///< 1 - cosine
  double elements = 0, texts = 0;

  void add(const TextPair::Means& means) {
    const int64_t chunks_of_all = means.is_chunk.size(1);
    const at::Tensor error = (means.student - means.teacher).narrow(1, 0, chunks_of_all);
    chunks = chunks + (error.square() * means.is_chunk.unsqueeze(2)).sum();
    const at::Tensor cosine =
        at::cosine_similarity(means.student.select(1, -1), means.teacher.select(1, -1), 1);
    sentences = sentences + (1 - cosine).sum();
    elements += means.is_chunk.sum().item<double>() * static_cast<double>(error.size(2));
    texts += static_cast<double>(cosine.size(0));
  }
};

/// Which texts a batch has. Captions are spread evenly over all batches: so that several processes
/// take what one with a larger batch takes.
class TextOrder {
 public:
  TextOrder(const TextConfig& config, const TextCorpus& corpus)
      : corpus_(corpus),
        batch_(config.batch),
        caption_share_(share_of_captions(config, corpus)),
        caption_order_(static_cast<int64_t>(corpus.captions.size()), config.seed),
        line_order_(static_cast<int64_t>(corpus.dictionary.size()),
                    mixed_seed(config.seed, Purpose::choice, 1)) {}

  std::vector<std::string> batch(int64_t number) {
    const int64_t first = number * batch_, first_caption = captions_before(first);
    const int64_t captions = captions_before(first + batch_) - first_caption;
    std::vector<std::string> texts;
    for (const int64_t index : caption_order_.at(first_caption, captions)) {
      texts.push_back(corpus_.captions[static_cast<size_t>(index)]);
    }
    for (const int64_t index : line_order_.at(first - first_caption, batch_ - captions)) {
      texts.push_back(corpus_.dictionary[static_cast<size_t>(index)]);
    }
    return texts;
  }

 private:
  static double share_of_captions(const TextConfig& config, const TextCorpus& corpus) {
    if (corpus.dictionary.empty()) return 1;
    if (corpus.captions.empty()) return 0;
    return config.caption_share;
  }

  /// Of the first `texts` of a run.
  int64_t captions_before(int64_t texts) const {
    return std::llround(caption_share_ * static_cast<double>(texts));
  }

  const TextCorpus& corpus_;
  int64_t batch_;
  double caption_share_;
  SampleOrder caption_order_, line_order_;
};

/// What is written into a checkpoint besides weights, and what they begin as.
struct Student {
  std::shared_ptr<const TextTeacher> teacher;
  std::vector<std::string> tokens;
  nlohmann::json config;
  Parameters first;
};

class TextTrainee final : public Trainee {
 public:
  TextTrainee(const TextConfig& config, const Student& student, TextPair& pair,
              const TextCorpus& corpus, Processes& processes)
      : config_(config),
        student_(student),
        pair_(pair),
        processes_(processes),
        order_(config, corpus) {}

  Parameters first_parameters() const override { return student_.first.to(at::kCPU); }

  Result<Losses> losses(int64_t number, const Networks& networks) override {
    std::vector<ChunkedText> texts;
    for (const std::string& text : order_.batch(number)) {
      EF_TRY(ChunkedText chunked, pair_.chunked(text));
      texts.push_back(std::move(chunked));
    }
    std::ranges::stable_sort(texts, {}, &ChunkedText::length);
    const size_t size = (texts.size() + kParts - 1) / kParts;
    Sums sums;
    for (size_t begin = 0; begin < texts.size(); begin += size) {
      const auto part = std::span(texts).subspan(begin, std::min(size, texts.size() - begin));
      EF_TRY(const TextPair::Means means, pair_.means(part, networks.parameters, config_.bf16));
      sums.add(means);
    }
    // Not each process by its own, or chunks of processes with short texts would count for more.
    EF_TRY_STATUS(processes_.average({&sums.elements, 1}));
    const at::Tensor chunks = sums.chunks / sums.elements;
    const at::Tensor sentences = sums.sentences / sums.texts;
    return Losses{.total = chunks + config_.sentence_weight * sentences,
                  .critic = {},
                  .terms = {{"chunks", chunks.detach()}, {"sentences", sentences.detach()}}};
  }

  Status write_model(const fs::path& folder, const Parameters& average) const override {
    const fs::path network = folder / "text_encoder";
    std::error_code error;
    fs::create_directories(network, error);
    if (error) return fail(ErrorCode::io, network.string() + ": " + error.message());
    EF_TRY_STATUS(write_json(network / "config.json", student_.config));
    EF_TRY_STATUS(average.save(network / kWeights, DType::f16));
    return write_student_tokenizer(folder / "tokenizer", *student_.teacher, student_.tokens);
  }

 private:
  const TextConfig& config_;
  const Student& student_;
  TextPair& pair_;
  Processes& processes_;
  TextOrder order_;
};

/// The vocabulary of this run: learnt when it begins, read when it goes on.
Result<std::vector<std::string>> vocabulary_of(const TextConfig& config, const TextTeacher& teacher,
                                               const TextCorpus& corpus, bool is_there) {
  const fs::path folder = config.out / "tokenizer";
  if (is_there) return read_student_tokens(folder);
  std::vector<std::string> lines = corpus.captions;
  lines.insert(lines.end(), corpus.dictionary.begin(), corpus.dictionary.end());
  EF_TRY(auto tokens, learn_student_vocabulary(teacher, lines, config.vocabulary_size));
  EF_TRY_STATUS(write_student_tokenizer(folder, teacher, tokens));
  return tokens;
}

Result<Student> make_student(const TextConfig& config, std::shared_ptr<const TextTeacher> teacher,
                             std::vector<std::string> tokens) {
  EF_TRY(nlohmann::json network,
         text_student_config(*teacher, config.layers, static_cast<int64_t>(tokens.size())));
  EF_TRY(Parameters first, first_text_student(*teacher, network, tokens));
  return Student{std::move(teacher), std::move(tokens), std::move(network), std::move(first)};
}

Status check_tokens(const TextConfig& config, const TextTeacher& teacher) {
  if (config.max_tokens <= teacher.bert.max_tokens) return {};
  return fail(ErrorCode::invalid_argument,
              teacher.origin + ": max_tokens: " + std::to_string(config.max_tokens) +
                  ", expected at most the teacher's " + std::to_string(teacher.bert.max_tokens));
}

/// As if all texts were as long as they may be.
Status check_memory_of_step(const TextConfig& config, const models::BertTextConfig& student) {
  // Of one text: a batch may be larger than a graph's, for it is computed in parts.
  EF_TRY(const graph::Graph graph,
         models::build_bert_text(student, {.batch = 1, .tokens = config.max_tokens}, nullptr));
  const int64_t weights = least_step_bytes(graph, config, /*checkpointing=*/true);
  const int64_t of_text = least_step_bytes(graph, config, /*checkpointing=*/false) - weights;
  return check_step_bytes(
      weights + config.batch * of_text, config,
      R"(a smaller "batch" ("accumulate" makes up for it), or fewer "max_tokens")");
}

/// The student with as many tokens as it may have. Errors: what would stop a run later, but its
/// texts.
Result<models::BertTextConfig> checked_student(const TextConfig& config,
                                               const TextTeacher& teacher) {
  EF_TRY_STATUS(check_tokens(config, teacher));
  EF_TRY(const nlohmann::json network,
         text_student_config(teacher, config.layers, config.vocabulary_size));
  EF_TRY(const models::BertTextConfig student, models::parse_bert_text_config(network, "student"));
  EF_TRY_STATUS(check_memory_of_step(config, student));
  return student;
}

/// The student as it was written at the end.
Result<Parameters> written_student(const fs::path& checkpoint, const nlohmann::json& config) {
  EF_TRY(const auto weights, formats::open_network_weights(checkpoint / "text_encoder"));
  EF_TRY(const models::BertTextConfig bert, models::parse_bert_text_config(config, "student"));
  EF_TRY(const graph::Graph graph,
         models::build_bert_text(bert, {.batch = 1, .tokens = 2}, weights.get()));
  return Parameters::load(graph, *weights).frozen();
}

/// As if all texts were as long as they may be.
Result<StepCost> step_on_longest_texts(const TextConfig& config, const TextTeacher& teacher,
                                       const models::BertTextConfig& student) {
  const models::BertTextShape shape = {.batch = config.batch, .tokens = config.max_tokens};
  EF_TRY(const graph::Graph ours, models::build_bert_text(student, shape, nullptr));
  EF_TRY(const graph::Graph whole,
         models::build_bert_text(teacher.bert, shape, teacher.weights.get()));
  const Parameters theirs =
      Parameters::load(whole, *teacher.weights).to(device_of(config)).frozen();
  const at::TensorOptions options = at::TensorOptions(device_of(config)).dtype(at::kInt);
  const NamedTensors ids = {{"input_ids", at::ones({config.batch, config.max_tokens}, options)}};
  const auto mean = [&](const graph::Graph& graph, const Parameters& parameters) {
    return run_graph(graph, parameters, ids).begin()->second.to(at::kFloat).square().mean();
  };
  const auto losses = [&](const Networks& networks) {
    Losses of_batch;
    of_batch.add("difference", 1, mean(ours, networks.parameters) - mean(whole, theirs));
    return of_batch;
  };
  return measured_step(config, {Parameters::initialize(ours, config.seed), std::nullopt, losses});
}

}  // namespace

Result<TextPlan> plan_text(const TextConfig& config) {
  EF_TRY(const TextTeacher teacher, open_text_teacher(config.teacher));
  EF_TRY(const models::BertTextConfig bert, checked_student(config, teacher));
  EF_TRY_STATUS(check_text_files(config));
  const models::BertTextShape shape = {.batch = 1, .tokens = config.max_tokens};
  EF_TRY(const graph::Graph student, models::build_bert_text(bert, shape, nullptr));
  EF_TRY(const graph::Graph whole,
         models::build_bert_text(teacher.bert, shape, teacher.weights.get()));
  EF_TRY(const StepCost step, step_on_longest_texts(config, teacher, bert));
  return TextPlan{.parameters = models::parameter_count(student),
                  .teacher_parameters = models::parameter_count(whole),
                  .macs_per_text = graph::graph_cost(student).macs,
                  .step = step};
}

Result<TextReport> train_text(const TextConfig& config, bool resume, Processes& processes,
                              const TrainCallbacks& all_callbacks) {
  const TrainCallbacks callbacks = callbacks_of(processes, all_callbacks);
  EF_TRY(TextTeacher opened, open_text_teacher(config.teacher));
  const auto teacher = std::make_shared<const TextTeacher>(std::move(opened));
  EF_TRY_STATUS(checked_student(config, *teacher));
  EF_TRY(const TextCorpus corpus, read_text_corpus(config, callbacks.log));
  std::vector<std::string> tokens;
  const auto prepare = [&]() -> Status {
    if (processes.first()) EF_TRY_STATUS(prepare_out(config, resume));
    const bool is_there = resume || !processes.first();
    EF_TRY(tokens, vocabulary_of(config, *teacher, corpus, is_there));
    return {};
  };
  EF_TRY_STATUS(processes.first_before_others(prepare, Processes::kVeryLong));
  EF_TRY(const Student student, make_student(config, teacher, std::move(tokens)));
  EF_TRY(TextPair pair, TextPair::open(teacher, student.config, config.out / "tokenizer",
                                       config.max_tokens, device_of(config)));
  TextTrainee trainee(config, student, pair, corpus, processes);
  EF_TRY_STATUS(run_training(config, trainee, resume, processes, callbacks));
  if (!processes.first()) return TextReport{};
  EF_TRY(const Parameters result, written_student(*newest_checkpoint(config.out), student.config));
  EF_TRY(const TextReport report, compare_texts(corpus, pair, result.to(device_of(config))));
  EF_TRY_STATUS(write_json(config.out / "report.json", report.to_json()));
  return report;
}

}  // namespace edgefusion::train
