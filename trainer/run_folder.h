// A training's hold on its run folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "trainer/checkpoint.h"
#include "trainer/comm/communicator.h"
#include "trainer/observers/make_observers.h"
#include "trainer/run_directory.h"
#include "trainer/session.h"

namespace lockstep {

/// Rank zero's lock, its checkpoints, and the observers that write there; null on other ranks.
struct RunFolder {
  std::filesystem::path path;
  std::unique_ptr<RunDirectory> lock;
  std::unique_ptr<CheckpointStore> checkpoints;
  std::unique_ptr<CheckpointStore> best;
  std::unique_ptr<Observers> observers;
};

/// Collective. Takes the folder on rank zero and prepares `ranks/` in it for all. Throws
/// Error(run_directory) when somebody else has it, or when it holds checkpoints that `--resume
/// never` would start over.
RunFolder open_run_folder(const TrainRequest& request, Communicator& host);

/// Tells the observers, where this rank has them.
void warn(const RunFolder& folder, const std::string& text);

/// Collective. Whether the folder's result.json tells of a finished run of that many steps: then
/// there is nothing left to do, and the figures of the run that did the work stay.
bool finished_before(const RunFolder& folder, int64_t steps, Communicator& host);

}  // namespace lockstep
