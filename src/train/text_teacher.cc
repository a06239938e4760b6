#include "train/text_teacher.h"

#include <utility>

#include "formats/diffusers_folder.h"
#include "formats/json_file.h"
#include "models/registry.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

Status open_network(const fs::path& folder, TextTeacher& teacher) {
  const fs::path path = folder / "config.json";
  teacher.origin = path.string();
  EF_TRY(teacher.config, formats::read_json_object(path));
  EF_TRY(const models::NetworkClass kind, models::network_class(teacher.config, teacher.origin));
  if (kind != models::NetworkClass::bert_text) {
    return fail(ErrorCode::unsupported, teacher.origin + ": class " +
                                            std::string(models::to_string(kind)) +
                                            ", expected BertModel");
  }
  EF_TRY(teacher.bert, models::parse_bert_text_config(teacher.config, teacher.origin));
  EF_TRY(teacher.weights, formats::open_network_weights(folder));
  const bool prefixed = teacher.weights->find("bert.embeddings.word_embeddings.weight") != nullptr;
  teacher.prefix = prefixed ? "bert." : "";
  return {};
}

Status open_words(const fs::path& folder, TextTeacher& teacher) {
  EF_TRY(teacher.tokenizer_files, text::read_tokenizer_files(folder));
  const auto vocab = teacher.tokenizer_files.find("vocab.txt");
  if (vocab == teacher.tokenizer_files.end()) {
    return fail(ErrorCode::unsupported, folder.string() +
                                            ": no vocab.txt, expected a WordPiece tokenizer "
                                            "with its vocabulary in that file");
  }
  EF_TRY(teacher.tokenizer, text::open_tokenizer(folder));
  EF_TRY(teacher.settings, text::parse_tokenizer_config(teacher.tokenizer_files));
  EF_TRY(teacher.vocabulary, text::Vocabulary::from_lines(vocab->second));
  if (teacher.tokenizer->vocab_size() > teacher.bert.vocab_size) {
    return fail(ErrorCode::bad_file, folder.string() + ": " +
                                         std::to_string(teacher.tokenizer->vocab_size()) +
                                         " ids, expected at most the text encoder's vocab_size " +
                                         std::to_string(teacher.bert.vocab_size));
  }
  return {};
}

}  // namespace

Result<TextTeacher> open_text_teacher(const fs::path& folder) {
  TextTeacher teacher;
  EF_TRY_STATUS(open_network(folder / "text_encoder", teacher));
  EF_TRY_STATUS(open_words(folder / "tokenizer", teacher));
  return teacher;
}

}  // namespace edgefusion::train
