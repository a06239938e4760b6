#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace edgefusion::data {

/// How captions of a style speak of what is to be seen: "a 3D emoji of {}", "{}, flat icon".
struct CaptionTemplate {
  std::string before, after;

  std::string with(const std::string& phrase) const { return before + phrase + after; }
  friend bool operator==(const CaptionTemplate&, const CaptionTemplate&) = default;
};

/// What a sample says of its object.
struct NamedCaptions {
  std::string name;  ///< empty where the sample has none: then its first caption names the object
  std::vector<std::string> captions;
};

/// The templates that many samples of a style share, most frequent first, at most four: found by
/// taking each sample's name, and the article before it, out of its captions. What only some
/// captions add (keywords, colours) is in none. Without names there is one of no words.
std::vector<CaptionTemplate> learn_templates(std::span<const NamedCaptions> samples);

/// A thing, to be spoken of with other words.
struct ObjectName {
  std::string noun;
  bool counted = false;  ///< the captions say "a" or "an" before it
};

/// The object's name as its captions have it within these templates, which may be longer than the
/// sample's name. Nothing where no caption fits, or where the name is not one that can be built
/// into a sentence: of too many words, a list, one with a clause ("with", "and") or odd
/// characters.
std::optional<ObjectName> name_in(const NamedCaptions& sample,
                                  std::span<const CaptionTemplate> templates);

}  // namespace edgefusion::data
