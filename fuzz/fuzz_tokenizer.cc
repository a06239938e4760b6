// links: text
// Tokenizer files and a text, all from the same hostile bytes: pieces separated by NUL are
// the kind of tokenizer, then its files, then the text.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace {

std::vector<std::string> split_at_nul(std::string_view bytes, size_t pieces) {
  std::vector<std::string> out(pieces);
  for (size_t i = 0; i < pieces && !bytes.empty(); ++i) {
    const size_t end = i + 1 < pieces ? bytes.find('\0') : bytes.size();
    out[i] = bytes.substr(0, end);
    bytes.remove_prefix(end < bytes.size() ? end + 1 : bytes.size());
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using edgefusion::text::TokenizerFiles;
  static constexpr std::array<const char*, 3> kVocabularies = {"vocab.json", "vocab.txt",
                                                               "tokenizer.json"};
  const auto pieces = split_at_nul({reinterpret_cast<const char*>(data), size}, 6);
  const size_t kind = pieces[0].empty() ? 0 : static_cast<uint8_t>(pieces[0][0]) % 3;
  TokenizerFiles files = {{kVocabularies[kind], pieces[1]}, {"merges.txt", pieces[2]}};
  if (!pieces[3].empty()) files["tokenizer_config.json"] = pieces[3];
  if (!pieces[4].empty()) files["added_tokens.json"] = pieces[4];

  const auto tokenizer = edgefusion::text::parse_tokenizer(files);
  if (!tokenizer) return 0;
  const auto ids = (*tokenizer)->encode(pieces[5]);
  if (!ids) return 0;
  for (const int32_t id : *ids) {
    if (id < 0 || id >= (*tokenizer)->vocab_size()) __builtin_trap();
  }
  const auto fitted = (*tokenizer)->pad_or_truncate(*ids, 77);
  if (fitted.ids.size() != 77) __builtin_trap();
  return 0;
}
