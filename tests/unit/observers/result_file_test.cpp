#include "trainer/observers/result_file.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/unit/observers/example_run.h"
#include "tests/unit/store/test_support.h"

namespace lockstep {
namespace {

using namespace lockstep::testing;  // example_*, files

TEST(ResultFile, HasTheKeysOfTheContract) {
  const auto json = result_json(example_result(), example_info("runs/mnist"));
  EXPECT_EQ(json["status"], "finished");
  EXPECT_EQ(json["exit_code"], 0);
  EXPECT_EQ(json["message"], "");
  EXPECT_EQ(json["world_size"], 2);
  EXPECT_EQ(json["steps"], 2000);
  EXPECT_EQ(json["epochs"], 10);
  EXPECT_EQ(json["seconds"], 50);
  EXPECT_EQ(json["samples_per_second"], 3200);
  EXPECT_EQ(json["tokens_per_second"], 89600);
  EXPECT_EQ(json["step_milliseconds"], (nlohmann::json{{"p50", 18.5}, {"p95", 22.0}}));
  EXPECT_EQ(json["padding_fraction"], 0);
  EXPECT_EQ(json["imbalance_fraction"], 0.02);
  EXPECT_EQ(json["peak_memory_bytes"], 300 << 20);
  EXPECT_EQ(json["test"]["accuracy"], 0.9);
  EXPECT_EQ(json["test"]["loss"], 0.25);
  EXPECT_EQ(json["parameters_sha256"], std::string(64, 'a'));
  EXPECT_EQ(json["sample_order_sha256"].size(), 2U);
  EXPECT_EQ(json["versions"]["lockstep"], "0.1.0");
}

TEST(ResultFile, TimeIsInFractionsOfWallTimeThatAddUpToOne) {
  RunResult result = example_result();
  for (const double seconds : {50.0, 45.0, 10.0, 0.0}) {
    result.seconds = seconds;
    const auto time = result_json(result, {})["time"];
    ASSERT_EQ(time.size(), 6U);
    double sum = 0;
    for (const auto& share : time) sum += share.get<double>();
    EXPECT_NEAR(sum, 1, 1e-12);
    // A wall time that is too short cannot make shares of more than there is.
    EXPECT_NEAR(time["compute"], seconds == 50 ? 0.6 : 30.0 / 45, 1e-12);
  }
  result.time = {};
  EXPECT_EQ(result_json(result, {})["time"]["compute"], 0);
}

TEST(ResultFile, ASplitCannotHideAKey) {
  RunResult result = example_result();
  result.evaluations = {example_evaluation(1, "status"), example_evaluation(1, "validation")};
  const auto json = result_json(result, {});
  EXPECT_EQ(json["status"], "finished");
  EXPECT_EQ(json["validation"]["samples"], 10000);
}

TEST(ResultFile, IsThereOnlyWhenTheRunHasEnded) {
  const TempFolder run;
  write_all(run / "result.json", "of an earlier start");
  ResultFile file(run.path());
  file.on_start(example_info(run.path()));
  EXPECT_FALSE(std::filesystem::exists(run / "result.json"));
  RunResult result = example_result();
  result.evaluations[0].metrics[0].second = NAN;
  result.message = "not \xff UTF-8";
  file.on_finish(result);
  const auto json = nlohmann::json::parse(read_all(run / "result.json"));
  EXPECT_TRUE(json["test"]["loss"].is_null());
  EXPECT_EQ(json["config"], "mnist");
}

TEST(ResultFile, AFailureIsThrown) {
  ResultFile file("/nonexistent/run");
  EXPECT_EQ(code_of([&] { file.on_finish(example_result()); }), ExitCode::save_failed);
}

}  // namespace
}  // namespace lockstep
