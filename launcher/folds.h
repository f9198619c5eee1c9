// Cross-validation: a run for each fold, and what they found together.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>

#include "trainer/comm/communicator.h"
#include "trainer/run_config.h"

namespace lockstep {

/// Where the run of a fold lives.
std::filesystem::path fold_dir(const std::filesystem::path& run_dir, int64_t fold);

/// Collective. Calls `train_fold` with the configuration of each fold in turn: the run's own with
/// `data.folds`, `data.fold` and a folder of its own. Folds that are finished already are not
/// trained again, so the same command goes on where it was stopped. At the end rank zero prints
/// mean and standard deviation of the figures of the test split, and writes them to folds.json.
/// Returns the exit code of the first fold that did not finish, else 0.
int train_folds(const RunConfig& config, const std::filesystem::path& run_dir, int64_t folds,
                const std::function<int(const RunConfig&)>& train_fold, Communicator& communicator,
                std::ostream& out);

}  // namespace lockstep
