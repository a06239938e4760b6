#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace edgefusion::train {

/// A folder with the small random BERT of the goldens and a vocabulary of letters and a few words.
inline void write_text_model(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  fs::create_directories(folder / "tokenizer");
  fs::copy(EF_SOURCE_DIR "/tests/goldens/text_encoder/bert", folder / "text_encoder");
  std::string tokens = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (char c = 'a'; c <= 'z'; ++c) tokens += std::string(1, c) + "\n##" + c + "\n";
  for (const char* word : {"square", "circle", "red", "green", "blue", "gray", "small", "photo"}) {
    tokens += std::string(word) + "\n";
  }
  std::ofstream(folder / "tokenizer" / "vocab.txt") << tokens;
  std::ofstream(folder / "tokenizer" / "tokenizer_config.json")
      << R"({"tokenizer_class": "BertTokenizer", "model_max_length": 24})";
}

}  // namespace edgefusion::train
