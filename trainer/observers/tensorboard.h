// TensorBoard's event file: the curves of a run, live, in a tool many have open anyway.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "trainer/observers/append_file.h"
#include "trainer/observers/metrics_row.h"
#include "trainer/observers/observer.h"

namespace lockstep {

/// Writes events.out.tfevents.TIME.HOST.PID: train/loss, test/accuracy, learning_rate,
/// gradient_norm, samples_per_second by step. Each start of a run adds a file, which tells
/// TensorBoard to drop the steps that are done again. Throws Error(save_failed).
class TensorBoard : public Observer {
 public:
  explicit TensorBoard(std::filesystem::path run_dir);
  ~TensorBoard() override;

  void on_start(const RunInfo& info) override;
  void on_interval(const IntervalReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;

 private:
  void add(const MetricsRow& row);

  std::filesystem::path run_dir_;
  std::unique_ptr<AppendFile> file_;
};

}  // namespace lockstep
