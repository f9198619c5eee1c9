// lockstep bench comm: all-reduces between ranks.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "launcher/run_file.h"
#include "launcher/verbs/bench_verbs.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

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

}  // namespace

void add_bench_comm(CLI::App& bench, CommandLine& line, std::ostream& out) {
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

}  // namespace lockstep
