// lockstep bench lstm: layers by themselves.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/base/error.h"
#include "launcher/verbs/bench_verbs.h"
#include "trainer/bench_lstm.h"

namespace lockstep {
namespace {

struct BenchLstmOptions {
  BenchLstmRequest request;
  bool read_requests = false;
  bool json = false;
};

/// A line of `--requests`; keys that are missing keep the command line's values.
BenchLstmRequest lstm_request(const std::string& line, BenchLstmRequest request) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw Error(ExitCode::usage, fmt::format("not a JSON object: {}", line),
                "one request a line, such as {\"hidden\": 512, \"batch\": 64}");
  }
  request.hidden = json.value("hidden", request.hidden);
  request.batch = json.value("batch", request.batch);
  request.time = json.value("time", request.time);
  request.layers = json.value("layers", request.layers);
  request.kernel = json.value("kernel", request.kernel);
  request.precision = json.value("precision", request.precision);
  request.lengths = json.value("lengths", request.lengths);
  request.seconds = json.value("seconds", request.seconds);
  return request;
}

std::string lstm_text(const BenchLstmRequest& request, const BenchLstmFigures& figures,
                      double peak) {
  return fmt::format(
      "{} layer{} of {} cells, batch {}, {} steps, kernel {}, {}: {:.3f} ms forward and backward\n"
      "{:.1f} GFLOP/s, {:.1f} % of {:.1f} GFLOP/s, float32 multiply-adds of one core",
      request.layers, request.layers == 1 ? "" : "s", request.hidden, request.batch, request.time,
      request.kernel, request.precision, 1e3 * figures.seconds,
      figures.flops / figures.seconds / 1e9, 100 * figures.flops / figures.seconds / peak,
      peak / 1e9);
}

int run_bench_lstm(const BenchLstmOptions& options, std::ostream& out) {
  const double peak = measured_peak();
  const auto answer = [&](const BenchLstmRequest& request) {
    const BenchLstmFigures figures = bench_lstm(request);
    const nlohmann::json json = {
        {"seconds", figures.seconds}, {"flops", figures.flops}, {"peak_flops_per_second", peak}};
    const bool as_json = options.json || options.read_requests;
    out << (as_json ? json.dump() : lstm_text(request, figures, peak)) << std::endl;
  };
  if (!options.read_requests) {
    answer(options.request);
    return 0;
  }
  for (std::string line; std::getline(std::cin, line);) answer(lstm_request(line, options.request));
  return 0;
}

}  // namespace

void add_bench_lstm(CLI::App& bench, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      bench.add_subcommand("lstm", "Time LSTM layers by themselves, forward and backward");
  const auto options = std::make_shared<BenchLstmOptions>();
  add_count(*verb, "--hidden", options->request.hidden, 1, "Cells of a layer, and inputs");
  add_count(*verb, "--batch", options->request.batch, 1, "Sequences");
  add_count(*verb, "--time", options->request.time, 1, "Steps of a sequence");
  add_count(*verb, "--layers", options->request.layers, 1, "Layers");
  verb->add_option("--kernel", options->request.kernel, "As model.kernel: auto, aten or cpu")
      ->check(CLI::IsMember({"auto", "aten", "cpu"}).description(""))
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--precision", options->request.precision,
                   "As model.precision: float32 or bfloat16")
      ->check(CLI::IsMember({"float32", "bfloat16"}).description(""))
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--seconds", options->request.seconds, "How long to repeat it")
      ->check(CLI::Range(0.0, 3600.0).description(""))
      ->type_name("S")
      ->capture_default_str();
  verb->add_flag("--requests", options->read_requests,
                 "Read requests from standard input, one JSON object a line with these options' "
                 "names as keys (also: lengths), and answer each with a line");
  verb->add_flag("--json", options->json, "Print one line of JSON");
  verb->footer("Example:\n  lockstep bench lstm --hidden 512 --batch 64 --time 35 --layers 2");
  verb->callback([&line, &out, options] {
    line.action = [&out, options] { return run_bench_lstm(*options, out); };
  });
}

}  // namespace lockstep
