// lockstep bench: how fast this host is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/bench_loader.h"
#include "launcher/run_file.h"
#include "launcher/verbs/verbs.h"
#include "trainer/bench_lstm.h"
#include "trainer/observers/result_file.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

struct BenchOptions {
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

int run_bench_step(BenchOptions& options, const std::vector<std::string>& words,
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
      out << (options.json ? json.dump() : result_text(result, info.world_size)) << std::endl;
    }
    return result.exit_code;
  };
  return run_or_start(command);
}

void add_count(CLI::App& verb, const std::string& flag, int64_t& value, int64_t least,
               const std::string& help) {
  verb.add_option(flag, value, help)
      ->check(CLI::Range(least, int64_t{1} << 30).description(""))
      ->type_name("N")
      ->capture_default_str();
}

void add_step(CLI::App& bench, CommandLine& line, std::ostream& out) {
  CLI::App* verb = bench.add_subcommand("step", "Time training steps on generated data");
  const auto options = std::make_shared<BenchOptions>();
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

struct BenchCommOptions {
  std::optional<int> ranks;
  BenchCommRequest request;
  bool json = false;
};

std::string bytes_text(size_t bytes) {
  if (bytes >= 1 << 20) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

std::string sums_text(const std::vector<SumFigure>& figures, int world_size) {
  std::string text = fmt::format("{:24} {:>8} {:>12} {:>16} {:>10}\n", "all-reduce through",
                                 "bytes", "microseconds", "algorithm GB/s", "bus GB/s");
  for (const SumFigure& figure : figures) {
    text += fmt::format("{:24} {:>8} {:>12.1f} {:>16.2f} {:>10.2f}\n", figure.transport,
                        bytes_text(figure.bytes), 1e6 * figure.seconds,
                        figure.algorithm_bandwidth() / 1e9, figure.bus_bandwidth(world_size) / 1e9);
  }
  return text + fmt::format("{} ranks; every size's result was checked first", world_size);
}

std::string sums_json(const std::vector<SumFigure>& figures, const Place& place) {
  nlohmann::json rows = nlohmann::json::array();
  for (const SumFigure& figure : figures) {
    rows.push_back({{"transport", figure.transport},
                    {"bytes", figure.bytes},
                    {"seconds", figure.seconds},
                    {"algorithm_bandwidth", figure.algorithm_bandwidth()},
                    {"bus_bandwidth", figure.bus_bandwidth(place.world_size)}});
  }
  return nlohmann::json({{"world_size", place.world_size}, {"sums", rows}}).dump();
}

int run_bench_comm(BenchCommOptions& options, const std::vector<std::string>& words,
                   std::ostream& out) {
  const RunFile file;  // the defaults
  RankedCommand command{file, options.ranks, words, {}, {}};
  command.work = [&](Communicator& communicator) {
    if (communicator.world_size() == 1) {
      throw JobError(ExitCode::usage, "one rank exchanges nothing", "start several with -n");
    }
    options.request.environment = own_launch_environment();
    const std::vector<SumFigure> figures = bench_comm(options.request, communicator);
    if (!communicator.is_root()) return 0;
    out << (options.json ? sums_json(figures, communicator.place())
                         : sums_text(figures, communicator.world_size()))
        << std::endl;
    return 0;
  };
  return run_or_start(command);
}

void add_comm(CLI::App& bench, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      bench.add_subcommand("comm", "Time all-reduces between ranks, through each transport");
  const auto options = std::make_shared<BenchCommOptions>();
  options->request.largest_bytes = 1 << 28;
  add_ranks_option(*verb, options->ranks);
  add_count(*verb, "--smallest", options->request.smallest_bytes, 1024,
            "Bytes to begin with; then four times as many each time");
  add_count(*verb, "--largest", options->request.largest_bytes, 1024, "Bytes to end with");
  verb->add_flag("--json", options->json, "Print one line of JSON");
  verb->footer("Example:\n  lockstep bench comm -n 2");
  verb->callback([&line, &out, options] {
    line.action = [&line, &out, options] { return run_bench_comm(*options, line.words, out); };
  });
}

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

void add_lstm(CLI::App& bench, CommandLine& line, std::ostream& out) {
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

struct BenchDataOptions {
  std::filesystem::path folder;
  std::string split = "train";
  std::string shuffle = "global";
  SamplerOptions order;
  LoaderOptions loader;
  int64_t ranks = 2;
  double seconds = 3;
  bool json = false;
};

int run_bench_data(BenchDataOptions& options, std::ostream& out) {
  options.order.shuffle = shuffle_of(options.shuffle);
  const LoaderFigures figures =
      bench_loader(options.folder, options.split, options.order, options.loader, options.seconds,
                   static_cast<int>(options.ranks));
  const double samples_per_second = static_cast<double>(figures.samples) / figures.seconds;
  const double ratio = figures.bytes_per_second() / figures.read_bytes_per_second();
  const double ratio_to_sequences =
      figures.bytes_per_second() / figures.scattered_read_bytes_per_second();
  if (options.json) {
    out << nlohmann::json(
               {{"samples_per_second", samples_per_second},
                {"bytes_per_second", figures.bytes_per_second()},
                {"pread_bytes_per_second", figures.read_bytes_per_second()},
                {"ratio", ratio},
                {"pread_sequences_bytes_per_second", figures.scattered_read_bytes_per_second()},
                {"ratio_to_sequences", ratio_to_sequences},
                {"padding_fraction", figures.padding_fraction},
                {"imbalance_fraction", figures.imbalance_fraction}})
               .dump()
        << std::endl;
    return 0;
  }
  out << fmt::format(
             "batches of {} samples: {:.0f} samples/s, {:.0f} MB/s of stored bytes\n"
             "pread(2) of as many bytes, front to back: {:.0f} MB/s; batches are made at {:.2f} of "
             "that\n"
             "pread(2) of the same sequences in the same order: {:.0f} MB/s; batches are made at "
             "{:.2f} of that\n"
             "padding {:.1f} %; {} ranks would wait for each other {:.1f} % of a step\n",
             options.order.batch_size, samples_per_second, figures.bytes_per_second() / 1e6,
             figures.read_bytes_per_second() / 1e6, ratio,
             figures.scattered_read_bytes_per_second() / 1e6, ratio_to_sequences,
             100 * figures.padding_fraction, options.ranks, 100 * figures.imbalance_fraction)
      << std::flush;
  return 0;
}

void add_data_bench(CLI::App& bench, CommandLine& line, std::ostream& out) {
  CLI::App* verb = bench.add_subcommand(
      "data", "Time how batches of a data set are made, beside reading its bytes");
  const auto options = std::make_shared<BenchDataOptions>();
  options->order.batch_size = 64;
  verb->add_option("FOLDER", options->folder, "Data set folder")->required()->type_name("");
  verb->add_option("--split", options->split, "Split to read")
      ->type_name("NAME")
      ->capture_default_str();
  add_count(*verb, "--batch", options->order.batch_size, 1, "Samples in a batch");
  verb->add_option("--shuffle", options->shuffle, "Order of samples: global, blocks or none")
      ->check(CLI::IsMember({"global", "blocks", "none"}).description(""))
      ->type_name("ORDER")
      ->capture_default_str();
  add_count(*verb, "--window", options->order.window, 0,
            "Batches' worth of samples that are sorted by length; 0: none");
  add_count(*verb, "--max-steps", options->order.max_steps, 0,
            "Padded steps that a batch may have; 0: any number");
  add_count(*verb, "--prefetch", options->loader.prefetch, 1, "Batches kept ready");
  add_count(*verb, "--threads", options->loader.threads, 1, "Threads that make batches");
  add_count(*verb, "--ranks", options->ranks, 1, "Ranks to tell the imbalance for");
  verb->add_option("--seconds", options->seconds, "How long to measure")
      ->check(CLI::Range(0.1, 3600.0).description(""))
      ->type_name("S")
      ->capture_default_str();
  verb->add_flag("--json", options->json, "Print one line of JSON");
  verb->footer("Example:\n  lockstep bench data datasets/mnist");
  verb->callback([&line, &out, options] {
    line.action = [&out, options] { return run_bench_data(*options, out); };
  });
}

}  // namespace

void add_bench(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* bench = app.add_subcommand("bench", "Measure speed: step, lstm, comm, data");
  bench->require_subcommand(1);
  add_step(*bench, line, out);
  add_lstm(*bench, line, out);
  add_comm(*bench, line, out);
  add_data_bench(*bench, line, out);
}

}  // namespace lockstep
