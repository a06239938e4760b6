#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace edgefusion {
class ConfigFields;
}

namespace edgefusion::shards {

/// For fields of the notes of samples (KEY.json) the words that are wanted there.
using SampleFilter = std::map<std::string, std::vector<std::string>>;

/// The field "where" of a config: an object of such fields, each with a list of words.
SampleFilter read_sample_filter(ConfigFields& fields);

/// Chooses samples, and remembers what words they had.
class SampleChoice {
 public:
  explicit SampleChoice(SampleFilter filter) : filter_(std::move(filter)) {}

  /// Every field of the filter that the notes have is one of its words. A field that they do not
  /// have is no reason against a sample: composed scenes have fewer than pictures of objects.
  bool wants(const nlohmann::json& notes);

  /// Errors: not_found for a word that no sample has had, with those that there were.
  Status check() const;

  bool wants_all() const { return filter_.empty(); }

 private:
  SampleFilter filter_;
  std::map<std::string, std::set<std::string>> seen_;
};

}  // namespace edgefusion::shards
