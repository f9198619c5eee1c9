#include "trainer/comm/versions.h"

#include <fmt/format.h>
#include <mpi.h>
#include <nccl.h>

namespace lockstep {

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int size = 0;
  if (MPI_Get_library_version(text, &size) != MPI_SUCCESS) return "unknown";
  const std::string all(text, static_cast<size_t>(size));
  return all.substr(0, all.find(','));  // "Open MPI v4.1.4", the rest is about the build
}

std::string nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "unknown";
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace lockstep
