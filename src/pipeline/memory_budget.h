#pragma once

#include <cstdint>
#include <optional>

#include "core/log.h"
#include "core/result.h"
#include "engine/program.h"

namespace edgefusion::pipeline {

/// Memory of a request, per network; one network is in memory at a time (two while previewing).
struct GenerationForecast {
  engine::MemoryForecast text_encoder, unet, decoder;
  bool previews = false;
  int64_t used_bytes = 0;     ///< what the process has now
  int64_t picture_bytes = 0;  ///< what pictures take outside of the networks
  int64_t base_bytes() const { return used_bytes + picture_bytes; }
  /// Of the whole process: the base and the largest of what comes.
  int64_t peak_bytes() const;
  /// The same with weights read step by step.
  int64_t streamed_peak_bytes() const;
};

/// How much of a network's packed weights may be in memory at once; absent: all.
struct WeightBudgets {
  std::optional<int64_t> text_encoder, unet, decoder;
};

/// Keeps a picture within `limit` bytes: leaves alone the networks that fit and has the weights of
/// the others read step by step, with a word in the log for each. `can_stream`: there is a folder
/// to read them from. Errors: resource_exhausted with the forecast if that is not enough.
Result<WeightBudgets> fit_into_memory(const GenerationForecast& forecast, int64_t limit,
                                      bool can_stream, const LogSink& log);

}  // namespace edgefusion::pipeline
