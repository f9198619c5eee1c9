// lockstep evaluate: a trained model measured on a split.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "launcher/ranks.h"
#include "launcher/verbs/verbs.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

struct EvaluateOptions {
  EvaluateRequest request;
  bool json = false;
};

std::string report_json(const EvaluationReport& report) {
  nlohmann::ordered_json json = {{"split", report.split},
                                 {"step", report.step},
                                 {"epoch", report.epoch},
                                 {"samples", report.samples}};
  for (const auto& [name, value] : report.metrics) json[name] = value;
  for (const auto& [label, metrics] : report.classes) {
    for (const auto& [name, value] : metrics) json["classes"][label][name] = value;
  }
  json["seconds"] = report.seconds;
  return json.dump();
}

std::string report_text(const EvaluationReport& report) {
  std::string text = report.split + ":";
  for (const auto& [name, value] : report.metrics) text += fmt::format(" {} {:.5f}", name, value);
  text += fmt::format(" ({} samples in {:.2f} s, after step {})", report.samples, report.seconds,
                      report.step);
  for (const auto& [label, metrics] : report.classes) {
    text += fmt::format("\n  {}:", label);
    for (const auto& [name, value] : metrics) text += fmt::format(" {} {:.5g}", name, value);
  }
  return text;
}

int run_evaluate(const EvaluateOptions& options, std::ostream& out) {
  RankWork work;
  work.run = [&](Communicator& communicator) {
    const EvaluationReport report = evaluate(options.request, communicator);
    if (communicator.is_root()) {
      out << (options.json ? report_json(report) : report_text(report)) << std::endl;
    }
    return 0;
  };
  return run_on_ranks(own_launch_environment(), work);
}

}  // namespace

void add_evaluate(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      app.add_subcommand("evaluate", "Measure a trained model on a split of its data set");
  const auto options = std::make_shared<EvaluateOptions>();
  EvaluateRequest& request = options->request;
  verb->add_option("SOURCE", request.source,
                   "Run folder (its newest intact checkpoint) or one checkpoint folder")
      ->required()
      ->type_name("RUN|CHECKPOINT");
  verb->add_option("--split", request.split, "Split to measure on")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--data", request.data_path, "Data set folder instead of the run's own")
      ->type_name("FOLDER");
  verb->add_option("--device", request.device, "Where to compute")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("auto|cpu|cuda")
      ->capture_default_str();
  verb->add_option("--batch-size", request.batch_size, "Samples in a batch; 0: as the run does")
      ->check(CLI::Range(0, 1 << 24).description(""))
      ->type_name("SAMPLES")
      ->capture_default_str();
  verb->add_flag("--json", options->json, "Print one line of JSON instead of text");
  verb->footer("Example:\n  lockstep evaluate runs/mnist --split test --json");
  verb->callback([&line, &out, options] {
    line.action = [&out, options] { return run_evaluate(*options, out); };
  });
}

}  // namespace lockstep
