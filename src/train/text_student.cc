#include "train/text_student.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "models/bert_text.h"
#include "text/unicode.h"
#include "text/wordpiece.h"
#include "text/wordpiece_vocabulary.h"
#include "train/model_copy.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kWordTable = "embeddings.word_embeddings.weight";
constexpr std::string_view kLayer = "encoder.layer.";
constexpr size_t kMostBytes = size_t{64} << 20;

/// Ids of the teacher whose rows a token of the student begins with: its own, or its pieces'; those
/// of the unknown token if it has none.
std::vector<int32_t> teacher_pieces(const text::Vocabulary& vocabulary, const std::string& token,
                                    int32_t unknown) {
  if (const auto own = vocabulary.find(token)) return {*own};
  const bool continuing = token.starts_with(text::kContinuing);
  const auto word =
      text::decode_utf8(std::string_view(token).substr(continuing ? text::kContinuing.size() : 0));
  std::vector<int32_t> ids;
  if (word) text::append_wordpieces(vocabulary, *word, continuing, ids);
  if (ids.empty()) ids.push_back(unknown);
  return ids;
}

Tensor first_word_table(const TextTeacher& teacher, const std::vector<std::string>& tokens) {
  const Tensor theirs = to_f32(*teacher.weights->find(teacher.prefix + std::string(kWordTable)));
  const auto width = static_cast<size_t>(teacher.bert.width);
  Tensor table({static_cast<int64_t>(tokens.size()), teacher.bert.width}, DType::f32);
  const std::vector<std::string> special = text::wordpiece_special_tokens(teacher.settings);
  const int32_t unknown = teacher.vocabulary.find(special[1]).value_or(0);
  for (size_t id = 0; id < tokens.size(); ++id) {
    const auto pieces = teacher_pieces(teacher.vocabulary, tokens[id], unknown);
    float* row = table.values<float>().data() + id * width;
    for (const int32_t piece : pieces) {
      const float* from = theirs.values<float>().data() + static_cast<size_t>(piece) * width;
      for (size_t i = 0; i < width; ++i) row[i] += from[i] / static_cast<float>(pieces.size());
    }
  }
  return table;
}

/// The teacher's tensors under the names of its student, the table of words apart.
class FirstWeights final : public TensorSource {
 public:
  FirstWeights(const TextTeacher& teacher, int64_t layers, Tensor word_table)
      : teacher_(teacher),
        layers_(layers),
        word_table_(std::move(word_table)),
        word_table_view_(std::as_const(word_table_).view()) {}

  const ConstTensorView* find(std::string_view name) const override {
    if (name == kWordTable) return &word_table_view_;
    return teacher_.weights->find(teacher_.prefix + inherited(name));
  }
  std::vector<std::string> names() const override { return teacher_.weights->names(); }
  std::string origin() const override { return teacher_.weights->origin(); }

 private:
  std::string inherited(std::string_view name) const {
    if (!name.starts_with(kLayer)) return std::string(name);
    int64_t layer = 0;
    const auto [end, error] =
        std::from_chars(name.data() + kLayer.size(), name.data() + name.size(), layer);
    EF_CHECK(error == std::errc(), "layers have numbers");
    return std::string(kLayer) +
           std::to_string(inherited_layer(layer, layers_, teacher_.bert.layers)) +
           std::string(end, name.data() + name.size());
  }

  const TextTeacher& teacher_;
  int64_t layers_;
  Tensor word_table_;
  ConstTensorView word_table_view_;
};

}  // namespace

Result<json> text_student_config(const TextTeacher& teacher, int64_t layers,
                                 int64_t vocabulary_size) {
  if (layers > teacher.bert.layers) {
    return fail(ErrorCode::invalid_argument,
                teacher.origin + ": layers: " + std::to_string(layers) +
                    ", expected at most the teacher's " + std::to_string(teacher.bert.layers));
  }
  json config = teacher.config;
  config.erase("_name_or_path");
  config.erase("torch_dtype");
  config["architectures"] = {"BertModel"};
  config["model_type"] = "bert";
  config["dtype"] = "float16";
  config["num_hidden_layers"] = layers;
  config["vocab_size"] = vocabulary_size;
  config["pad_token_id"] = 0;
  return config;
}

int64_t inherited_layer(int64_t layer, int64_t student_layers, int64_t teacher_layers) {
  return (layer + 1) * teacher_layers / student_layers - 1;
}

Result<Parameters> first_text_student(const TextTeacher& teacher, const json& config,
                                      const std::vector<std::string>& tokens) {
  EF_TRY(const models::BertTextConfig bert, models::parse_bert_text_config(config, "student"));
  EF_TRY(const graph::Graph graph,
         models::build_bert_text(bert, {.batch = 1, .tokens = 2}, nullptr));
  return Parameters::load(graph,
                          FirstWeights(teacher, bert.layers, first_word_table(teacher, tokens)));
}

Result<std::vector<std::string>> learn_student_vocabulary(const TextTeacher& teacher,
                                                          const std::vector<std::string>& lines,
                                                          int64_t size) {
  EF_TRY(const auto words,
         text::count_bert_words(lines, text::bert_normalization(teacher.settings)));
  return text::learn_wordpiece_vocabulary(
      words, {.special_tokens = text::wordpiece_special_tokens(teacher.settings), .size = size});
}

Status write_student_tokenizer(const fs::path& folder, const TextTeacher& teacher,
                               const std::vector<std::string>& tokens) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
  json settings = json::object();
  const auto theirs = teacher.tokenizer_files.find("tokenizer_config.json");
  if (theirs != teacher.tokenizer_files.end()) {
    EF_TRY(settings, parse_json(theirs->second, "tokenizer_config.json"));
  }
  settings.erase("added_tokens_decoder");  // has the teacher's ids
  settings["tokenizer_class"] = "BertTokenizer";
  const std::vector<std::string> special = text::wordpiece_special_tokens(teacher.settings);
  size_t next = 0;
  for (const char* role : {"pad_token", "unk_token", "cls_token", "sep_token", "mask_token"}) {
    settings[role] = special[next++];
  }
  EF_TRY_STATUS(write_json(folder / "tokenizer_config.json", settings));
  std::string vocab;
  for (const std::string& token : tokens) vocab += token + "\n";
  return write_file_atomically(folder / "vocab.txt",
                               std::as_bytes(std::span(vocab.data(), vocab.size())));
}

Result<std::vector<std::string>> read_student_tokens(const fs::path& folder) {
  EF_TRY(const std::string vocab, read_text_file(folder / "vocab.txt", kMostBytes));
  std::vector<std::string> tokens;
  for (size_t begin = 0; begin < vocab.size();) {
    const size_t end = std::min(vocab.find('\n', begin), vocab.size());
    tokens.push_back(vocab.substr(begin, end - begin));
    begin = end + 1;
  }
  return tokens;
}

}  // namespace edgefusion::train
