#include "trainer/monitor/monitor_record.h"

#include <charconv>
#include <cmath>

#include "data/base/error.h"
#include "data/import/date_time.h"
#include "data/import/json_field.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// Seconds since 1970 are below this until the year 5138, milliseconds above it since 1973.
constexpr double kFirstMillisecond = 1e11;

int64_t time_of(const std::string& text) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = problem == std::errc{} && end == text.data() + text.size();
  if (whole && std::abs(number) >= kFirstMillisecond &&
      std::abs(number) < 1e3 * kFirstMillisecond) {
    return std::llround(number);
  }
  const auto time = read_time(text);
  if (!time) throw Error(ExitCode::corrupt, fmt::format("\"{}\" is no time", text));
  return *time;
}

}  // namespace

MonitorRecord read_record(const std::string& line, int64_t number, const MonitorConfig& config) {
  MonitorRecord record;
  record.line = number;
  try {
    const json object = json::parse(line);
    if (!object.is_object()) throw Error(ExitCode::corrupt, "the line must be a JSON object");
    if (const json* id = find_json_field(object, config.id_field)) record.id = *id;
    record.text = json_field(object, config.text_field, " ");
    record.time = time_of(json_field(object, config.time_field, " "));
  } catch (const json::exception&) {
    record.error = "the line is no JSON";
  } catch (const std::exception& error) {
    record.error = error.what();
  }
  return record;
}

}  // namespace lockstep
