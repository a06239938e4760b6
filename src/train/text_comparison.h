#pragma once

#include "core/result.h"
#include "train/text_corpus.h"
#include "train/text_pair.h"
#include "train/text_report.h"

namespace edgefusion::train {

/// Compares them on what the corpus has kept apart. Errors: those of TextPair::means.
Result<TextReport> compare_texts(const TextCorpus& corpus, TextPair& pair,
                                 const Parameters& student);

}  // namespace edgefusion::train
