// The task answer_matching: which of its candidates answers a question, and which template of a
// file does.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

TaskEntry answer_matching_entry();

}  // namespace lockstep
