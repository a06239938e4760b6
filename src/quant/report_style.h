#pragma once

#include <string_view>

namespace edgefusion::quant {

/// What report_html.cc and svg_chart.cc need beside drawing::kPageStyle.
inline constexpr std::string_view kReportStyle = R"css(
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .3rem; }
.pair img { width: 100%; height: auto; display: block; border-radius: .25rem; }
svg.pareto { max-width: 40rem; }
svg.histogram { width: 132px; height: 34px; }
.curve { fill: none; stroke: var(--accent); stroke-width: 1.5; }
.point { fill: var(--accent); }
.chosen { fill: var(--page); stroke: var(--warn); stroke-width: 3; }
.bar, .kept { fill: var(--accent); }
.cut { fill: var(--warn); }
.limit { stroke: var(--ink); stroke-dasharray: 2 2; }
)css";

}  // namespace edgefusion::quant
