// lockstep monitor: topics and sentiments of dated texts, trends, and alerts when one surges.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "launcher/field_options.h"
#include "launcher/ranks.h"
#include "launcher/signals.h"
#include "launcher/verbs/verbs.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

struct MonitorOptions {
  MonitorRequest request;
  double alerts_a_month = 0;
};

std::string calibration_json(const Calibration& calibration) {
  nlohmann::ordered_json line = {{"threshold", calibration.threshold},
                                 {"months", calibration.months},
                                 {"extrapolated", calibration.extrapolated}};
  for (const auto& [threshold, alerts] : calibration.tried) {
    line["alerts"].push_back({threshold, alerts});
  }
  return line.dump();
}

void tell_counts(const MonitorResult& result) {
  const MonitorCounts& counts = result.counts;
  std::cerr << fmt::format(
      "{} lines: {} texts, {} bad; {} late and {} dated far ahead count in no trend; {} alerts, {} "
      "held back; {:.1f} s\n",
      counts.lines, counts.texts, counts.bad, counts.late, counts.ahead, counts.alerts,
      counts.held_back, result.seconds);
}

int run_monitor(const MonitorOptions& options, std::ostream& out) {
  if (own_launch_environment().expected_world_size > 1) {
    throw Error(ExitCode::usage, "monitor runs on one rank", "start it without mpirun or srun");
  }
  MonitorRequest request = options.request;
  if (options.alerts_a_month > 0) request.calibrate = options.alerts_a_month;
  request.stop_requested = &install_stop_handlers();
  ignore_broken_pipes();
  const MonitorResult result = monitor(request, out);
  tell_counts(result);
  if (result.stopped) return static_cast<int>(ExitCode::drained);
  if (result.calibration) out << calibration_json(*result.calibration) << std::endl;
  if (result.counts.bad > 0 && result.counts.texts == 0) {
    throw Error(ExitCode::corrupt, "not one line could be used",
                "the \"error\" of their output lines says why; --text-field and --time-field name "
                "the fields");
  }
  return 0;
}

}  // namespace

void add_monitor(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* verb = app.add_subcommand(
      "monitor", "Topics, sentiments and alerts of dated texts, with trained models");
  const auto options = std::make_shared<MonitorOptions>();
  MonitorRequest& request = options->request;
  verb->add_option("RUN", request.topics,
                   "Runs (or checkpoints) whose models know topics, and sentiments too unless "
                   "--sentiment names others; the mean of their probabilities counts")
      ->required()
      ->type_name("RUN|CHECKPOINT");
  verb->add_option("--sentiment", request.sentiments,
                   "Run whose model knows sentiments; of several, likewise, the mean counts")
      ->allow_extra_args(false)
      ->type_name("RUN|CHECKPOINT");
  verb->add_option("--input", request.input, "JSON lines to read, - for standard input")
      ->type_name("FILE|-")
      ->capture_default_str();
  verb->add_option("--output", request.output, "Where the JSON lines go, - for standard output")
      ->type_name("FILE|-")
      ->capture_default_str();
  verb->add_option("--state", request.state,
                   "Go on from this file where it is there, and keep it up to date")
      ->type_name("FILE");
  verb->add_option("--save-seconds", request.save_seconds, "How often the state is written")
      ->check(CLI::Range(0.0, 86400.0).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  verb->add_flag("--end", request.end,
                 "Nothing comes after this input: judge what is still open at its end");
  verb->add_option("--calibrate", options->alerts_a_month,
                   "Write no results, but the threshold that gives so many alerts a month (of 30 "
                   "days) on this input")
      ->check(CLI::Range(0.001, 1e6).description(""))
      ->type_name("ALERTS");
  verb->add_option("--device", request.device, "Where to compute")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("auto|cpu|cuda")
      ->capture_default_str();
  Fields fields;
  request.config.describe(fields);
  add_field_options(*verb, fields);
  verb->footer(
      "Each input line is {\"text\": ..., \"time\": ..., \"id\": any}; each output line answers "
      "one, in\n"
      "order: {\"line\", \"id\", \"time\", \"topics\", \"sentiment\", \"probability\"}, or "
      "{\"line\", \"error\"}.\n"
      "Between them stand {\"alert\": TOPIC, ...} and, with --trends, {\"trend\": TOPIC, ...}.\n\n"
      "Examples:\n"
      "  lockstep monitor runs/topics --sentiment runs/sentiment --input past.jsonl --calibrate 1\n"
      "  tail -F feed.jsonl | lockstep monitor runs/topics --sentiment runs/sentiment \\\n"
      "      --threshold 6.5 --state monitor.json --output opinions.jsonl\n"
      "  lockstep monitor runs/topics-1 runs/topics-2 --sentiment runs/mood-1 --sentiment "
      "runs/mood-2");
  verb->callback([&line, &out, options] {
    line.action = [&out, options] { return run_monitor(*options, out); };
  });
}

}  // namespace lockstep
