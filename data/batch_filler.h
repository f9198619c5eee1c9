// Turns sample ids into the padded, time-major streams of a batch.
#pragma once

#include <cstdint>
#include <vector>

#include "data/batch.h"
#include "data/convert.h"
#include "data/dataset.h"

namespace lockstep {

/// How far one sample is moved: later in time and up in features when positive.
struct Displacement {
  int64_t steps = 0;
  int64_t features = 0;
};

/// Each within [-shift, shift], drawn from (seed, epoch, sample) alone.
Displacement displacement_of(int64_t shift, uint64_t seed, int64_t epoch, int64_t sample);

class BatchFiller {
 public:
  /// `split` must outlive this. `shift` and `shift_seed` are as in LoaderOptions.
  BatchFiller(const Split& split, int64_t shift, uint64_t shift_seed);

  /// Empty streams of the right names, whose memory comes from `allocator`.
  std::vector<BatchStream> make_streams(const HostAllocator& allocator) const;

  /// Fills `batch.streams` for the epoch and the sample ids that are set in it. Allocates only
  /// until its memory fits the largest batch.
  void fill(Batch& batch);

 private:
  void fill_shape(size_t index, BatchStream& stream) const;
  void fill_dense(const Batch& batch, size_t index, BatchStream& stream);
  void fill_symbols(size_t index, BatchStream& stream);
  const char* stored_of(int64_t column, size_t index, int64_t length);

  const Split& split_;
  int64_t shift_;
  uint64_t shift_seed_;
  std::vector<DenseConverter> converters_;  ///< one per stream, also where it holds symbols
  std::vector<StoredSequence> sequences_;   ///< of the batch at hand
  std::vector<char> stored_;
};

}  // namespace lockstep
