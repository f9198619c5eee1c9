// Lines of `lockstep predict`, answered many at a time.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trainer/tasks/task.h"

namespace lockstep {

/// What a line asks for.
struct InputLine {
  nlohmann::json id;             ///< its "id", else its number
  std::vector<float> values;     ///< [steps, features] of dense inputs
  std::vector<int64_t> symbols;  ///< [steps] of others
  nlohmann::json object;         ///< the line itself, where the task reads it
  int64_t steps = 0;             ///< or bytes of the line, where the task reads it
  nlohmann::json answer;
  std::string error;  ///< why it cannot be used; empty when it can
};

class LinePredictor {
 public:
  /// `description` is the task's.
  LinePredictor(Task& task, nlohmann::json description, torch::Device device, int64_t batch_size)
      : task_(task),
        description_(std::move(description)),
        device_(device),
        batch_size_(batch_size) {}

  /// Writes an answer for each line that is not blank, in their order, and returns how many could
  /// not be used. Lines that can be read without waiting, up to kBatches batches of them, are
  /// sorted by their length, so that batches hold little padding; who writes one line and waits
  /// gets its answer at once.
  int64_t answer_all(std::istream& in, std::ostream& out);
  static constexpr int64_t kBatches = 32;

 private:
  InputLine read(const std::string& text, int64_t number);
  void read_dense(const nlohmann::json& object, InputLine& line) const;
  int64_t answer_block(std::vector<InputLine>& block, std::ostream& out);
  void predict(const std::vector<InputLine*>& lines);
  void ask_task(const std::vector<InputLine*>& lines);
  DeviceBatch batch_of(const std::vector<InputLine*>& lines) const;

  Task& task_;
  nlohmann::json description_;
  torch::Device device_;
  int64_t batch_size_;
};

}  // namespace lockstep
