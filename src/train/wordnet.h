#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::train {

/// A word or phrase and one of its meanings.
struct DictionaryEntry {
  std::string word;
  std::string definition;  ///< without its examples; may be empty
};

/// Reads the folder of a WordNet (Miller 1995; Princeton's files, man page wndb(5WN)): data.noun,
/// data.verb, data.adj and data.adv as far as they are there, one entry for each word of each
/// synset, in their order. Errors: not_found (none of the files), bad_file naming file and line.
Result<std::vector<DictionaryEntry>> read_wordnet(const std::filesystem::path& folder);

}  // namespace edgefusion::train
