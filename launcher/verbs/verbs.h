// The verbs of the command line, one file each. `add_...` describes the verb and its options to the
// parser; when the command line names it, it leaves its work in `line.action`.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "launcher/command_line.h"

namespace CLI {
class App;
}

namespace lockstep {

void add_train(CLI::App& app, CommandLine& line, std::ostream& out);
void add_evaluate(CLI::App& app, CommandLine& line, std::ostream& out);
void add_predict(CLI::App& app, CommandLine& line, std::ostream& out);
void add_monitor(CLI::App& app, CommandLine& line, std::ostream& out);
void add_data(CLI::App& app, CommandLine& line, std::ostream& out);
void add_config(CLI::App& app, CommandLine& line, std::ostream& out);
void add_bench(CLI::App& app, CommandLine& line, std::ostream& out);
void add_doctor(CLI::App& app, CommandLine& line, std::ostream& out);
void add_version(CLI::App& app, CommandLine& line, std::ostream& out);

/// What verbs that begin from a run file have in common.
struct RunFileOptions {
  std::string config;
  std::vector<std::string> overrides;
};
void add_run_file_options(CLI::App& verb, RunFileOptions& options);

/// The same for verbs that start ranks.
void add_ranks_option(CLI::App& verb, std::optional<int>& ranks);

struct TrainOptions {
  RunFileOptions file;
  std::optional<int> ranks;
  std::string resume = "auto";
  int64_t trace_steps = 0;
  int64_t folds = 0;
  bool dry_run = false;
  bool quiet = false;
};
void describe_train(CLI::App& verb, TrainOptions& options);

/// The words of a rank that continues what this command line began.
std::vector<std::string> words_to_continue(const std::vector<std::string>& words);

}  // namespace lockstep
