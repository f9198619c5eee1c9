// lockstep bench data: batches beside reading their bytes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/bench_loader.h"
#include "launcher/verbs/bench_verbs.h"

namespace lockstep {
namespace {

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

}  // namespace

void add_bench_data(CLI::App& bench, CommandLine& line, std::ostream& out) {
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

}  // namespace lockstep
