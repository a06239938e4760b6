#pragma once

#include <string>

#include "quant/report.h"

namespace edgefusion::quant {

/// The report as JSON, with the names of report.h, in their order. What was not measured is not
/// there; null stands for infinite decibels. Pictures are in base64.
std::string report_json(const QuantizationReport& report);

}  // namespace edgefusion::quant
