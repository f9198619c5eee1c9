#include "trainer/monitor/opinion_monitor.h"

#include <array>
#include <cmath>

#include "data/base/error.h"
#include "data/import/date_time.h"
#include "trainer/monitor/monitor_record.h"

namespace lockstep {

using nlohmann::json;

namespace {

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

/// Figures that a reader can take in; more digits would only show in which batch a text was.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

void append(const nlohmann::ordered_json& line, std::string& out) {
  out += line.dump(-1, ' ', false, json::error_handler_t::replace);
  out += '\n';
}

nlohmann::ordered_json line_of(const MonitorRecord& record, const Opinion& opinion) {
  nlohmann::ordered_json line = {{"line", record.line}};
  if (!record.id.is_null()) line["id"] = record.id;
  const std::string& error = record.error.empty() ? opinion.error : record.error;
  if (!error.empty()) {
    line["error"] = error;
    return line;
  }
  line["time"] = date_text(record.time);
  line["topics"] = opinion.topics;
  line["sentiment"] = opinion.sentiment;
  line["probability"] = rounded(opinion.probability);
  return line;
}

/// "alert" or "trend", and the window's figures.
nlohmann::ordered_json line_of(const char* what, const TrendPoint& point) {
  return {{what, point.topic},
          {"from", date_text(point.begin)},
          {"to", date_text(point.end)},
          {"texts", point.texts},
          {"negative", point.negative},
          {"evidence", rounded(point.evidence)},
          {"expected", rounded(point.expected)},
          {"score", rounded(point.score)}};
}

/// What a text adds to each topic. Steps of evidence make sums that do not depend on the order.
TopicCounts counts_of(const Opinion& opinion) {
  TopicCounts counts;
  for (const auto& [topic, share] : opinion.topic_shares) {
    const double steps = std::round(share * opinion.negative_share / kEvidenceStep);
    if (steps > 0) counts[topic].evidence = steps * kEvidenceStep;
  }
  for (const std::string& topic : opinion.topics) {
    counts[topic].texts = 1;
    counts[topic].negative = opinion.negative ? 1 : 0;
  }
  return counts;
}

/// What a continued monitor must count as before.
json lengths_of(const SurgeConfig& config) {
  return {{"bucket_minutes", config.bucket_minutes},
          {"window", config.longest_window()},
          {"season", config.season},
          {"history", config.history}};
}

}  // namespace

OpinionMonitor::OpinionMonitor(const MonitorConfig& config, ReadOpinions read)
    : config_(config),
      read_(std::move(read)),
      clock_(config.surge),
      trends_(config.surge),
      gate_(config.surge) {
  if (!config.surge.window.empty()) return;
  throw Error(ExitCode::config, "window is an empty list", "give one length of a window or more");
}

void OpinionMonitor::take(const std::vector<std::string>& lines, std::string& out) {
  std::vector<MonitorRecord> records;
  std::vector<std::string> texts;
  for (const std::string& line : lines) {
    counts_.lines += 1;
    if (is_blank(line)) continue;
    records.push_back(read_record(line, counts_.lines, config_));
    if (records.back().error.empty()) texts.push_back(std::move(records.back().text));
  }
  const std::vector<Opinion> opinions = read_(texts);
  LOCKSTEP_CHECK(opinions.size() == texts.size(), "{} opinions of {} texts", opinions.size(),
                 texts.size());
  size_t next = 0;
  for (const MonitorRecord& record : records) {
    const Opinion opinion = record.error.empty() ? opinions[next++] : Opinion();
    nlohmann::ordered_json line = line_of(record, opinion);
    if (line.contains("error")) {
      counts_.bad += 1;
      append(line, out);
      continue;
    }
    counts_.texts += 1;
    const auto place = clock_.add(record.time, counts_of(opinion));
    counts_.late += place == BucketClock::Place::late ? 1 : 0;
    counts_.ahead += place == BucketClock::Place::ahead ? 1 : 0;
    if (place == BucketClock::Place::late) line["left_out"] = "late";
    if (place == BucketClock::Place::ahead) line["left_out"] = "ahead";
    append(line, out);
    judge(clock_.take_complete(), out);
  }
}

void OpinionMonitor::finish(std::string& out) {
  judge(clock_.take_rest(), out);
}

void OpinionMonitor::judge(const std::vector<TimeBucket>& buckets, std::string& out) {
  for (const TimeBucket& bucket : buckets) {
    for (const TrendPoint& point : trends_.add(bucket)) {
      if (on_point_) on_point_(point);
      const AlertVerdict verdict = gate_.judge(point);
      if (config_.trends) append(line_of("trend", point), out);
      counts_.held_back += verdict == AlertVerdict::held_back ? 1 : 0;
      if (verdict != AlertVerdict::alert) continue;
      counts_.alerts += 1;
      append(line_of("alert", point), out);
    }
  }
}

json OpinionMonitor::state() const {
  return {{"lengths", lengths_of(config_.surge)},
          {"counts",
           {counts_.lines, counts_.texts, counts_.bad, counts_.late, counts_.ahead, counts_.alerts,
            counts_.held_back}},
          {"clock", clock_.state()},
          {"trends", trends_.state()},
          {"gate", gate_.state()}};
}

void OpinionMonitor::restore(const json& state) {
  const json lengths = lengths_of(config_.surge);
  for (const auto& [name, value] : lengths.items()) {
    const json& before = state.at("lengths").at(name);
    if (before == value) continue;
    throw Error(
        ExitCode::config,
        fmt::format("{} is {}, but the state was made with {}", name, value.dump(), before.dump()),
        "give the same lengths of time, or begin with a state file of another name");
  }
  const auto counts = state.at("counts").get<std::array<int64_t, 7>>();
  counts_ = {counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6]};
  clock_.restore(state.at("clock"));
  trends_.restore(state.at("trends"));
  gate_.restore(state.at("gate"));
}

}  // namespace lockstep
