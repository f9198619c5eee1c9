// A batch where the model computes.
#pragma once

#include "trainer/model/libtorch.h"

#include <map>
#include <string>
#include <vector>

#include "data/batch.h"

namespace lockstep {

struct DeviceBatch {
  torch::Tensor inputs;                          ///< [T, B, F] float32, or [T, B] int64 symbols
  std::vector<int64_t> lengths;                  ///< [B] real steps of the inputs
  std::map<std::string, torch::Tensor> targets;  ///< shaped like inputs, by stream name
  std::map<std::string, std::vector<int64_t>> target_lengths;  ///< [B] real steps of each target
  std::vector<int64_t> sample_ids;                             ///< [B]
  bool continues = false;    ///< columns go on where those of the batch before ended
  int64_t first_column = 0;  ///< in the rank's batch of `columns`, of which this is a part
  int64_t columns = 0;

  int64_t size() const { return static_cast<int64_t>(sample_ids.size()); }
  /// Lets go of the tensors; the rest is the memory of the next batch.
  void drop_tensors();
  /// Throws Error(config) when there is no target of that name.
  const torch::Tensor& target(const std::string& name) const;
};

/// Columns [begin, end) of a loader's batch, padded to the longest of them. On the CPU the whole
/// batch is not copied: the tensors live in the loader's memory and end with its next batch.
/// `part` may have been another batch of the same data set, whose memory is used again.
void to_device(const Batch& batch, int64_t begin, int64_t end, torch::Device device,
               DeviceBatch& part);
DeviceBatch to_device(const Batch& batch, torch::Device device);

}  // namespace lockstep
