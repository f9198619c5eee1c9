#include "trainer/train_state.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "data/base/sha256.h"
#include "tests/unit/store/checkpoint_fixture.h"

namespace lockstep {
namespace {

using testing::code_of;
using ::testing::HasSubstr;
using testing::text_of;

StateFile example() {
  return {testing::state_at(938, 3), {{"model.safetensors", {120, std::string(64, 'a')}}}};
}

/// The text as a program would write it that has other keys but keeps the rules of integrity.
std::string rewritten(const std::function<void(nlohmann::json&)>& change) {
  nlohmann::json json = nlohmann::json::parse(to_state_json(example()));
  json.erase("state_sha256");
  change(json);
  json["state_sha256"] = sha256_of(json.dump(2) + "\n");
  return json.dump(2) + "\n";
}

ExitCode code_for(const std::string& text) {
  return code_of([&] { from_state_json(text, "state.json"); });
}

TEST(TrainState, RoundTrip) {
  StateFile file = example();
  file.state.epoch_sums = {
      {"tiny", 4.9e-324}, {"minus", -0.0}, {"third", 1.0 / 3.0}, {"inf", INFINITY}};
  file.state.metrics = {{"z", NAN}, {"a", -INFINITY}};
  file.state.config["quoted"] = "\"tab\t\\ \n ünï\"";
  SelectionState& selection = file.state.selection;
  selection = {7, 2, 0.5, NAN, 1, {{}, {}}};
  selection.best[1].step = 900;
  selection.best[1].split = "validation";
  selection.best[1].metrics = {{"wer", INFINITY}, {"loss", 0.1}};
  const StateFile read = from_state_json(to_state_json(file), "x");
  EXPECT_EQ(read.state.selection.seen, 7);
  EXPECT_EQ(read.state.selection.since_best, 2);
  EXPECT_EQ(read.state.selection.rate_factor, 0.5);
  EXPECT_TRUE(std::isnan(read.state.selection.plateau_best));
  EXPECT_EQ(read.state.selection.since_plateau_best, 1);
  ASSERT_EQ(read.state.selection.best.size(), 2U);
  EXPECT_EQ(read.state.selection.best[1].step, 900);
  EXPECT_EQ(read.state.selection.best[1].split, "validation");
  EXPECT_EQ(read.state.selection.best[1].metrics, selection.best[1].metrics);
  EXPECT_EQ(read.state.step, 938);
  EXPECT_EQ(read.state.epoch, 93);
  EXPECT_EQ(read.state.index, 8);
  EXPECT_EQ(read.state.incarnation, 3);
  EXPECT_EQ(read.state.data_fingerprint, "cafe");
  EXPECT_EQ(read.state.task, "sequence_classification");
  EXPECT_EQ(read.state.config, file.state.config);
  EXPECT_EQ(read.state.model, file.state.model);
  EXPECT_EQ(read.state.epoch_sums, file.state.epoch_sums);
  EXPECT_TRUE(std::signbit(read.state.epoch_sums.at("minus")));
  ASSERT_EQ(read.state.metrics.size(), 2U);
  EXPECT_EQ(read.state.metrics[0].first, "z");
  EXPECT_TRUE(std::isnan(read.state.metrics[0].second));
  EXPECT_EQ(read.state.metrics[1].second, -INFINITY);
  EXPECT_EQ(read.files.at("model.safetensors").bytes, 120U);
}

TEST(TrainState, TextThatIsNotUtf8DoesNotCostTheCheckpoint) {
  StateFile file = example();
  file.state.config["data.path"] = "/data/\xff";
  EXPECT_EQ(from_state_json(to_state_json(file), "x").state.step, 938);
}

TEST(TrainState, EveryChangedByteIsDetected) {
  const std::string good = to_state_json(example());
  for (size_t at = 0; at < good.size(); ++at) {
    for (const unsigned mask : {0x01U, 0x20U, 0x80U, 0xffU}) {
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ mask);
      ASSERT_EQ(code_for(bad), ExitCode::corrupt) << "byte " << at << " mask " << mask;
    }
  }
}

TEST(TrainState, AnotherLayoutOfTheSameValuesIsDamage) {
  const auto json = nlohmann::json::parse(to_state_json(example()));
  EXPECT_EQ(code_for(json.dump(4) + "\n"), ExitCode::corrupt);
  EXPECT_EQ(code_for(json.dump(2)), ExitCode::corrupt);
}

TEST(TrainState, NewerFormatIsRefusedAsAMatterOfVersions) {
  const std::string newer = rewritten([](auto& json) {
    json = {{"format_version", kCheckpointFormat + 1}, {"all", "different"}};
  });
  EXPECT_EQ(code_for(newer), ExitCode::config);
  EXPECT_THAT(text_of([&] { from_state_json(newer, "x"); }), HasSubstr("newer"));
}

TEST(TrainState, WrongTypesUnderARightChecksumAreRefused) {
  for (const char* key :
       {"format_version", "step", "epoch", "index", "incarnation", "data_fingerprint", "task",
        "config", "model", "epoch_sums", "metrics", "files"}) {
    EXPECT_EQ(code_for(rewritten([&](auto& json) { json.erase(key); })), ExitCode::corrupt) << key;
    EXPECT_EQ(code_for(rewritten([&](auto& json) {
                json[key] = {{1, "x"}, {2, 3}};
              })),
              ExitCode::corrupt)
        << key;
  }
  EXPECT_EQ(code_for(rewritten([](auto& json) { json["step"] = -1; })), ExitCode::corrupt);
  EXPECT_EQ(code_for(rewritten([](auto& json) { json["step"] = 1.5; })), ExitCode::corrupt);
  EXPECT_EQ(code_for(rewritten([](auto& json) { json["step"] = ~uint64_t{0}; })),
            ExitCode::corrupt);
  EXPECT_EQ(code_for(rewritten([](auto& json) { json["epoch_sums"]["loss"] = "x"; })),
            ExitCode::corrupt);
  EXPECT_EQ(code_for(rewritten([](auto& json) { json["selection"] = {1, 2}; })), ExitCode::corrupt);
  EXPECT_EQ(code_for(rewritten([](auto& json) {
              json["selection"]["best"] = {{{"split", "x"}}};
            })),
            ExitCode::corrupt);
}

TEST(TrainState, WhatIsNoObjectIsRefused) {
  for (const std::string text : {"", "null\n", "[]\n", "{}\n", "{", "17\n"}) {
    EXPECT_EQ(code_for(text), ExitCode::corrupt) << text;
  }
  EXPECT_EQ(code_for(std::string(1 << 20, '[')), ExitCode::corrupt);
}

}  // namespace
}  // namespace lockstep
