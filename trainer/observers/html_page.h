// The text of report.html.
#pragma once

#include <string>
#include <vector>

#include "trainer/observers/metrics_row.h"
#include "trainer/observers/observer.h"

namespace lockstep {

/// What the page shows. `result` holds the figures so far while its status is "running".
struct ReportContent {
  RunInfo info;
  RunResult result;
  std::vector<MetricsRow> rows;
  std::vector<std::string> warnings;
};

/// One self-contained page: no scripts, no requests. While the run goes on it reloads itself.
std::string html_page(const ReportContent& content);

/// The look of the page.
extern const char* const kReportStyle;

}  // namespace lockstep
