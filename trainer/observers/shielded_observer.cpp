#include "trainer/observers/shielded_observer.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace lockstep {

ShieldedObserver::ShieldedObserver(std::string what, std::unique_ptr<Observer> inner, Warn warn)
    : what_(std::move(what)), inner_(std::move(inner)), warn_(std::move(warn)) {}

template <class Call>
void ShieldedObserver::guarded(Call call) {
  if (quiet_) return;
  try {
    call(*inner_);
  } catch (const std::exception& problem) {
    quiet_ = true;
    warn_(fmt::format("no more {} for this run: {}", what_, problem.what()));
  }
}

void ShieldedObserver::on_start(const RunInfo& info) {
  guarded([&](Observer& inner) { inner.on_start(info); });
}
void ShieldedObserver::on_interval(const IntervalReport& report) {
  guarded([&](Observer& inner) { inner.on_interval(report); });
}
void ShieldedObserver::on_evaluation(const EvaluationReport& report) {
  guarded([&](Observer& inner) { inner.on_evaluation(report); });
}
void ShieldedObserver::on_epoch(const EpochReport& report) {
  guarded([&](Observer& inner) { inner.on_epoch(report); });
}
void ShieldedObserver::on_checkpoint(const CheckpointReport& report) {
  guarded([&](Observer& inner) { inner.on_checkpoint(report); });
}
void ShieldedObserver::on_warning(const std::string& text) {
  guarded([&](Observer& inner) { inner.on_warning(text); });
}
void ShieldedObserver::on_finish(const RunResult& result) {
  guarded([&](Observer& inner) { inner.on_finish(result); });
}

}  // namespace lockstep
