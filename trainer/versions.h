// What this build is made of, for result.json, `version` and `doctor`.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace lockstep {

/// {"lockstep", "0.1.0"}, {"libtorch", ...}, {"mpi", ...}, {"nccl", ...}, {"cuda", ...}, ...
std::vector<std::pair<std::string, std::string>> versions();

}  // namespace lockstep
