// What the loader hands to the trainer: one rank's share of one global batch, ready to compute on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/host_buffer.h"

namespace lockstep {

/// Fills the padding of symbol streams; losses skip it (PyTorch's `ignore_index` has this value).
inline constexpr int64_t kPaddingSymbol = -100;

/// One stream of a batch, padded to its longest sequence, time-major, contiguous, 64-byte aligned.
///
/// Dense streams hold float32 [time, batch, features], already scaled as the manifest says, zeros
/// in the padding; symbol streams hold int64 [time, batch], kPaddingSymbol in the padding.
struct BatchStream {
  std::string name;
  bool is_symbols = false;
  int64_t time = 0;
  int64_t batch = 0;
  int64_t features = 0;          ///< 0 for symbols
  std::vector<int64_t> lengths;  ///< [batch] real steps of each sequence
  HostBuffer values;  ///< at least as large as the shape needs; reused from batch to batch

  float* dense() { return values.as<float>(); }
  const float* dense() const { return values.as<float>(); }
  int64_t* symbols() { return values.as<int64_t>(); }
  const int64_t* symbols() const { return values.as<int64_t>(); }
};

/// One rank's share of one global batch. The share may be empty (a short last batch on many
/// ranks): then `sample_ids` is empty and each stream has batch 0.
struct Batch {
  int64_t epoch = 0;                  ///< counted from 0
  int64_t index = 0;                  ///< of the global batch in its epoch, from 0
  int64_t global_samples = 0;         ///< samples in the global batch, over all ranks
  std::vector<int64_t> sample_ids;    ///< of this share, in the order of the batch dimension
  std::vector<int64_t> lane_offsets;  ///< lane k is columns [lane_offsets[k], lane_offsets[k + 1])
  /// Columns go on where the same columns of the batch before ended (token_streams.h).
  bool continues = false;
  std::vector<BatchStream> streams;  ///< inputs first, then targets in sorted order of names

  int64_t size() const { return static_cast<int64_t>(sample_ids.size()); }
  const BatchStream& inputs() const { return streams.front(); }
  /// Throws Error(config) naming the streams there are when `name` is not one of them.
  const BatchStream& stream(const std::string& name) const;
};

}  // namespace lockstep
