#pragma once

#include <string_view>

namespace edgefusion::profile {

/// What profile_html.cc and its charts need beside drawing::kPageStyle. Families of ops have tints
/// that black letters can be read on and that differ in lightness too.
inline constexpr std::string_view kProfileStyle = R"css(
.f0 { fill: #f2b84b; background: #f2b84b; } .f1 { fill: #f6e27f; background: #f6e27f; }
.f2 { fill: #7cc4ee; background: #7cc4ee; } .f3 { fill: #ee9262; background: #ee9262; }
.f4 { fill: #5cc79f; background: #5cc79f; } .f5 { fill: #dda0c4; background: #dda0c4; }
.f6 { fill: #9fb0bf; background: #9fb0bf; } .f7 { fill: #c9ccd0; background: #c9ccd0; }
figure { margin: 0; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; color: var(--soft);
  margin: .5rem 0; }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem;
  margin-right: .35rem; vertical-align: -.1rem; }
svg.roofline circle { fill-opacity: .8; stroke: #14181c; stroke-width: .5; }
.roof { stroke: var(--ink); stroke-width: 1.5; }
.slope { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 3; }
svg .strong { fill: var(--ink); }
svg.treemap rect, svg.timeline rect { stroke: var(--page); stroke-width: .5; }
svg.treemap text { fill: #14181c; pointer-events: none; }
svg.treemap .network { fill: none; stroke: var(--page); stroke-width: 4; pointer-events: none; }
svg.treemap .block { fill: none; stroke: var(--page); stroke-width: 2; pointer-events: none; }
svg.timeline .frame { fill: var(--panel); }
svg.timeline .thin { stroke-width: 0; }
.alive { fill: var(--accent); fill-opacity: .55; stroke: none; }
.arena { stroke: var(--soft); stroke-dasharray: 4 3; }
.peak { fill: var(--warn); }
tr.slower td { color: var(--warn); }
)css";

}  // namespace edgefusion::profile
