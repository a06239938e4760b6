#pragma once

#include <string>
#include <vector>

#include "core/log.h"
#include "core/result.h"
#include "train/text_config.h"

namespace edgefusion::train {

/// The texts of a run, each once, in an order that is the files' alone.
struct TextCorpus {
  std::vector<std::string> captions;    ///< of shards and files of texts
  std::vector<std::string> dictionary;  ///< "apple" and "apple: fruit with red or yellow ..."
  /// For the report, in no text above but perhaps inside of a definition.
  std::vector<std::string> unseen_captions, unseen_words;
};

/// The files of the config are there: to be asked where they are not to be read. Errors: those of
/// opening the first that is not, as read_text_corpus has them.
Status check_text_files(const TextConfig& config);

/// Reads it from the config's files. Of shards no picture is decoded. Lines that are no UTF-8 are
/// counted to the log, and a shard that ends too early is named. Errors: not_found (a file; no text
/// at all), bad_file.
Result<TextCorpus> read_text_corpus(const TextConfig& config, const LogSink& log);

}  // namespace edgefusion::train
