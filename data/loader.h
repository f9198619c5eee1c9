// Reads a rank's share of each global batch on background threads, a few batches ahead.
#pragma once

#include <cstdint>
#include <memory>

#include "data/batch_source.h"
#include "data/dataset.h"
#include "data/host_buffer.h"
#include "data/sampler.h"

namespace lockstep {

struct LoaderOptions {
  int rank = 0;
  int world_size = 1;
  /// Training: every rank takes its slice of every global batch, cut into this many lanes over all
  /// ranks (a multiple of the world size; 0 means one lane a rank). A rank's slice is its lanes.
  int64_t lanes = 0;
  /// Evaluation: whole batches are dealt out instead, batch k to rank k % world_size, so that a
  /// batch is computed the same way at any world size; ends after one epoch.
  bool deal_whole_batches = false;
  int64_t prefetch = 4;  ///< batches kept ready
  int64_t threads = 1;   ///< that make batches side by side; at most `prefetch` of them are busy
  /// Augmentation of dense inputs: each sample is moved by up to this many steps in time and as
  /// many features, zeros coming in. How far is a pure function of (shift_seed, epoch, sample id).
  int64_t shift = 0;
  uint64_t shift_seed = 0;
  HostAllocator allocator = HostAllocator::aligned();
};

class Loader : public BatchSource {
 public:
  /// `split` must outlive the loader.
  Loader(const Split& split, const Sampler& sampler, LoaderOptions options, LoaderStart start = {});
  ~Loader() override;
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  const Batch* next() override;
  double waited_seconds() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep
