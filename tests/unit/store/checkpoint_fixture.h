// A tiny checkpoint whose numbers tell which step it is of.
#pragma once

#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "tests/unit/store/test_support.h"
#include "trainer/checkpoint.h"

namespace lockstep::testing {

inline TrainState state_at(int64_t step, int64_t incarnation = 1) {
  TrainState state;
  state.step = step;
  state.epoch = step / 10;
  state.index = step % 10;
  state.incarnation = incarnation;
  state.data_fingerprint = "cafe";
  state.task = "sequence_classification";
  state.config = {{"batch.size", "64"}, {"optimizer.kind", "adam"}};
  state.model = R"({"hidden": 4})";
  state.epoch_sums = {{"loss", 0.1 * static_cast<double>(step)}};
  state.metrics = {{"loss", 0.5}, {"accuracy", 0.75}};
  return state;
}

/// Saves three parameters of value `step`, or `count` of them.
inline CheckpointReport save(CheckpointStore& store, int64_t step, int64_t incarnation = 1,
                             size_t count = 3) {
  const std::vector<float> weights(count, static_cast<float>(step));
  const std::vector<float> moments(count, 0.5F);
  const auto size = static_cast<int64_t>(count);
  return store.commit(state_at(step, incarnation), {{"w", {size}, weights.data()}},
                      {{"mean/w", {size}, moments.data()}, {"square/w", {size}, moments.data()}});
}

/// The step of the newest intact checkpoint after a look at its parameters, -1 when there is none.
inline int64_t newest_step(const CheckpointStore& store,
                           std::vector<std::string>* warnings = nullptr) {
  const auto found = store.newest_intact([&](const std::string& text) {
    if (warnings != nullptr) warnings->push_back(text);
  });
  if (!found) return -1;
  EXPECT_EQ(found->model.at("w").values.at(0), static_cast<float>(found->state.step));
  return found->state.step;
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

}  // namespace lockstep::testing
