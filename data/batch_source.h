// Where a run's batches come from, one after the other.
#pragma once

#include <cstdint>

#include "data/batch.h"

namespace lockstep {

class BatchSource {
 public:
  virtual ~BatchSource() = default;

  /// The next batch; blocks until it is there and keeps it valid until the next call. Training
  /// goes on into the next epoch without end; evaluation gives null after its last batch. Errors of
  /// a reading thread are thrown here.
  virtual const Batch* next() = 0;

  /// Seconds that next() made its caller wait, since construction.
  virtual double waited_seconds() const = 0;
};

/// Where to begin: the next global batch to deliver.
struct LoaderStart {
  int64_t epoch = 0;
  int64_t index = 0;
};

}  // namespace lockstep
