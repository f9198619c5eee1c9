// Any number of labels for a sequence: topics of news, tags.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// The target is dense, one step a sequence: a one for each label that it has, else a zero. Each
/// label is decided by itself; the loss is the binary cross-entropy summed over labels.
TaskEntry multi_label_classification_entry();

}  // namespace lockstep
