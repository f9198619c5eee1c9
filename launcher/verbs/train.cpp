// lockstep train: the main job.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "launcher/config_show.h"
#include "launcher/folds.h"
#include "launcher/ranks.h"
#include "launcher/run_file.h"
#include "launcher/signals.h"
#include "launcher/verbs/verbs.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

ResumeChoice resume_choice(const std::string& word) {
  using Mode = ResumeChoice::Mode;
  if (word == "auto") return {Mode::automatic, {}};
  if (word == "never") return {Mode::never, {}};
  return {Mode::path, word};
}

TrainRequest request_of(const RunFile& file, const RunConfig& config, const TrainOptions& options) {
  TrainRequest request;
  request.config = config;
  request.config_name = file.name;
  request.config_text = resolved_yaml(request.config);
  request.resume = resume_choice(options.resume);
  request.trace_steps = options.trace_steps;
  request.quiet = options.quiet;
  request.colours = colours_are_welcome();
  request.stop_requested = &install_stop_handlers();
  return request;
}

int run_train(const TrainOptions& options, const std::vector<std::string>& words,
              std::ostream& out) {
  if (options.folds > 0 && resume_choice(options.resume).mode == ResumeChoice::Mode::path) {
    throw Error(ExitCode::usage, "--folds and --resume PATH do not go together",
                "with --resume auto each fold goes on where it was");
  }
  const RunFile file = open_run_file(options.file.config, options.file.overrides);
  RankedCommand command{file, options.ranks, words, {}, {}};
  const bool restarts = !options.dry_run && options.folds == 0;
  if (restarts) command.continue_words = words_to_continue(words);
  command.work = [&](Communicator& communicator) {
    const RunConfig& config = file.loaded.config;
    const auto run = [&](const RunConfig& own) {
      return train(request_of(file, own, options), communicator).exit_code;
    };
    if (options.dry_run) {
      dry_run(request_of(file, config, options), communicator, out);
      return 0;
    }
    if (options.folds == 0) return run(config);
    return train_folds(config, run_dir_of(config, file.name), options.folds, run, communicator,
                       out);
  };
  return run_or_start(command);
}

}  // namespace

void describe_train(CLI::App& verb, TrainOptions& options) {
  add_run_file_options(verb, options.file);
  add_ranks_option(verb, options.ranks);
  verb.add_option(
          "--resume", options.resume,
          "auto: continue from the newest intact checkpoint of the run folder, if any; never: "
          "start anew; or the folder of a run or checkpoint to continue from")
      ->type_name("auto|never|PATH")
      ->capture_default_str();
  verb.add_option("--folds", options.folds,
                  "Cross-validation: deal the training split into so many folds and train a run "
                  "for each, in fold-0, fold-1, ... of the run folder, on all the others; prints "
                  "mean and standard deviation at the end")
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 20).description(""))
      ->type_name("K");
  verb.add_flag("--dry-run", options.dry_run,
                "Do everything but train: check the config and data, print shapes, parameters, "
                "memory and length");
  verb.add_option(
          "--trace", options.trace_steps,
          "Write a timeline of the first N steps of all ranks to trace.json in the run folder, for "
          "chrome://tracing or ui.perfetto.dev")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}).description(""))
      ->type_name("N");
  verb.add_flag("-q,--quiet", options.quiet,
                "No progress on the terminal; files are written all the same");
}

void add_train(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      app.add_subcommand("train", "Train a model, or go on with a run that was stopped");
  const auto options = std::make_shared<TrainOptions>();
  describe_train(*verb, *options);
  verb->footer(
      "Started by hand it starts its ranks itself; under mpirun and srun it joins those it finds.\n"
      "Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 save a checkpoint and end the run with exit code 75;\n"
      "the same command then continues it.\n\n"
      "Examples:\n"
      "  lockstep train configs/mnist.yaml -n 2\n"
      "  lockstep train configs/splice.yaml -n 2 --folds 10\n"
      "  lockstep train configs/mnist.yaml run.dir=runs/trial optimizer.learning_rate=0.002\n"
      "  mpirun -n 2 lockstep train configs/mnist.yaml");
  verb->callback([&line, &out, options] {
    line.action = [&line, &out, options] { return run_train(*options, line.words, out); };
  });
}

}  // namespace lockstep
