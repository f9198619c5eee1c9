#include "trainer/run_folder.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "data/base/atomic_file.h"
#include "data/base/error.h"

namespace lockstep {

void warn(const RunFolder& folder, const std::string& text) {
  if (folder.observers) folder.observers->on_warning(text);
}

RunFolder open_run_folder(const TrainRequest& request, Communicator& host) {
  RunFolder folder;
  folder.path = std::filesystem::absolute(run_dir_of(request.config, request.config_name));
  together(host, [&] {
    if (!host.is_root()) return;
    folder.lock = std::make_unique<RunDirectory>(folder.path);
    folder.checkpoints = std::make_unique<CheckpointStore>(folder.path);
    folder.best = std::make_unique<CheckpointStore>(folder.path, "best");
    if (request.resume.mode == ResumeChoice::Mode::never && !folder.checkpoints->empty()) {
      throw Error(ExitCode::run_directory,
                  fmt::format("{}: holds checkpoints, and --resume never would start over them",
                              folder.path.string()),
                  "choose another run.dir, remove the folder, or leave out --resume");
    }
    std::filesystem::create_directories(folder.path / "ranks");
    ObserverSettings settings;
    settings.run_dir = folder.path;
    settings.terminal = request.quiet ? nullptr : &std::cout;
    settings.terminal_is_tty = request.colours;
    folder.observers = std::make_unique<Observers>(make_observers(settings));
  });
  host.keep_rank_states_in(folder.path / "ranks");
  return folder;
}

bool finished_before(const RunFolder& folder, int64_t steps, Communicator& host) {
  std::string answer = "no";
  if (host.is_root()) {
    try {
      const auto result = nlohmann::json::parse(read_file(folder.path / "result.json"));
      if (result.at("status") == "finished" && result.at("steps") == steps) answer = "yes";
    } catch (const std::exception&) {  // not there or not understood: the run ends as it would
    }
  }
  return host.broadcast_bytes(answer, 0) == "yes";
}

}  // namespace lockstep
