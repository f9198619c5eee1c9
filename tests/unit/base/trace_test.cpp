#include "data/base/trace.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

namespace lockstep {
namespace {

TEST(TraceTest, GathersSpansOfAllThreads) {
  { const TraceSpan before("before the start"); }
  Trace::start();
  {
    const TraceSpan outer("outer");
    const TraceSpan inner("inner");
    std::thread([] {
      Trace::name_thread("helper");
      const TraceSpan span("of a helper");
    }).join();
  }
  const auto events = nlohmann::json::parse("[" + Trace::stop(3) + "]");
  { const TraceSpan after("after the end"); }
  std::map<std::string, nlohmann::json> spans;
  bool helper_named = false;
  for (const auto& event : events) {
    EXPECT_EQ(event["pid"], 3);
    if (event["ph"] == "X") spans[event["name"]] = event;
    if (event["name"] == "thread_name") helper_named |= event["args"]["name"] == "helper";
  }
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_TRUE(helper_named);
  const auto end = [&](const char* name) {
    return spans[name]["ts"].get<double>() + spans[name]["dur"].get<double>();
  };
  EXPECT_GE(spans["inner"]["ts"], spans["outer"]["ts"]);
  EXPECT_LE(end("inner"), end("outer") + 1e-3);
  EXPECT_EQ(spans["inner"]["tid"], spans["outer"]["tid"]);
  EXPECT_NE(spans["of a helper"]["tid"], spans["outer"]["tid"]);
}

TEST(TraceTest, StartForgetsWhatCameBefore) {
  Trace::start();
  { const TraceSpan span("old"); }
  Trace::start();
  EXPECT_EQ(Trace::stop(0).find("old"), std::string::npos);
}

}  // namespace
}  // namespace lockstep
