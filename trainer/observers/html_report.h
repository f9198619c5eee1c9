// report.html: the run on one page that needs nothing else, in light and dark.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/observers/html_page.h"
#include "trainer/observers/observer.h"

namespace lockstep {

/// Writes the page at the start, at the end and at ends of epochs between, there at most so often
/// that it takes a twentieth of the time. A continued run shows its whole history, read from
/// metrics.jsonl. Throws Error(save_failed).
class HtmlReport : public Observer {
 public:
  explicit HtmlReport(std::filesystem::path run_dir);

  void on_start(const RunInfo& info) override;
  void on_interval(const IntervalReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;
  void on_epoch(const EpochReport& report) override;
  void on_checkpoint(const CheckpointReport& report) override;
  void on_warning(const std::string& text) override;
  void on_finish(const RunResult& result) override;

 private:
  void add(MetricsRow row);
  void write();

  std::filesystem::path run_dir_;
  ReportContent content_;
  std::chrono::steady_clock::time_point not_before_;
};

}  // namespace lockstep
