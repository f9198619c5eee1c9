// Evaluations compared with each other: which was the best, when to stop, when to lower the rate.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trainer/observers/observer.h"
#include "trainer/optimizer_config.h"
#include "trainer/selection_config.h"

namespace lockstep {

/// The same on every rank, for all see the same reports. Its state is a few numbers that
/// checkpoints keep, so that a run that goes on decides as one that was never stopped.
class Selection {
 public:
  /// `splits`: those that are evaluated, in that order; `validation` is the one of the config.
  /// Throws Error(config) when something is to be compared and there is no such split.
  Selection(const SelectConfig& config, const ScheduleConfig& schedule,
            const std::vector<std::string>& splits, const std::string& validation);

  /// Takes note of one evaluation of all splits. Throws Error(config) when it has no such metric.
  void see(const std::vector<EvaluationReport>& reports);

  /// Whether anything depends on evaluations.
  bool active() const { return active_; }
  /// Whether the evaluation seen last is the best one.
  bool last_is_best() const { return active_ && since_best_ == 0 && seen_ > 0; }
  bool out_of_patience() const { return config_.patience > 0 && since_best_ >= config_.patience; }
  /// What `schedule.kind: plateau` has made of the learning rate.
  double rate_factor() const { return rate_factor_; }

  /// All splits' figures of the best evaluation; empty before the first.
  const std::vector<EvaluationReport>& best() const { return best_; }
  /// "validation accuracy 0.913 at step 900".
  std::string best_in_words() const;

  /// Numbers by name, for checkpoints, and back.
  std::map<std::string, double> state() const;
  void restore(const std::map<std::string, double>& state);

 private:
  double value_in(const std::vector<EvaluationReport>& reports) const;
  /// By more than a share of the best value.
  bool is_better(double value, double best, double margin) const;
  void lower_rate(double value);

  SelectConfig config_;
  ScheduleConfig schedule_;
  std::string split_;
  bool active_ = false;
  bool higher_ = false;
  int64_t seen_ = 0;
  int64_t since_best_ = 0;  ///< evaluations
  std::vector<EvaluationReport> best_;
  double rate_factor_ = 1;
  double plateau_best_ = 0;  ///< the value that the rate's next lowering is judged by
  int64_t since_plateau_best_ = 0;
};

}  // namespace lockstep
