#include "trainer/comm/launch_environment.h"

#include <charconv>
#include <cstring>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// The variable as a positive number, 0 when it is not set or none.
int number(const char* text) {
  int value = 0;
  if (text == nullptr) return 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end && value > 0 ? value : 0;
}

}  // namespace

LaunchEnvironment launch_environment(const std::function<const char*(const char*)>& get) {
  using Kind = LaunchEnvironment::Kind;
  // mpirun inside a Slurm job sets both families; its own comes first, for it started us.
  if (const int size = number(get("OMPI_COMM_WORLD_SIZE")); size > 0) return {Kind::mpirun, size};
  // SLURM_STEP_NUM_TASKS exists only under srun: in a batch script itself SLURM_NTASKS is set too,
  // but there one process runs and may start mpirun.
  const int tasks = get("SLURM_STEP_ID") != nullptr ? number(get("SLURM_STEP_NUM_TASKS")) : 0;
  if (tasks == 0) return {};
  if (get("PMIX_RANK") != nullptr) return {Kind::srun, tasks};
  if (tasks == 1) return {};
  throw Error(
      ExitCode::config,
      fmt::format("srun started {} tasks, but gave them no way to meet: each would train alone",
                  tasks),
      "start the ranks with `srun --mpi=pmix`");
}

}  // namespace lockstep
