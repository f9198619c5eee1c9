#include "trainer/tasks/task_names.h"

namespace lockstep {

std::vector<std::string> task_names() { return {"sequence_classification"}; }

}  // namespace lockstep
