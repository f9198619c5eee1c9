#include "trainer/observers/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <utility>

#include "trainer/observers/epoch_table.h"
#include "trainer/observers/number_text.h"
#include "trainer/observers/text_table.h"
#include "trainer/observers/time_shares.h"

namespace lockstep {
namespace {

constexpr int kBarWidth = 40;
constexpr size_t kLineWidth = 120, kLabelWidth = 18;

std::string metrics_text(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    text += fmt::format("   {} {:>8}", name, metric_text(name, value));
  }
  return text;
}

/// "node01 (2 ranks), node02 (2 ranks)"
std::string hosts_text(const std::vector<std::string>& hosts) {
  std::map<std::string, int> ranks;
  for (const std::string& host : hosts) ++ranks[host];
  std::string text;
  for (const auto& [host, count] : ranks) {
    text += fmt::format("{}{} ({} rank{})", text.empty() ? "" : ", ", host, count,
                        count == 1 ? "" : "s");
  }
  return text;
}

std::string ranks_text(const RunInfo& info) {
  return fmt::format("{} x {}, communication: {}{}{}", info.world_size, info.device,
                     info.communication, info.hosts.empty() ? "" : ", on ", hosts_text(info.hosts));
}

std::string steps_text(const RunInfo& info) {
  std::string text = count_text(info.total_steps);
  if (info.steps_per_epoch > 0) {
    text += fmt::format(", {} to an epoch", count_text(info.steps_per_epoch));
  }
  if (info.start_step > 0)
    text += fmt::format("; continued after step {}", count_text(info.start_step));
  return text;
}

std::string headline(const RunResult& result) {
  const char* how = result.status == "finished"  ? "Finished"
                    : result.status == "drained" ? "Stopped"
                                                 : "Failed";
  return fmt::format("{} after {} steps in {}", how, count_text(result.steps),
                     duration_text(result.seconds));
}

}  // namespace

Progress::Progress(std::ostream& out, bool colours, bool writes_files)
    : out_(out), colours_(colours), writes_files_(writes_files) {}

std::string Progress::painted(Colour colour, const std::string& text) const {
  if (!colours_ || text.empty()) return text;
  // SGR codes of ECMA-48: bold, bold green, bold red, faint.
  static const std::map<Colour, const char*> kCodes = {
      {Colour::heading, "1"}, {Colour::good, "1;32"}, {Colour::bad, "1;31"}, {Colour::quiet, "2"}};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes.at(colour), text);
}

void Progress::line(const std::string& text) {
  if (out_) out_ << text << '\n' << std::flush;
}

void Progress::entry(const std::string& label, const std::string& text) {
  line(fmt::format("  {}  {}", painted(Colour::quiet, fmt::format("{:<14}", label)), text));
}

void Progress::on_start(const RunInfo& info) {
  info_ = info;
  line(painted(Colour::heading, fmt::format("Training {}", info.config_name)));
  entry("task", info.task);
  entry("model", fmt::format("{}; {} parameters", info.model_summary, count_text(info.parameters)));
  entry("data", fmt::format("{} samples, {} in a global batch", count_text(info.train_samples),
                            count_text(info.batch_size)));
  entry("ranks", ranks_text(info));
  entry("steps", steps_text(info));
  if (writes_files_) entry("run folder", info.run_dir.string());
  for (size_t i = 0; i < info.notes.size(); ++i) entry(i == 0 ? "weights" : "", info.notes[i]);
  line("");
}

std::string Progress::time_left(int64_t step) const {
  if (steps_ == 0 || step >= info_.total_steps) return "";
  const double seconds =
      seconds_ / static_cast<double>(steps_) * static_cast<double>(info_.total_steps - step);
  return fmt::format("   {} left", duration_text(seconds));
}

void Progress::on_interval(const IntervalReport& report) {
  seconds_ += report.seconds;
  steps_ += report.steps;
  header_is_in_sight_ = false;
  const std::string total = count_text(info_.total_steps);
  std::string text = fmt::format("epoch {:>2}   step {:>{}}/{}{}   lr {:.3g}", report.epoch,
                                 count_text(report.step), total.size(), total,
                                 metrics_text(report.metrics), report.learning_rate);
  if (report.seconds > 0) {
    text += fmt::format("   {:>7} samples/s",
                        rate_text(static_cast<double>(report.samples) / report.seconds));
  }
  line(text + painted(Colour::quiet, time_left(report.step)));
}

