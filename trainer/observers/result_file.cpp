#include "trainer/observers/result_file.h"

#include <system_error>

#include "data/base/atomic_file.h"
#include "trainer/observers/time_shares.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;

Json figures_of(const EvaluationReport& evaluation) {
  Json json = {{"step", evaluation.step}, {"samples", evaluation.samples}};
  for (const auto& [name, value] : evaluation.metrics) json[name] = value;
  return json;
}

void add_what_ran(Json& json, const RunInfo& info) {
  json["config"] = info.config_name;
  json["task"] = info.task;
  json["model"] = info.model_summary;
  json["parameters"] = info.parameters;
  json["batch_size"] = info.batch_size;
  json["device"] = info.device;
  json["communication"] = info.communication;
  json["hosts"] = info.hosts;
  json["world_size"] = info.world_size;
}

void add_pace(Json& json, const RunResult& result) {
  json["seconds"] = result.seconds;
  json["samples_per_second"] = result.samples_per_second;
  json["tokens_per_second"] = result.tokens_per_second;
  json["step_milliseconds"] = {{"p50", result.step_milliseconds_p50},
                               {"p95", result.step_milliseconds_p95}};
  for (const TimeShare& share : time_shares(result)) json["time"][share.key] = share.fraction;
  json["hidden_communication_fraction"] =
      result.seconds > 0 ? result.hidden_communication_seconds / result.seconds : 0;
  json["row_exchanges"] = result.row_exchanges;
  json["padding_fraction"] = result.padding_fraction;
  json["imbalance_fraction"] = result.imbalance_fraction;
  json["optimizer_bytes"] = result.optimizer_bytes;
  json["peak_memory_bytes"] = result.peak_memory_bytes;
}

}  // namespace

nlohmann::json result_json(const RunResult& result, const RunInfo& info) {
  // Splits first: one that is called like a key of ours gives way to it.
  Json json = Json::object();
  for (const EvaluationReport& evaluation : result.evaluations)
    json[evaluation.split] = figures_of(evaluation);
  add_what_ran(json, info);
  add_pace(json, result);
  if (!result.best.empty()) {
    json["best"] = Json::object();
    for (const EvaluationReport& evaluation : result.best) {
      json["best"][evaluation.split] = figures_of(evaluation);
    }
  }
  json["status"] = result.status;
  json["message"] = result.message;
  json["exit_code"] = result.exit_code;
  json["steps"] = result.steps;
  json["epochs"] = result.epochs;
  json["parameters_sha256"] = result.parameters_sha256;
  json["sample_order_sha256"] = result.sample_order_sha256;
  json["versions"] = Json::object();
  for (const auto& [name, version] : result.versions) json["versions"][name] = version;
  json["last_checkpoint"] = result.last_checkpoint;
  return json;
}

ResultFile::ResultFile(std::filesystem::path run_dir) : path_(run_dir / "result.json") {}

void ResultFile::on_start(const RunInfo& info) {
  info_ = info;
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void ResultFile::on_finish(const RunResult& result) {
  const Json json = result_json(result, info_);
  write_file_atomically(path_, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace lockstep
