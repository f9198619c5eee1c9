#include "trainer/observers/observer.h"

namespace lockstep {

void Observers::on_start(const RunInfo& info) {
  for (auto& observer : observers_) observer->on_start(info);
}
void Observers::on_interval(const IntervalReport& report) {
  for (auto& observer : observers_) observer->on_interval(report);
}
void Observers::on_evaluation(const EvaluationReport& report) {
  for (auto& observer : observers_) observer->on_evaluation(report);
}
void Observers::on_epoch(const EpochReport& report) {
  for (auto& observer : observers_) observer->on_epoch(report);
}
void Observers::on_checkpoint(const CheckpointReport& report) {
  for (auto& observer : observers_) observer->on_checkpoint(report);
}
void Observers::on_warning(const std::string& text) {
  for (auto& observer : observers_) observer->on_warning(text);
}
void Observers::on_finish(const RunResult& result) {
  for (auto& observer : observers_) observer->on_finish(result);
}

}  // namespace lockstep
