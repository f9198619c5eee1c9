// The session behind `lockstep monitor`.
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/base/atomic_file.h"
#include "data/base/json_value.h"
#include "trainer/monitor/line_source.h"
#include "trainer/monitor/result_log.h"
#include "trainer/opinion_reader.h"
#include "trainer/session.h"
#include "trainer/stopwatch.h"

namespace lockstep {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "lockstep-monitor";
constexpr int kFormatVersion = 3;
constexpr int kOldestFormatVersion = 2;
/// Enough for batches of like lengths; few enough that results come soon.
constexpr size_t kBlockLines = 4096;

/// Nothing when there is no such file. Throws Error(corrupt).
std::optional<json> read_monitor_state(const std::filesystem::path& path) {
  if (path.empty() || !std::filesystem::exists(path)) return std::nullopt;
  json state = parse_json(read_file(path), path);
  const JsonValue value(state, path);
  if (value.member("format").text() != kFormat) value.fail("is no state of `lockstep monitor`");
  value.member("format_version").integer(kOldestFormatVersion, kFormatVersion);
  value.member("input_bytes").integer(0);
  value.member("output_bytes").integer(0);
  return state;
}

/// The models, which cannot be copied as functions are.
ReadOpinions reader_of(const MonitorRequest& request) {
  const auto reader = std::make_shared<OpinionReader>(request.topics, request.sentiments,
                                                      request.device, request.config);
  return [reader](const std::vector<std::string>& texts) { return (*reader)(texts); };
}

/// What was written without its state must not be lost to a monitor that begins anew.
void refuse_foreign_output(const MonitorRequest& request) {
  std::error_code ignored;
  if (request.state.empty() || request.output == "-") return;
  if (!std::filesystem::exists(request.output, ignored)) return;
  if (std::filesystem::file_size(request.output, ignored) == 0) return;
  throw Error(ExitCode::save_failed,
              fmt::format("{}: holds results, but there is no state {} to go on from",
                          request.output, request.state.string()),
              "name another --output, or move the file away");
}

/// Monitor, input and output with their places, as one thing that is saved.
class MonitorSession {
 public:
  MonitorSession(const MonitorRequest& request, std::ostream& out)
      : request_(request),
        state_(read_monitor_state(request.state)),
        monitor_(request.config, reader_of(request)),
        lines_(request.input),
        log_(request.output, out, checked_output_bytes()) {
    if (state_) restore();
  }

  void run() {
    while (true) {
      const auto block = lines_.next_block(kBlockLines, request_.stop_requested);
      if (block.empty()) break;
      std::string results;
      monitor_.take(block, results);
      log_.append(results);
      if (since_save_.seconds() >= request_.save_seconds) save();
    }
    if (request_.end && !stopped()) {
      std::string results;
      monitor_.finish(results);
      log_.append(results);
    }
    save();
  }

  bool stopped() const {
    return request_.stop_requested != nullptr && request_.stop_requested->load();
  }
  const MonitorCounts& counts() const { return monitor_.counts(); }

 private:
  int64_t checked_output_bytes() const {
    if (!state_) {
      refuse_foreign_output(request_);
      return 0;
    }
    return request_.output == "-" ? 0 : state_->at("output_bytes").get<int64_t>();
  }

  void restore() {
    try {
      monitor_.restore(state_->at("monitor"));
    } catch (const json::exception& problem) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: is damaged: {}", request_.state.string(), problem.what()));
    }
    if (lines_.is_file()) lines_.go_on_at(state_->at("input_bytes"));
  }

  void save() {
    since_save_ = Stopwatch();
    if (request_.state.empty()) return;
    log_.sync();
    const json state = {{"format", kFormat},
                        {"format_version", kFormatVersion},
                        {"input_bytes", lines_.position()},
                        {"output_bytes", log_.bytes()},
                        {"monitor", monitor_.state()}};
    write_file_atomically(request_.state, state.dump());
  }

  const MonitorRequest& request_;
  std::optional<json> state_;
  OpinionMonitor monitor_;
  LineSource lines_;
  ResultLog log_;
  Stopwatch since_save_;
};

MonitorResult calibrate_on(const MonitorRequest& request) {
  OpinionMonitor monitor(request.config, reader_of(request));
  std::vector<TrendPoint> points;
  monitor.on_point([&](const TrendPoint& point) { points.push_back(point); });
  LineSource lines(request.input);
  std::string results;
  while (true) {
    const auto block = lines.next_block(kBlockLines, request.stop_requested);
    if (block.empty()) break;
    monitor.take(block, results);
    results.clear();
  }
  monitor.finish(results);
  MonitorResult result;
  result.counts = monitor.counts();
  result.calibration = calibrate(request.config.surge, points, *request.calibrate);
  return result;
}

}  // namespace

MonitorResult monitor(const MonitorRequest& request, std::ostream& out) {
  const Stopwatch watch;
  MonitorResult result;
  if (request.calibrate) {
    result = calibrate_on(request);
    result.stopped = request.stop_requested != nullptr && request.stop_requested->load();
  } else {
    MonitorSession session(request, out);
    session.run();
    result.counts = session.counts();
    result.stopped = session.stopped();
  }
  result.seconds = watch.seconds();
  return result;
}

}  // namespace lockstep
