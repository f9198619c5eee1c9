#include "trainer/devices.h"

#include <cuda_runtime_api.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "trainer/comm/gpu_claims.h"

namespace lockstep {
namespace {

std::vector<std::string> visible_bus_ids() {
  std::vector<std::string> ids;
  for (int device = 0; device < visible_gpus(); ++device) {
    char id[32] = {};
    if (cudaDeviceGetPCIBusId(id, sizeof id, device) == cudaSuccess) ids.emplace_back(id);
  }
  return ids;
}

std::string gpu_name(int device) {
  cudaDeviceProp properties{};
  return cudaGetDeviceProperties(&properties, device) == cudaSuccess ? properties.name : "GPU";
}

int allowed_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

}  // namespace

int visible_gpus() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

DeviceChoice choose_device(const std::string& wanted, Communicator& communicator) {
  if (wanted == "cpu") return {false, 0, "cpu", {}};
  const Place& place = communicator.place();
  std::vector<GpuReport> reports;
  for (const std::string& text :
       communicator.all_gather_bytes(to_text({place.host, place.local_rank, visible_bus_ids()}))) {
    reports.push_back(gpu_report_from(text));
  }
  const GpuAssignment assignment = assign_gpus(reports);
  if (assignment.problem.empty()) {
    const int device = assignment.device_of_rank[static_cast<size_t>(communicator.rank())];
    return {true, device, gpu_name(device), {}};
  }
  if (wanted == "cuda") {
    throw JobError(ExitCode::device, fmt::format("device: cuda, but {}", assignment.problem),
                   "start at most one rank per GPU (-n), or set `device: cpu`");
  }
  const bool any = std::any_of(reports.begin(), reports.end(),
                               [](const GpuReport& report) { return !report.bus_ids.empty(); });
  return {false, 0, "cpu",
          any ? fmt::format("all ranks compute on the CPU, because {}", assignment.problem) : ""};
}

int compute_threads(int64_t wanted, const Place& place) {
  if (wanted > 0) return static_cast<int>(wanted);
  const int cores = allowed_cores();
  // A rank that is bound to some of the cores has them for itself; ranks that may all run
  // everywhere share.
  const bool bound = cores < static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return std::max(1, bound ? cores : cores / place.local_size);
}

}  // namespace lockstep
