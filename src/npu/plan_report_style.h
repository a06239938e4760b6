#pragma once

#include <string_view>

namespace edgefusion::npu {

/// What plan_report_html.cc and its charts need beside drawing::kPageStyle.
inline constexpr std::string_view kPlanStyle = R"css(
.k0 { fill: #e08214; background: #e08214; } .k1 { fill: #2b8cbe; background: #2b8cbe; }
.k2 { fill: #41a36f; background: #41a36f; } .k3 { fill: #9467a8; background: #9467a8; }
.odd { fill-opacity: .6; }
.own { fill: var(--soft); fill-opacity: .25; }
.stays { fill: #7cc4ee; stroke: var(--page); stroke-width: 1; }
svg text.on { fill: #14181c; pointer-events: none; }
.before { fill: #b4babf; background: #b4babf; } .after { fill: #0b8a92; background: #0b8a92; }
figure { margin: 0; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
details { margin: 1rem 0; border-top: 1px solid var(--rule); padding-top: .75rem; }
summary { cursor: pointer; font-size: 1.15rem; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; color: var(--soft); }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; }
.bar { display: inline-block; width: 2rem; height: .7rem; background: var(--panel);
  margin-right: .4rem; vertical-align: -.05rem; }
.bar i { display: block; height: 100%; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 16rem; }
.tall { max-height: 32rem; overflow: auto; }
)css";

}  // namespace edgefusion::npu
