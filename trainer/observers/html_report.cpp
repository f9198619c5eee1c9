#include "trainer/observers/html_report.h"

#include <algorithm>
#include <utility>

#include "data/base/atomic_file.h"

namespace lockstep {

HtmlReport::HtmlReport(std::filesystem::path run_dir) : run_dir_(std::move(run_dir)) {}

void HtmlReport::on_start(const RunInfo& info) {
  content_.info = info;
  content_.result.status = "running";
  content_.rows = read_metrics(run_dir_ / "metrics.jsonl", info.start_step);
  write();
}

void HtmlReport::add(MetricsRow row) {
  const bool known = std::any_of(
      content_.rows.rbegin(), content_.rows.rend(),
      [&](const MetricsRow& other) { return other.step == row.step && other.split == row.split; });
  if (!known) content_.rows.push_back(std::move(row));
}

void HtmlReport::on_interval(const IntervalReport& report) {
  add(row_of(report));
  // Until the run ends, the figures of the end are those so far.
  RunResult& so_far = content_.result;
  so_far.steps = report.step;
  so_far.epochs = report.epoch;
  so_far.seconds += report.seconds;
  so_far.time.compute += report.time.compute;
  so_far.time.communication += report.time.communication;
  so_far.time.data += report.time.data;
  so_far.time.checkpoint += report.time.checkpoint;
  so_far.time.evaluation += report.time.evaluation;
  so_far.time.other += report.time.other;
  if (report.seconds > 0)
    so_far.samples_per_second = static_cast<double>(report.samples) / report.seconds;
}

void HtmlReport::on_evaluation(const EvaluationReport& report) {
  add(row_of(report));
}

void HtmlReport::on_epoch(const EpochReport& report) {
  add(row_of(report));
  for (const EvaluationReport& evaluation : report.evaluations) add(row_of(evaluation));
  if (std::chrono::steady_clock::now() >= not_before_) write();
}

void HtmlReport::on_checkpoint(const CheckpointReport& report) {
  content_.result.last_checkpoint = report.folder.string();
}

void HtmlReport::on_warning(const std::string& text) {
  content_.warnings.push_back(text);
}

void HtmlReport::on_finish(const RunResult& result) {
  content_.result = result;
  write();
}

void HtmlReport::write() {
  const auto begin = std::chrono::steady_clock::now();
  write_file_atomically(run_dir_ / "report.html", html_page(content_));
  const auto end = std::chrono::steady_clock::now();
  not_before_ = end + 19 * (end - begin);
}

}  // namespace lockstep
