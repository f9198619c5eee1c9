// One label per step: LSTM layers, a linear layer over every step, cross-entropy of real steps.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// The first target of symbols that is as long as the inputs. Where the data set also has a dense
/// target `legal` with a number for each label, 1 for those that would be right, the figures tell
/// for how many steps the legal labels were the most likely ones, and for how many whole sequences
/// (the criterion of Hochreiter & Schmidhuber 1997, section 5.1).
TaskEntry sequence_labelling_entry();

}  // namespace lockstep
