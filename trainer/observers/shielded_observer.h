// Keeps what goes wrong in an observer away from training.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trainer/observers/observer.h"

namespace lockstep {

/// Passes everything on to `inner` until it throws: then says so once and stays quiet. A full disk
/// under a log file must not end a run.
class ShieldedObserver : public Observer {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// `what` names the observer in the warning: "metrics files".
  ShieldedObserver(std::string what, std::unique_ptr<Observer> inner, Warn warn);

  void on_start(const RunInfo& info) override;
  void on_interval(const IntervalReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;
  void on_epoch(const EpochReport& report) override;
  void on_checkpoint(const CheckpointReport& report) override;
  void on_warning(const std::string& text) override;
  void on_finish(const RunResult& result) override;

 private:
  template <class Call>
  void guarded(Call call);

  std::string what_;
  std::unique_ptr<Observer> inner_;
  bool quiet_ = false;  ///< it has failed
  Warn warn_;
};

}  // namespace lockstep
