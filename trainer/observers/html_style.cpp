#include "trainer/observers/html_page.h"

namespace lockstep {

const char* const kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1c2330; --soft: #5d6778; --line: #e2e6ec;
  --accent: #2f6fed; --good: #14804a; --warn: #a15c00; --bad: #c02b2b;
  --series-0: #2f6fed; --series-1: #e8710a; --series-2: #12976b;
  --series-3: #9747d6; --series-4: #d33c5c; --series-5: #0e8fa8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12151b; --card: #1b2029; --ink: #e6e9ef; --soft: #98a2b3; --line: #2d3440;
    --accent: #6ea0ff; --good: #4cc38a; --warn: #f0b04a; --bad: #ff7d7d;
    --series-0: #6ea0ff; --series-1: #ff9d4d; --series-2: #4cc38a;
    --series-3: #c08bf5; --series-4: #ff7d98; --series-5: #4fc3d9;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1160px; margin: 0 auto; padding: 36px 24px 64px; }
header h1 { margin: 0; font-size: 30px; letter-spacing: -.02em; display: flex; gap: 14px; align-items: center; }
header p { margin: 6px 0 0; color: var(--soft); }
h2 { font-size: 13px; letter-spacing: .07em; text-transform: uppercase; color: var(--soft); margin: 36px 0 12px; }
.pill {
  font-size: 13px; font-weight: 600; letter-spacing: 0; padding: 3px 12px; border-radius: 99px;
  color: var(--pill); border: 1px solid var(--pill);
}
.running { --pill: var(--accent); } .finished { --pill: var(--good); }
.drained { --pill: var(--warn); } .failed { --pill: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); gap: 14px; margin-top: 24px; }
.card, figure, .panel { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.card { padding: 14px 18px; }
.card span { display: block; color: var(--soft); font-size: 13px; }
.card b { font-size: 24px; font-weight: 650; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 14px; }
figure { margin: 0; padding: 16px 16px 8px; min-width: 0; }
figcaption { display: flex; gap: 8px; align-items: baseline; margin-bottom: 4px; }
figcaption small, .none { color: var(--soft); }
.legend { margin-left: auto; display: flex; flex-wrap: wrap; gap: 4px 14px; color: var(--soft); font-size: 13px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
svg { width: 100%; height: auto; display: block; }
svg path { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
svg circle { fill: var(--card); stroke: var(--c); stroke-width: 1.8; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); opacity: .6; }
svg .tick { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.panel { padding: 16px 18px; overflow-x: auto; }
.panel.flush { padding: 4px 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 18px; text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: 13px; }
tr + tr > * { border-top: 1px solid var(--line); }
td.best { color: var(--good); font-weight: 650; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 24px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.bar { display: flex; height: 26px; border-radius: 7px; overflow: hidden; background: var(--line); margin-bottom: 12px; }
.shares { margin: 0; justify-content: flex-start; font-size: 14px; gap: 6px 22px; }
.shares b { color: var(--ink); font-variant-numeric: tabular-nums; }
.examples { display: grid; gap: 14px; }
.examples p { margin: 0 0 8px; }
.picture { display: flex; gap: 14px; align-items: center; margin: 6px 0; }
.picture span { color: var(--soft); font-size: 13px; min-width: 76px; }
.picture img { image-rendering: pixelated; border-radius: 4px; }
.hints, .warnings { margin: 12px 0 0; padding-left: 20px; }
.message { border-left: 4px solid var(--bad); white-space: pre-wrap; }
pre { margin: 0; font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
summary { cursor: pointer; color: var(--accent); }
details[open] summary { margin-bottom: 10px; }
footer { margin-top: 36px; color: var(--soft); font-size: 13px; }
@media print { body { background: none; } figure, .card, .panel { break-inside: avoid; } }
)css";

}  // namespace lockstep
