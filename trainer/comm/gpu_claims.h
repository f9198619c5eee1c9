// Which rank computes on which GPU. The decisions are pure functions of what the ranks reported,
// so they are tested without any GPU.
#pragma once

#include <string>
#include <vector>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// What a rank says of the GPUs it sees.
struct GpuReport {
  std::string host;
  int local_rank = 0;
  std::vector<std::string> bus_ids;  ///< PCI addresses, in CUDA's order
};

/// The CUDA device each rank computes on, or the reason why not every rank has one of its own.
struct GpuAssignment {
  std::vector<int> device_of_rank;  ///< empty when there is a problem
  std::string problem;
};

/// Rank r takes its local_rank-th visible GPU; a rank that sees just one takes that (Slurm may hide
/// the others). Two ranks on one GPU are a problem that names both.
GpuAssignment assign_gpus(const std::vector<GpuReport>& report_of_rank);

std::string to_text(const GpuReport& report);
GpuReport gpu_report_from(const std::string& text);

/// Collective. Throws Error(device) naming both ranks when two on one host claim the same GPU.
void require_distinct_gpus(Communicator& communicator, const std::string& bus_id);

}  // namespace lockstep
