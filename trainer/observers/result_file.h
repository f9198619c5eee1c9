// result.json: what a run came to, for scripts.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "trainer/observers/observer.h"

namespace lockstep {

/// The keys of result.json, which stay: status, message, exit_code, world_size, steps, epochs,
/// seconds, samples_per_second, tokens_per_second, step_milliseconds {p50, p95}, time {compute,
/// communication, data, checkpoint, evaluation, other: fractions of wall time that add up to 1},
/// padding_fraction, imbalance_fraction, peak_memory_bytes, parameters_sha256,
/// sample_order_sha256 [one per epoch], versions {}, last_checkpoint; what ran: config, task,
/// model, parameters, batch_size, device, communication, hosts; and one object for each evaluated
/// split under its name: its metrics, step and samples. What is not finite is null.
nlohmann::json result_json(const RunResult& result, const RunInfo& info);

/// Writes result.json when the run ends, and removes that of an earlier start when it begins: the
/// file is there only when the run has ended. Throws Error(save_failed).
class ResultFile : public Observer {
 public:
  explicit ResultFile(std::filesystem::path run_dir);

  void on_start(const RunInfo& info) override;
  void on_finish(const RunResult& result) override;

 private:
  std::filesystem::path path_;
  RunInfo info_;
};

}  // namespace lockstep
