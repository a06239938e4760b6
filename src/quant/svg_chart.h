#pragma once

#include <string>
#include <vector>

#include "quant/report.h"

namespace edgefusion::quant {

// Charts as inline SVG of HTML, coloured by the classes of report_style.h, so that they follow the
// page into the dark. Texts are escaped here. Values that are not finite are left out.

/// Expected SQNR against cost: a line through all points, the chosen one marked.
std::string pareto_chart(const ReportCurve& curve);

struct ChartBar {
  std::string label;
  double value = 0;
};

/// Horizontal bars from 0, one below the other in the order given.
std::string bar_chart(const std::vector<ChartBar>& bars, const std::string& unit);

/// A small histogram, heights by the root of the counts, with what the range cuts off in another
/// colour and lines at its ends.
std::string histogram_chart(const ReportActivation& activation);

}  // namespace edgefusion::quant
