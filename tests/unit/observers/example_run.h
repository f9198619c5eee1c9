// A short run, as the trainer would tell it to its observers.
#pragma once

#include "trainer/observers/observer.h"

namespace lockstep::testing {

/// How often `part` stands in `text`.
inline size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

inline RunInfo example_info(const std::filesystem::path& run_dir, int64_t start_step = 0) {
  RunInfo info;
  info.run_dir = run_dir;
  info.config_name = "mnist";
  info.config_text = "task: sequence_classification\nbatch:\n  size: 64\n";
  info.task = "sequence_classification";
  info.model_summary = "lstm 28 -> 128, linear 128 -> 10";
  info.device = "cpu";
  info.communication = "mpi";
  info.hosts = {"node01", "node01"};
  info.world_size = 2;
  info.parameters = 81674;
  info.train_samples = 60000;
  info.batch_size = 64;
  info.steps_per_epoch = 200;
  info.total_steps = 2000;
  info.start_step = start_step;
  info.log_every = 100;
  return info;
}

inline IntervalReport example_interval(int64_t step, double loss = 0.5) {
  IntervalReport report;
  report.step = step;
  report.epoch = (step - 1) / 200 + 1;
  report.steps = 100;
  report.metrics = {{"loss", loss}, {"accuracy", 0.75}};
  report.learning_rate = 0.001;
  report.gradient_norm = 1.25;
  report.seconds = 2;
  report.samples = 6400;
  report.tokens = 6400 * 28;
  report.time = {.compute = 1.5, .communication = 0.3, .data = 0.2};
  return report;
}

inline EvaluationReport example_evaluation(int64_t step, const std::string& split = "test") {
  return {.step = step,
          .epoch = (step - 1) / 200 + 1,
          .split = split,
          .metrics = {{"loss", 0.25}, {"accuracy", 0.9}},
          .samples = 10000,
          .seconds = 0.5};
}

inline EpochReport example_epoch(int64_t epoch) {
  return {.epoch = epoch,
          .step = epoch * 200,
          .train = {{"loss", 0.6}, {"accuracy", 0.7}},
          .evaluations = {example_evaluation(epoch * 200)},
          .seconds = 4,
          .samples = 12800};
}

inline RunResult example_result() {
  RunResult result;
  result.status = "finished";
  result.steps = 2000;
  result.epochs = 10;
  result.seconds = 50;
  result.samples_per_second = 3200;
  result.tokens_per_second = 89600;
  result.step_milliseconds_p50 = 18.5;
  result.step_milliseconds_p95 = 22;
  result.time = {
      .compute = 30, .communication = 5, .data = 4, .checkpoint = 1, .evaluation = 5, .other = 0};
  result.padding_fraction = 0;
  result.imbalance_fraction = 0.02;
  result.peak_memory_bytes = 300 << 20;
  result.evaluations = {example_evaluation(2000)};
  result.parameters_sha256 = std::string(64, 'a');
  result.sample_order_sha256 = {std::string(64, 'b'), std::string(64, 'c')};
  result.versions = {{"lockstep", "0.1.0"}};
  result.last_checkpoint = "runs/mnist/checkpoints/step-00002000";
  return result;
}

/// Everything from the start to `epochs` epochs; intervals as well.
inline void play(Observer& observer, const RunInfo& info, int64_t epochs) {
  observer.on_start(info);
  for (int64_t epoch = info.start_step / 200 + 1; epoch <= epochs; ++epoch) {
    for (const int64_t step : {epoch * 200 - 100, epoch * 200}) {
      observer.on_interval(example_interval(step));
    }
    for (const EvaluationReport& evaluation : example_epoch(epoch).evaluations) {
      observer.on_evaluation(evaluation);
    }
    observer.on_epoch(example_epoch(epoch));
  }
}

}  // namespace lockstep::testing
