// One label per sequence: LSTM layers, pooling over time, a linear layer, cross-entropy.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

TaskEntry sequence_classification_entry();

}  // namespace lockstep
