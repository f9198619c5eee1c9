// Rows of all ranks for losses that look beyond a rank's own part of the batch.
#pragma once

#include "trainer/comm/communicator.h"
#include "trainer/tasks/gather_rows.h"

namespace lockstep {

/// A function that every rank calls with its own rows [n, F] (n differs and may be 0) and that
/// gives all ranks' rows in the order of ranks. Collective; on the exchange's device. No sums may
/// be under way.
GatherRows gather_over(Communicator& exchange);

}  // namespace lockstep
