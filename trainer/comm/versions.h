// Versions of the libraries behind communication, as they are at run time.
#pragma once

#include <string>

namespace lockstep {

std::string mpi_version();
std::string nccl_version();

}  // namespace lockstep
