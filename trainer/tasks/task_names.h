// Names of the registered tasks, for the config's choices; needs no LibTorch.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

std::vector<std::string> task_names();

}  // namespace lockstep
