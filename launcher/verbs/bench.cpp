// lockstep bench: how fast this host is.
#include <CLI/CLI.hpp>

#include "launcher/verbs/bench_verbs.h"

namespace lockstep {

void add_count(CLI::App& verb, const std::string& flag, int64_t& value, int64_t least,
               const std::string& help) {
  verb.add_option(flag, value, help)
      ->check(CLI::Range(least, int64_t{1} << 30).description(""))
      ->type_name("N")
      ->capture_default_str();
}

void add_bench(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* bench = app.add_subcommand("bench", "Measure speed: step, lstm, comm, data");
  bench->require_subcommand(1);
  add_bench_step(*bench, line, out);
  add_bench_lstm(*bench, line, out);
  add_bench_comm(*bench, line, out);
  add_bench_data(*bench, line, out);
}

}  // namespace lockstep
