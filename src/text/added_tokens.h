#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgefusion::text {

/// A token that is found in the text as a whole, before the text is split into words.
/// (`lstrip` and `rstrip` of the config files take white space away that our splitting drops
/// anyway.)
struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool normalized = false;   ///< looked for in the normalised text, not in the raw one
  bool single_word = false;  ///< only where no word character touches it
};

/// Finds added tokens the way the `tokenizers` library does: the raw ones first; what lies between
/// is normalised and searched for the normalised ones. Leftmost wins, then the longest.
class AddedTokens {
 public:
  using Normalize = std::function<std::u32string(std::u32string_view)>;

  struct Piece {
    std::u32string text;        ///< normalised, where id is absent
    std::optional<int32_t> id;  ///< of an added token
  };

  AddedTokens() = default;
  /// Contents must be UTF-8 and not empty (checked); of two with the same content the later wins.
  AddedTokens(const std::vector<AddedToken>& tokens, Normalize normalize);

  std::vector<Piece> split(std::u32string_view text) const;

 private:
  struct Entry {
    int32_t id;
    bool single_word;
  };
  struct Matcher {
    std::map<std::u32string, Entry, std::less<>> entries;
    std::vector<size_t> lengths;  // of the contents, longest first, each once

    void add(std::u32string content, Entry entry);
    std::vector<Piece> split(std::u32string_view text) const;
    /// Length of the longest token at text[at], 0 if none; fills entry.
    size_t match(std::u32string_view text, size_t at, Entry& entry) const;
  };

  Normalize normalize_;
  Matcher raw_;
  Matcher normalized_;
};

}  // namespace edgefusion::text
