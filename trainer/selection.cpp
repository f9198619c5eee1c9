#include "trainer/selection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// By the words of a name, such as "topic_macro_f1": "map" is a word of its own, not a part of
/// "smape".
bool higher_is_better(const std::string& metric) {
  constexpr std::array<std::string_view, 15> kHigher = {
      "accuracy",    "f1",  "bleu",     "recall", "map",   "mrr",    "ndcg", "auc",
      "correlation", "mcc", "coverage", "exact",  "legal", "within", "paths"};
  for (size_t begin = 0; begin <= metric.size();) {
    const size_t end = std::min(metric.size(), metric.find('_', begin));
    const std::string_view word(metric.data() + begin, end - begin);
    if (std::find(kHigher.begin(), kHigher.end(), word) != kHigher.end()) return true;
    begin = end + 1;
  }
  return false;
}

const EvaluationReport* find_report(const std::vector<EvaluationReport>& reports,
                                    const std::string& split) {
  const auto found = std::find_if(reports.begin(), reports.end(),
                                  [&](const auto& report) { return report.split == split; });
  return found == reports.end() ? nullptr : &*found;
}

std::string names_of(const Metrics& metrics) {
  std::string names;
  for (const auto& [name, value] : metrics) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

Selection::Selection(const SelectConfig& config, const ScheduleConfig& schedule,
                     const std::vector<std::string>& splits, const std::string& validation)
    : config_(config),
      schedule_(schedule),
      split_(config.split),
      active_(config.keep_best || config.patience > 0 || schedule.kind == "plateau"),
      higher_(config.better == "auto" ? higher_is_better(config.metric)
                                      : config.better == "higher") {
  const auto is_there = [&](const std::string& split) {
    return std::find(splits.begin(), splits.end(), split) != splits.end();
  };
  if (split_.empty() && !splits.empty()) {
    split_ = is_there(validation) ? validation : splits.front();
  }
  if (!active_ || is_there(split_)) return;
  throw Error(
      ExitCode::config,
      split_.empty() ? "nothing is evaluated, so no evaluation can be selected"
                     : fmt::format("select.split: \"{}\" is not evaluated", split_),
      "select.keep_best, select.patience and schedule.kind: plateau need a validation split "
      "in the data set");
}

void Selection::see(const std::vector<EvaluationReport>& reports) {
  if (!active_) return;
  const double value = value_in(reports);
  ++state_.seen;
  if (state_.best.empty() || is_better(value, value_in(state_.best), 0)) {
    state_.best = reports;
    state_.since_best = 0;
  } else {
    ++state_.since_best;
  }
  if (schedule_.kind == "plateau") lower_rate(value);
}

double Selection::value_in(const std::vector<EvaluationReport>& reports) const {
  const EvaluationReport* report = find_report(reports, split_);
  LOCKSTEP_CHECK(report != nullptr, "split {} was not evaluated", split_);
  for (const auto& [name, value] : report->metrics) {
    if (name == config_.metric) return value;
  }
  throw Error(ExitCode::config,
              fmt::format("select.metric: evaluations have no \"{}\"", config_.metric),
              "they have: " + names_of(report->metrics));
}

/// What is not a number is never better, and anything is better than it.
bool Selection::is_better(double value, double best, double margin) const {
  if (std::isnan(value)) return false;
  if (std::isnan(best)) return true;
  const double needed = margin * std::abs(best);
  return higher_ ? value > best + needed : value < best - needed;
}

/// After Kaldi's and RETURNN's newbob and PyTorch's ReduceLROnPlateau.
void Selection::lower_rate(double value) {
  if (state_.seen == 1 || is_better(value, state_.plateau_best, schedule_.threshold)) {
    state_.plateau_best = value;
    state_.since_plateau_best = 0;
    return;
  }
  if (is_better(value, state_.plateau_best, 0)) state_.plateau_best = value;
  if (++state_.since_plateau_best <= schedule_.patience) return;
  state_.rate_factor = std::max(schedule_.final_factor, state_.rate_factor * schedule_.factor);
  state_.since_plateau_best = 0;
}

std::string Selection::best_in_words() const {
  if (state_.best.empty()) return {};
  return fmt::format("{} {} {:.6g} at step {}", split_, config_.metric, value_in(state_.best),
                     state_.best.front().step);
}

}  // namespace lockstep
