#include "launcher/run_file.h"

#include <iostream>

#include "data/base/error.h"
#include "trainer/devices.h"

namespace lockstep {
namespace {

int start(const RankedCommand& command, int ranks) {
  const RunConfig& config = command.file.loaded.config;
  StartPlan plan;
  plan.program = std::filesystem::read_symlink("/proc/self/exe");
  plan.arguments = command.words;
  plan.ranks = ranks;
  if (!command.continue_words.empty()) {
    plan.continue_arguments = command.continue_words;
    plan.run_dir = config.run.dir;
    plan.max_restarts = config.run.max_restarts;
  }
  return static_cast<int>(start_ranks(plan, std::cerr));
}

}  // namespace

RunFile open_run_file(const std::string& config, const std::vector<std::string>& overrides) {
  RunFile file;
  file.name = std::filesystem::path(config).stem().string();
  try {
    file.loaded = load_run_config(config, overrides);
  } catch (const std::exception&) {
    file.failure = std::current_exception();
  }
  return file;
}

int run_or_start(const RankedCommand& command) {
  const LaunchEnvironment environment = own_launch_environment();
  if (environment.kind == LaunchEnvironment::Kind::alone) command.file.require();
  const RunConfig& config = command.file.loaded.config;
  const int ranks = ranks_wanted(command.ranks, config, environment, visible_gpus);
  if (environment.kind == LaunchEnvironment::Kind::alone && ranks > 1) return start(command, ranks);
  RankWork work;
  work.timeout_seconds = config.communication.timeout_seconds;
  work.shared_memory = config.communication.shared_memory;
  if (!command.continue_words.empty()) work.run_dir = config.run.dir;
  work.run = [&](Communicator& communicator) {
    together(communicator, [&] { command.file.require(); });
    return command.work(communicator);
  };
  return run_on_ranks(environment, work);
}

}  // namespace lockstep
