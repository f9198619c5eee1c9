// The run as it shows on a terminal or in a job's log: plain lines, nothing redrawn.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "trainer/observers/observer.h"

namespace lockstep {

/// Start: what runs. Every interval: a line. Every epoch: a row of the table. End: the figures,
/// where the time went and where everything lies. A stream that fails (a closed pipe, a full disk)
/// is left alone from then on; whoever owns the process ignores SIGPIPE.
class Progress : public Observer {
 public:
  /// `colours`: the stream is a terminal. `writes_files`: the run also leaves its report and
  /// metrics.
  Progress(std::ostream& out, bool colours, bool writes_files);

  void on_start(const RunInfo& info) override;
  void on_interval(const IntervalReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;
  void on_epoch(const EpochReport& report) override;
  void on_checkpoint(const CheckpointReport& report) override;
  void on_warning(const std::string& text) override;
  void on_finish(const RunResult& result) override;

 private:
  enum class Colour { heading, good, bad, quiet };

  std::string painted(Colour colour, const std::string& text) const;
  void line(const std::string& text);
  void entry(const std::string& label, const std::string& text);
  void write_epoch_table();
  void write_figures_of(const EvaluationReport& evaluation);
  void write_figures(const RunResult& result);
  void write_time(const RunResult& result);
  void write_places(const RunResult& result);
  std::string time_left(int64_t step) const;

  std::ostream& out_;
  bool colours_;
  bool writes_files_;
  RunInfo info_;
  std::vector<EpochReport> epochs_;
  std::string last_checkpoint_;
  std::string header_;               ///< of the epoch table, as last written
  bool header_is_in_sight_ = false;  ///< nothing came between the table's header and its next row
  bool rows_are_scattered_ = false;
  double seconds_ = 0;  ///< of all intervals so far
  int64_t steps_ = 0;
};

}  // namespace lockstep
