#pragma once

#include <string>
#include <vector>

#include "formats/image.h"
#include "quant/candidate.h"
#include "quant/findings.h"
#include "quant/report.h"
#include "quant/search.h"

namespace edgefusion::quant {

/// What a run of quantize_model() has found, to be told.
struct ReportSources {
  const LayerList& list;
  SchemeBook& book;
  const Calibration& calibration;
  const Findings& findings;
  const SearchGoal& goal;
  const SearchResult& result;
  double ms_before = 0, megabytes_before = 0;  ///< of a picture and of the model, in bf16
};

/// Everything but model, provenance and pictures.
QuantizationReport make_report(const ReportSources& sources);

/// Errors: those of writing PNG.
Result<ReportPicturePair> make_picture_pair(const std::string& prompt, const formats::Image& before,
                                            const formats::Image& after);

}  // namespace edgefusion::quant
