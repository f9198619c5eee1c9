#include "trainer/selection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "data/base/error.h"

namespace lockstep {
namespace {

bool higher_is_better(const std::string& metric) {
  constexpr std::array<std::string_view, 10> kHigher = {
      "accuracy", "f1", "bleu", "recall", "mrr", "ndcg", "auc", "correlation", "mcc", "coverage"};
  return std::any_of(kHigher.begin(), kHigher.end(),
                     [&](std::string_view part) { return metric.find(part) != std::string::npos; });
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
  ++seen_;
  if (best_.empty() || is_better(value, value_in(best_), 0)) {
    best_ = reports;
    since_best_ = 0;
  } else {
    ++since_best_;
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
  if (seen_ == 1 || is_better(value, plateau_best_, schedule_.threshold)) {
    plateau_best_ = value;
    since_plateau_best_ = 0;
    return;
  }
  if (is_better(value, plateau_best_, 0)) plateau_best_ = value;
  if (++since_plateau_best_ <= schedule_.patience) return;
  rate_factor_ = std::max(schedule_.final_factor, rate_factor_ * schedule_.factor);
  since_plateau_best_ = 0;
}

std::string Selection::best_in_words() const {
  if (best_.empty()) return {};
  return fmt::format("{} {} {:.6g} at step {}", split_, config_.metric, value_in(best_),
                     best_.front().step);
}

std::map<std::string, double> Selection::state() const {
  if (!active_) return {};
  std::map<std::string, double> state = {
      {"seen", static_cast<double>(seen_)},
      {"since_best", static_cast<double>(since_best_)},
      {"rate_factor", rate_factor_},
      {"plateau_best", plateau_best_},
      {"since_plateau_best", static_cast<double>(since_plateau_best_)}};
  for (size_t i = 0; i < best_.size(); ++i) {
    const EvaluationReport& report = best_[i];
    const std::string place = fmt::format("best/{}/{}", i, report.split);
    state[place + "/step"] = static_cast<double>(report.step);
    state[place + "/epoch"] = static_cast<double>(report.epoch);
    state[place + "/samples"] = static_cast<double>(report.samples);
    for (size_t k = 0; k < report.metrics.size(); ++k) {
      state[fmt::format("{}/metric/{:04}/{}", place, k, report.metrics[k].first)] =
          report.metrics[k].second;
    }
  }
  return state;
}

void Selection::restore(const std::map<std::string, double>& state) {
  best_.clear();
  const auto number = [&](const char* name, double otherwise) {
    const auto found = state.find(name);
    return found == state.end() ? otherwise : found->second;
  };
  seen_ = static_cast<int64_t>(number("seen", 0));
  since_best_ = static_cast<int64_t>(number("since_best", 0));
  rate_factor_ = number("rate_factor", 1);
  plateau_best_ = number("plateau_best", 0);
  since_plateau_best_ = static_cast<int64_t>(number("since_plateau_best", 0));
  for (const auto& [name, value] : state) {  // in order of reports, then of metrics
    if (!name.starts_with("best/")) continue;
    const size_t split_at = name.find('/', 5) + 1;
    const size_t what_at = name.find('/', split_at) + 1;
    const std::string split = name.substr(split_at, what_at - 1 - split_at);
    const std::string what = name.substr(what_at);
    if (best_.empty() || best_.back().split != split) {
      best_.emplace_back();
      best_.back().split = split;
    }
    EvaluationReport& report = best_.back();
    if (what == "step") report.step = static_cast<int64_t>(value);
    if (what == "epoch") report.epoch = static_cast<int64_t>(value);
    if (what == "samples") report.samples = static_cast<int64_t>(value);
    if (what.starts_with("metric/")) report.metrics.emplace_back(what.substr(12), value);
  }
}

}  // namespace lockstep
