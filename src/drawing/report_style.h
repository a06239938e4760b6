#pragma once

#include <string_view>

namespace edgefusion::drawing {

/// The style sheet of reports as one HTML page: text, tables, tiles with figures, axes of charts;
/// in light and dark.
inline constexpr std::string_view kPageStyle = R"css(
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1b1d1f; --soft: #5f666d; --rule: #dfe2e4;
  --panel: #f2f3f3; --accent: #0b6e75; --warn: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181a; --ink: #e6e8ea; --soft: #9aa2a9; --rule: #33383c; --panel: #1f2225;
    --accent: #4cc2c9; --warn: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0 .75rem; max-width: 65ch; }
.soft { color: var(--soft); }
.warn { color: var(--warn); font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
.row > * { flex: 1 1 24rem; margin: 0; }
.tiles > * { flex: 1 1 9rem; background: var(--panel); border-radius: .5rem; padding: .6rem .8rem; }
.tiles b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; vertical-align: middle; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th.text, td.text { text-align: left; }
td.long { white-space: normal; min-width: 14rem; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort=ascending] button::after { content: " \2191"; }
th[aria-sort=descending] button::after { content: " \2193"; }
figure figcaption { font-size: .9rem; margin-top: .3rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; }
svg.bars { max-width: 58rem; }
.grid { stroke: var(--rule); }
@media print { body { max-width: none; } }
)css";

/// Makes the headers of the table with the class "sortable" buttons that sort its rows: by data-v
/// of the cells if they have it, otherwise by their text; empty values stay last.
inline constexpr std::string_view kSortScript = R"js(
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const numbers = "v" in (body.rows[0]?.cells[column].dataset ?? {});
      const order = (a, b) => numbers ? a - b : a.localeCompare(b);
      const rows = [...body.rows].map(row => [key(row), row]).sort(([a], [b]) =>
        a === "" || b === "" ? (a === "") - (b === "") : down ? order(b, a) : order(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
)js";

}  // namespace edgefusion::drawing
