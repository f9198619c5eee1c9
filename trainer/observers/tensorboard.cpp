#include "trainer/observers/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "tensorboard_event.pb.h"
#include "trainer/observers/tf_record.h"

namespace lockstep {
namespace {

using tensorboard::Event;

double wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

std::string file_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("events.out.tfevents.{:010.0f}.{}.{}", wall_time(), host.data(), ::getpid());
}

Event event_at(int64_t step) {
  Event event;
  event.set_wall_time(wall_time());
  event.set_step(step);
  return event;
}

/// "train/loss"; what exists only for training needs no split.
std::string tag_of(const MetricsRow& row, const std::string& name) {
  return is_bookkeeping(name) ? name : row.split + "/" + name;
}

bool is_shown(const MetricsRow& row, const std::string& name) {
  return !is_bookkeeping(name) || (row.split == "train" && name != "seconds");
}

}  // namespace

TensorBoard::TensorBoard(std::filesystem::path run_dir) : run_dir_(std::move(run_dir)) {}
TensorBoard::~TensorBoard() = default;

void TensorBoard::on_start(const RunInfo& info) {
  file_ = std::make_unique<AppendFile>(run_dir_ / file_name());
  Event version = event_at(0);
  version.set_file_version("brain.Event:2");
  file_->append(tf_record(version.SerializeAsString()));
  Event start = event_at(info.start_step == 0 ? 0 : info.start_step + 1);
  start.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  file_->append(tf_record(start.SerializeAsString()));
}

void TensorBoard::add(const MetricsRow& row) {
  if (!file_) return;
  Event event = event_at(row.step);
  for (const auto& [name, value] : row.values) {
    if (!is_shown(row, name)) continue;
    auto* scalar = event.mutable_summary()->add_value();
    scalar->set_tag(tag_of(row, name));
    scalar->set_simple_value(static_cast<float>(value));
  }
  file_->append(tf_record(event.SerializeAsString()));
}

void TensorBoard::on_interval(const IntervalReport& report) {
  add(row_of(report));
}
void TensorBoard::on_evaluation(const EvaluationReport& report) {
  add(row_of(report));
}

}  // namespace lockstep
