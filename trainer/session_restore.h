// Where a training begins: at a checkpoint, at another model's weights, or at chance.
#pragma once

#include <string>
#include <vector>

#include "data/manifest.h"
#include "trainer/comm/communicator.h"
#include "trainer/optimizer.h"
#include "trainer/replica.h"
#include "trainer/run_folder.h"
#include "trainer/selection.h"
#include "trainer/session_parts.h"
#include "trainer/trainer.h"
#include "trainer/weight_average.h"

namespace lockstep {

/// What a checkpoint is put into.
struct RestoredParts {
  Replica& replica;
  Optimizer& optimizer;
  WeightAverage& average;
  Selection& selection;
};

/// Collective. Puts every rank where the checkpoint was that `request.resume` means, or all at the
/// same start; `notes` are what rank zero has to say of that start. Throws the same Error on every
/// rank: config when the checkpoint is of another run or data set, what CheckpointStore throws.
TrainPosition restore_or_broadcast(const TrainRequest& request, const RunFolder& folder,
                                   const Manifest& manifest, const RestoredParts& parts,
                                   const ComputePlace& compute, Communicator& host,
                                   std::vector<std::string>& notes);

}  // namespace lockstep
