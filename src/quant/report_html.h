#pragma once

#include <string>

#include "quant/report.h"

namespace edgefusion::quant {

/// The report as one HTML page that needs nothing else: styles, charts (SVG), pictures (data: URLs)
/// and the few lines of script that sort its table are inside. It reads well without script, in
/// light and dark, and on paper.
std::string report_html(const QuantizationReport& report);

}  // namespace edgefusion::quant
