// Steps that tasks share: what a data set's streams look like, and lines to predict as batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "data/manifest.h"
#include "trainer/device_batch.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

/// Whether every sequence has one step in this stream.
bool has_one_step_each(const Manifest& manifest, size_t stream);
/// Whether the stream has as many steps as the inputs, in every shard.
bool is_as_long_as_inputs(const Manifest& manifest, size_t stream);

/// A batch of sequences of symbols, of which there is one at least and none is empty.
DeviceBatch batch_of_symbols(const std::vector<const std::vector<int64_t>*>& sequences,
                             torch::Device device);
DeviceBatch batch_of_symbols(const std::vector<std::vector<int64_t>>& sequences,
                             torch::Device device);

}  // namespace lockstep
