// metrics.jsonl and metrics.csv: every measurement of a run, for scripts and spreadsheets.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "trainer/observers/append_file.h"
#include "trainer/observers/metrics_row.h"
#include "trainer/observers/observer.h"

namespace lockstep {

/// metrics.jsonl is the record; metrics.csv is made from it, with a column for every name that
/// occurs. At the start both are brought to the step the run goes on from: lines of later steps
/// are dropped, since those steps are done again, and so is a line torn by a crash. A step appears
/// once per split. Throws Error(save_failed) when a file cannot be written.
class MetricsFiles : public Observer {
 public:
  explicit MetricsFiles(std::filesystem::path run_dir);

  void on_start(const RunInfo& info) override;
  void on_interval(const IntervalReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;
  void on_epoch(const EpochReport& report) override;

 private:
  void add(MetricsRow row);
  void rewrite_csv();

  std::filesystem::path jsonl_path_;
  std::filesystem::path csv_path_;
  std::unique_ptr<AppendFile> jsonl_;
  std::unique_ptr<AppendFile> csv_;
  std::vector<MetricsRow> rows_;
  std::vector<std::string> columns_;                   ///< of the csv, without step, epoch, split
  std::set<std::pair<std::string, int64_t>> written_;  ///< (split, step)
};

}  // namespace lockstep
