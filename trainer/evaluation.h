// Measuring a model on a whole split.
#pragma once

#include <string>

#include "data/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/observers/observer.h"
#include "trainer/replica.h"

namespace lockstep {

struct EvaluationSettings {
  int64_t batch_size = 256;
  bool on_all_ranks = true;  ///< false: rank zero computes, the others wait
  int64_t prefetch = 4;
  int64_t threads = 1;  ///< that make batches
  int64_t steps = 35;   ///< texts: tokens of each row computed at once
  int64_t window = 0;   ///< sequences: batches' worth that are sorted by length
  bool decode = false;  ///< see Task::evaluate
};

/// Collective; every rank gets the same report (step and epoch are the caller's to fill in).
///
/// The figures are the same bits at any world size and in either mode: a batch is computed whole by
/// one rank, and the sums of batches are added as integers (multiples of 2^-20), in which order
/// does not matter.
EvaluationReport evaluate_split(Replica& replica, const Split& split,
                                const EvaluationSettings& settings, Communicator& communicator);

}  // namespace lockstep