void Progress::on_evaluation(const EvaluationReport& report) {
  // At the end of an epoch the table shows it.
  if (info_.steps_per_epoch > 0 && report.step % info_.steps_per_epoch == 0) return;
  header_is_in_sight_ = false;
  line(fmt::format("epoch {:>2}   step {:>{}}{}   {}", report.epoch, count_text(report.step),
                   count_text(info_.total_steps).size(), metrics_text(report.metrics),
                   painted(Colour::heading, "(" + report.split + ")")));
}

void Progress::on_epoch(const EpochReport& report) {
  epochs_.push_back(report);
  const std::vector<std::string> columns = columns_that_fit(epochs_, kLineWidth);
  TextTable table(columns);
  // All rows so far, so that a row stands below the one before it.
  for (const EpochReport& epoch : epochs_) table.add(epoch_cells(epoch, columns));
  const bool follows = header_is_in_sight_ && table.header() == header_;
  rows_are_scattered_ = rows_are_scattered_ || (table.rows() > 1 && !follows);
  header_ = table.header();
  if (!follows) line(painted(Colour::heading, header_));
  line(table.row(table.rows() - 1));
  header_is_in_sight_ = true;
}

void Progress::on_checkpoint(const CheckpointReport& report) {
  last_checkpoint_ = report.folder.string();
}

void Progress::on_warning(const std::string& text) {
  header_is_in_sight_ = false;
  line(painted(Colour::bad, "warning: ") + text);
}

void Progress::write_epoch_table() {
  if (!rows_are_scattered_) return;
  const std::vector<std::string> columns = columns_that_fit(epochs_, kLineWidth);
  TextTable table(columns);
  for (const EpochReport& epoch : epochs_) table.add(epoch_cells(epoch, columns));
  line("");
  line(painted(Colour::heading, table.header()));
  for (size_t i = 0; i < table.rows(); ++i) line(table.row(i));
}

/// A split's figures, as many to a line as there is room for.
void Progress::write_figures_of(const EvaluationReport& evaluation) {
  std::string label = evaluation.split, text;
  for (const auto& [name, value] : evaluation.metrics) {
    const std::string figure = fmt::format("{} {:>8}", name, metric_text(name, value));
    if (!text.empty() && kLabelWidth + text.size() + 3 + figure.size() > kLineWidth) {
      entry(std::exchange(label, ""), std::exchange(text, ""));
    }
    text += (text.empty() ? "" : "   ") + figure;
  }
  entry(label, text);
}

void Progress::write_figures(const RunResult& result) {
  for (const EvaluationReport& evaluation : result.evaluations) write_figures_of(evaluation);
  entry("speed", fmt::format("{} samples/s, a step {:.3g} ms (95 % of them under {:.3g} ms)",
                             rate_text(result.samples_per_second), result.step_milliseconds_p50,
                             result.step_milliseconds_p95));
  if (result.peak_memory_bytes > 0) entry("peak memory", bytes_text(result.peak_memory_bytes));
}

void Progress::write_time(const RunResult& result) {
  line("");
  line(painted(Colour::heading, "Where the time went"));
  for (const TimeShare& share : time_shares(result)) {
    const auto length = static_cast<size_t>(std::lround(share.fraction * kBarWidth));
    line(fmt::format("  {:<22}{:>6.1f} %  {}", share.label, 100 * share.fraction,
                     painted(Colour::quiet, std::string(length, '#'))));
  }
  for (const std::string& advice : advice_on(result)) line("  hint: " + advice);
}

void Progress::write_places(const RunResult& result) {
  const std::string& checkpoint =
      result.last_checkpoint.empty() ? last_checkpoint_ : result.last_checkpoint;
  if (!writes_files_ && checkpoint.empty()) return;
  line("");
  line(painted(Colour::heading, "Where everything lies"));
  if (writes_files_) {
    entry("report", (info_.run_dir / "report.html").string());
    entry("figures", (info_.run_dir / "result.json").string());
    entry("metrics", (info_.run_dir / "metrics.csv").string() +
                         ", metrics.jsonl, TensorBoard events beside it");
  }
  if (!checkpoint.empty()) entry("checkpoint", checkpoint);
}

void Progress::on_finish(const RunResult& result) {
  write_epoch_table();
  line("");
  line(painted(result.status == "failed" ? Colour::bad : Colour::good, headline(result)));
  if (!result.message.empty()) line("  " + result.message);
  write_figures(result);
  if (!result.best_in_words.empty()) entry("best", result.best_in_words);
  write_time(result);
  write_places(result);
  if (result.status == "drained") {
    line("");
    line("Stopped on request. Run the same command again to go on from here.");
  }
}

}  // namespace lockstep
