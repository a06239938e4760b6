#pragma once

#include "core/result.h"
#include "core/runtime.h"
#include "quant/picture_trials.h"

namespace edgefusion::quant {

/// Least time in ms of some whole pictures: text encoder, all steps and decoder, as generate() runs
/// them one after the other; compiling and reading do not count. Errors: those of generate().
Result<double> whole_picture_ms(const Variant& variant, const std::string& prompt,
                                const TrialOptions& options, int pictures, const Runtime& runtime);

}  // namespace edgefusion::quant
