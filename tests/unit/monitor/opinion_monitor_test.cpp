#include "trainer/monitor/opinion_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/base/error.h"
#include "trainer/monitor/monitor_record.h"

namespace lockstep {
namespace {

using testing::HasSubstr;

/// "topic mood": no model needed.
std::vector<Opinion> read_words(const std::vector<std::string>& texts) {
  std::vector<Opinion> opinions;
  for (const std::string& text : texts) {
    const std::string mood = text.substr(text.find(' ') + 1);
    const std::string topic = text.substr(0, text.find(' '));
    Opinion opinion;
    opinion.topics = {topic};
    opinion.topic_shares = {{topic, 1}};
    opinion.sentiment = mood;
    opinion.probability = 1;
    opinion.negative = mood == "bad";
    opinion.negative_share = mood == "bad" ? 1 : 0;
    if (text.empty()) opinion.error = "the text is empty";
    opinions.push_back(opinion);
  }
  return opinions;
}

MonitorConfig daily() {
  MonitorConfig config;
  config.surge.bucket_minutes = 60;
  config.surge.window = {3};
  config.surge.season = 6;
  config.surge.lateness_minutes = 0;
  config.surge.leap_days = 1;
  config.surge.threshold = 5;
  return config;
}

/// Four texts an hour for four days, one of them bad; in hour 80 twenty bad ones.
std::vector<std::string> feed() {
  std::vector<std::string> lines;
  for (int hour = 0; hour < 96; ++hour) {
    for (int i = 0; i < (hour == 80 ? 24 : 4); ++i) {
      const char* mood = i == 0 || i >= 4 ? "bad" : "good";
      lines.push_back(fmt::format(R"({{"id": "{0}-{1}", "text": "room {2}", "time": {3}}})", hour,
                                  i, mood, hour * 3600 + i * 60));
    }
  }
  return lines;
}

std::string results_of(const std::vector<std::string>& lines, size_t block) {
  OpinionMonitor monitor(daily(), read_words);
  std::string out;
  for (size_t begin = 0; begin < lines.size(); begin += block) {
    const size_t end = std::min(lines.size(), begin + block);
    monitor.take({lines.begin() + static_cast<std::ptrdiff_t>(begin),
                  lines.begin() + static_cast<std::ptrdiff_t>(end)},
                 out);
  }
  return out;
}

TEST(OpinionMonitorTest, AlertsOnceWhenBadTextsSurge) {
  const std::string out = results_of(feed(), 1000);
  const size_t alert = out.find("{\"alert\"");
  ASSERT_NE(alert, std::string::npos);
  EXPECT_EQ(out.find("{\"alert\"", alert + 1), std::string::npos);
  EXPECT_EQ(out.substr(alert, out.find('\n', alert) - alert),
            R"({"alert":"room","from":"1970-01-04 06:00:00","to":"1970-01-04 09:00:00","texts":32,)"
            R"("negative":23,"evidence":23.0,"expected":8.0,"score":5.303})");
}

TEST(OpinionMonitorTest, DoubtfulTextsCountByTheirProbability) {
  const auto doubtful = [](const std::vector<std::string>& texts) {
    Opinion opinion;
    opinion.topic_shares = {{"room", 0.4}, {"food", 0.0001}};
    opinion.sentiment = "good";
    opinion.negative_share = 0.375;
    return std::vector<Opinion>(texts.size(), opinion);
  };
  MonitorConfig config = daily();
  config.trends = true;
  OpinionMonitor monitor(config, doubtful);
  std::string out;
  monitor.take(feed(), out);
  EXPECT_THAT(out,
              HasSubstr(R"({"trend":"room","from":"1970-01-02 00:00:00",)"
                        R"("to":"1970-01-02 03:00:00","texts":0,"negative":0,"evidence":1.805,)"));
  EXPECT_EQ(out.find("food"), std::string::npos);
}

TEST(OpinionMonitorTest, BlocksDoNotMatter) {
  const auto lines = feed();
  const std::string whole = results_of(lines, 1000);
  EXPECT_EQ(results_of(lines, 1), whole);
  EXPECT_EQ(results_of(lines, 37), whole);
}

TEST(OpinionMonitorTest, GoesOnFromItsState) {
  const auto lines = feed();
  const auto middle = lines.begin() + 333;
  OpinionMonitor first(daily(), read_words), second(daily(), read_words);
  std::string out;
  first.take({lines.begin(), middle}, out);
  second.restore(nlohmann::json::parse(first.state().dump()));
  second.take({middle, lines.end()}, out);
  EXPECT_EQ(out, results_of(lines, 1000));
  MonitorConfig other = daily();
  other.surge.window = {2, 3};  // needs no longer past
  EXPECT_NO_THROW(OpinionMonitor(other, read_words).restore(first.state()));
  other.surge.window = {4};
  EXPECT_THROW(OpinionMonitor(other, read_words).restore(first.state()), Error);
  other.surge.window = {};
  EXPECT_THROW(OpinionMonitor(other, read_words), Error);
}

TEST(OpinionMonitorTest, BadLinesAreShownAndCounted) {
  OpinionMonitor monitor(daily(), read_words);
  std::string out;
  monitor.take({R"({"text": "room good", "time": "2024-02-30"})", "", "nonsense", R"(["list"])",
                R"({"time": 5})", R"({"text": "", "time": 5})",
                R"({"text": "room good", "time": 5, "id": 8})"},
               out);
  EXPECT_EQ(monitor.counts().lines, 7);
  EXPECT_EQ(monitor.counts().bad, 5);
  EXPECT_EQ(monitor.counts().texts, 1);
  EXPECT_THAT(out, HasSubstr(R"({"line":1,"error":"\"2024-02-30\" is no time"})"));
  EXPECT_THAT(out, HasSubstr(R"({"line":3,"error":"the line is no JSON"})"));
  EXPECT_THAT(out, HasSubstr(R"({"line":5,"error":"has no \"text\""})"));
  EXPECT_THAT(out, HasSubstr(R"({"line":6,"error":"the text is empty"})"));
  EXPECT_THAT(out,
              HasSubstr(R"({"line":7,"id":8,"time":"1970-01-01 00:00:05","topics":["room"],)"));
}

TEST(MonitorRecordTest, ReadsTimesAndFieldsByPath) {
  MonitorConfig config;
  config.text_field = "post.body";
  config.time_field = "at";
  config.id_field = "post.number";
  const auto time_of = [&](const std::string& time) {
    const auto record =
        read_record(R"({"post": {"body": "x", "number": 7}, "at": )" + time + "}", 3, config);
    EXPECT_EQ(record.error, "");
    EXPECT_EQ(record.id.get<int>(), 7);
    EXPECT_EQ(record.text, "x");
    return record.time;
  };
  EXPECT_EQ(time_of("1714566600"), 1714566600000);
  EXPECT_EQ(time_of("1714566600000"), 1714566600000);
  EXPECT_EQ(time_of("\"1714566600\""), 1714566600000);
  EXPECT_EQ(time_of("\"2024-05-01T12:30:00Z\""), 1714566600000);
  EXPECT_EQ(time_of("\"2024-05-01 12:30\""), 1714566600000);
  EXPECT_EQ(time_of("\"2024-05-01T14:30:00+02:00\""), 1714566600000);
}

}  // namespace
}  // namespace lockstep
