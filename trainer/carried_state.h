// What columns carry from batch to batch (the states of language models), in checkpoints: by rows
// of the global batch, so that it fits any number of ranks.
#pragma once

#include "trainer/model/libtorch.h"

#include <map>
#include <string>
#include <vector>

#include "data/sampler.h"
#include "trainer/comm/communicator.h"
#include "trainer/safetensors.h"
#include "trainer/tasks/task.h"

namespace lockstep {

/// All ranks' rows as tensors "carried/0" and on, complete on rank zero, which `memory` keeps
/// alive; none when the task carries nothing. Collective.
std::vector<TensorView> gather_carried(const Task& task, Communicator& host,
                                       std::vector<torch::Tensor>& memory);

/// Gives each rank its rows [rows.begin, rows.end) of what rank zero has in `tensors`. Collective.
/// Throws JobError(corrupt) when rank zero has none, or other than `global_rows` rows.
void scatter_carried(const std::map<std::string, StoredTensor>& tensors, Share rows,
                     int64_t global_rows, torch::Device device, Task& task, Communicator& host);

}  // namespace lockstep
