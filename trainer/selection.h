// Evaluations compared with each other: which was the best, when to stop, when to lower the rate.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/observers/observer.h"
#include "trainer/optimizer_config.h"
#include "trainer/selection_config.h"
#include "trainer/selection_state.h"

namespace lockstep {

/// The same on every rank, for all see the same reports. Checkpoints keep its state, so that a
/// run that goes on decides as one that was never stopped.
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
  bool last_is_best() const { return active_ && state_.since_best == 0 && state_.seen > 0; }
  bool out_of_patience() const {
    return config_.patience > 0 && state_.since_best >= config_.patience;
  }
  /// What `schedule.kind: plateau` has made of the learning rate.
  double rate_factor() const { return state_.rate_factor; }

  /// All splits' figures of the best evaluation; empty before the first.
  const std::vector<EvaluationReport>& best() const { return state_.best; }
  /// "validation accuracy 0.913 at step 900".
  std::string best_in_words() const;

  /// For checkpoints, and back.
  const SelectionState& state() const { return state_; }
  void restore(const SelectionState& state) { state_ = state; }

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
  SelectionState state_;
};

}  // namespace lockstep
