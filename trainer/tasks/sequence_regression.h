// Numbers for each sequence: LSTM layers, pooling over time, a linear layer, squared error.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// The first dense target with one step per sequence. Metrics: loss (mean squared error), mae, and
/// within_tolerance, the share of sequences whose numbers all are within model.tolerance.
TaskEntry sequence_regression_entry();

}  // namespace lockstep
