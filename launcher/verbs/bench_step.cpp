// lockstep bench step: training steps on generated data.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "launcher/run_file.h"
#include "launcher/verbs/bench_verbs.h"
#include "trainer/observers/result_file.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

struct BenchStepOptions {
  RunFileOptions file;
  std::optional<int> ranks;
  BenchStepRequest request;
  bool json = false;
};

double flops_per_second(const BenchStepResult& result) {
  return result.flops_per_step * static_cast<double>(result.steps) / result.seconds;
}

std::string time_text(const BenchStepResult& result) {
  const double total = result.time.total();
  const auto percent = [&](double part) { return total > 0 ? 100 * part / total : 0; };
  const double rest = result.time.compute - result.forward_seconds - result.backward_seconds -
                      result.update_seconds;
  return fmt::format(
      "forward {:.1f} %, backward {:.1f} %, update {:.1f} %, norms and checks {:.1f} %, "
      "communication that nothing hides {:.1f} %, other {:.1f} %",
      percent(result.forward_seconds), percent(result.backward_seconds),
      percent(result.update_seconds), percent(rest), percent(result.time.communication),
      percent(result.time.other));
}

std::string memory_text(const BenchStepResult& result) {
  return fmt::format(
      "{:.0f} blocks for tensors, {:.2f} MB, of which the system was asked for {:.2f} ({:.2f} MB); "
      "{:.2f} page faults",
      result.tensor_blocks_per_step, result.tensor_bytes_per_step / 1e6,
      result.system_blocks_per_step, result.system_bytes_per_step / 1e6,
      result.page_faults_per_step);
}

std::string result_text(const BenchStepResult& result, int world_size) {
  std::string efficiency;
  if (result.synchronisation_efficiency) {
    efficiency = fmt::format(
        "\nsynchronisation efficiency: {:.3f} (a step without exchange over a "
        "step with it)",
        *result.synchronisation_efficiency);
  }
  std::string peak;
  if (result.peak_flops_per_second > 0) {
    peak = fmt::format(", {:.1f} % of {:.1f} GFLOP/s, multiply-adds alone on as many threads",
                       100 * flops_per_second(result) / result.peak_flops_per_second,
                       result.peak_flops_per_second / 1e9);
  }
  return fmt::format(
      "{} steps on {} rank{}: {:.0f} samples/s, {:.0f} tokens/s ({:.0f} % padding not counted)\n"
      "a step takes {:.3f} ms (median), {:.3f} ms (95th percentile)\n"
      "its time: {}\n"
      "its memory: {}\n"
      "its products: {:.3f} GFLOP by formula, {:.1f} GFLOP/s{}{}",
      result.steps, world_size, world_size == 1 ? "" : "s", result.samples_per_second,
      result.tokens_per_second, 100 * result.padding_fraction, result.step_milliseconds_p50,
      result.step_milliseconds_p95, time_text(result), memory_text(result),
      result.flops_per_step / 1e9, flops_per_second(result) / 1e9, peak, efficiency);
}

/// With the keys of result.json and what only this verb knows.
nlohmann::json step_json(const BenchStepResult& result, const RunInfo& info) {
  nlohmann::json json = result_json(result, info);
  json["flops_per_step"] = result.flops_per_step;
  json["flops_per_second"] = flops_per_second(result);
  json["peak_flops_per_second"] = result.peak_flops_per_second;
  json["padding_fraction"] = result.padding_fraction;
  json["forward_seconds"] = result.forward_seconds;
  json["backward_seconds"] = result.backward_seconds;
  json["update_seconds"] = result.update_seconds;
  json["tensor_blocks_per_step"] = result.tensor_blocks_per_step;
  json["tensor_bytes_per_step"] = result.tensor_bytes_per_step;
  json["system_blocks_per_step"] = result.system_blocks_per_step;
  json["system_bytes_per_step"] = result.system_bytes_per_step;
  json["page_faults_per_step"] = result.page_faults_per_step;
  if (result.synchronisation_efficiency) {
    json["synchronisation_efficiency"] = *result.synchronisation_efficiency;
  }
  return json;
}

int run_bench_step(BenchStepOptions& options, const std::vector<std::string>& words,
                   std::ostream& out) {
  const RunFile file = open_run_file(options.file.config, options.file.overrides);
  RankedCommand command{file, options.ranks, words, {}, {}};
  command.work = [&](Communicator& communicator) {
    options.request.config = file.loaded.config;
    const BenchStepResult result = bench_step(options.request, communicator);
    if (communicator.is_root()) {
      RunInfo info;
      info.config_name = file.name;
      info.task = options.request.config.task;
      info.batch_size = options.request.config.batch.size;
      info.world_size = communicator.world_size();
      out << (options.json ? step_json(result, info).dump() : result_text(result, info.world_size))
          << std::endl;
    }
    return result.exit_code;
  };
  return run_or_start(command);
}

}  // namespace

void add_bench_step(CLI::App& bench, CommandLine& line, std::ostream& out) {
  CLI::App* verb = bench.add_subcommand("step", "Time training steps on generated data");
  const auto options = std::make_shared<BenchStepOptions>();
  add_run_file_options(*verb, options->file);
  add_ranks_option(*verb, options->ranks);
  add_count(*verb, "--steps", options->request.steps, 1, "Steps to time");
  add_count(*verb, "--warmup-steps", options->request.warmup_steps, 0, "Steps before them");
  add_count(*verb, "--time", options->request.time, 1, "Steps of a sequence");
  add_count(*verb, "--features", options->request.features, 1, "Numbers in a step of a sequence");
  add_count(*verb, "--classes", options->request.classes, 2, "Classes to tell apart");
  verb->add_flag("--ragged", options->request.ragged,
                 "Sequences of different lengths, --time the longest");
  verb->add_flag("--efficiency", options->request.efficiency,
                 "Also run steps without exchange, in turns, and print by how much the exchange "
                 "slows a step down");
  verb->add_flag("--json", options->json, "Print one line of JSON with the keys of result.json");
  verb->footer(
      "Example:\n  lockstep bench step configs/bench_large.yaml -n 2 --features 512 --time 35 "
      "--json");
  verb->callback([&line, &out, options] {
    line.action = [&line, &out, options] { return run_bench_step(*options, line.words, out); };
  });
}

}  // namespace lockstep
