// The order in which a run sees its training split: a pure function of the config and the split.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "data/batch_source.h"
#include "data/loader.h"
#include "data/token_streams.h"
#include "trainer/run_config.h"

namespace lockstep {

class BatchOrder {
 public:
  /// `streams`: the split is one long text in rows, else shuffled sequences. `split` must outlive
  /// this and what it opens.
  BatchOrder(const RunConfig& config, const Split& split, bool streams);

  int64_t batches_in_epoch(int64_t epoch);
  /// Of the first `epochs`.
  int64_t total_batches(int64_t epochs);
  /// Whether all epochs have the same number of batches.
  bool epochs_are_alike() const { return streams_ || config_.batch.max_steps == 0; }
  std::string sha256(int64_t epoch);
  /// One rank's share of each batch from `start` on, without end.
  std::unique_ptr<BatchSource> open(int rank, int world_size, const HostAllocator& allocator,
                                    LoaderStart start) const;

 private:
  int64_t lanes() const { return config_.reproducible ? config_.lanes : 0; }

  const RunConfig& config_;
  bool streams_;
  const Split& split_;
  std::variant<Sampler, TokenStreamPlan> order_;
};

}  // namespace lockstep
