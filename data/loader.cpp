#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "data/base/error.h"
#include "data/base/parallel.h"
#include "data/batch_filler.h"

namespace lockstep {
namespace {

LoaderOptions checked(LoaderOptions options) {
  LOCKSTEP_CHECK(options.world_size >= 1 && options.rank >= 0 && options.rank < options.world_size,
                 "rank {} of {}", options.rank, options.world_size);
  if (options.lanes == 0) options.lanes = options.world_size;
  LOCKSTEP_CHECK(options.lanes > 0 && options.lanes % options.world_size == 0,
                 "{} lanes on {} ranks", options.lanes, options.world_size);
  LOCKSTEP_CHECK(options.prefetch >= 1 && options.shift >= 0, "prefetch {}, shift {}",
                 options.prefetch, options.shift);
  return options;
}

}  // namespace

class Loader::Impl {
 public:
  Impl(const Split& split, const Sampler& sampler, const LoaderOptions& options, LoaderStart start);
  ~Impl();

  const Batch* next();
  double waited_seconds() const { return waited_seconds_; }

 private:
  void run();
  bool skip_to_own_batch();
  bool wait_for_room();
  void make_batch(Batch& batch);
  void deal(const std::vector<int64_t>& ids, Batch& batch) const;
  void publish();
  void finish(std::exception_ptr failure);
  Batch& slot(int64_t number) { return ring_[static_cast<size_t>(number) % ring_.size()]; }

  const LoaderOptions options_;
  Sampler sampler_;
  BatchFiller filler_;
  LoaderStart position_;  ///< of the next batch to read; belongs to the reading thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> ring_;  ///< one more than `prefetch`: the one that is lent out
  int64_t made_ = 0;         ///< batches read so far
  int64_t taken_ = 0;        ///< batches handed out so far, the last of them still lent
  bool finished_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;
  double waited_seconds_ = 0;
  std::thread thread_;
};

Loader::Impl::Impl(const Split& split, const Sampler& sampler, const LoaderOptions& options,
                   LoaderStart start)
    : options_(checked(options)),
      sampler_(sampler),
      filler_(split, options.shift, options.shift_seed),
      position_(start),
      ring_(static_cast<size_t>(options.prefetch) + 1) {
  LOCKSTEP_CHECK(sampler.num_samples() <= split.size(), "{} samples of {}", sampler.num_samples(),
                 split.size());
  if (sampler.num_samples() == 0 && !options_.deal_whole_batches) {
    throw Error(
        ExitCode::config,
        fmt::format("the split \"{}\" is empty: there is nothing to train on", split.name()));
  }
  for (Batch& batch : ring_) batch.streams = filler_.make_streams(options_.allocator);
  thread_ = start_without_signals([this] { run(); });
}

Loader::Impl::~Impl() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

const Batch* Loader::Impl::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (taken_ > 0) changed_.notify_all();  // the batch lent before may be written again
  const bool must_wait = made_ == taken_ && !finished_;
  ++taken_;
  if (must_wait) {
    const auto begin = std::chrono::steady_clock::now();
    changed_.wait(lock, [&] { return made_ >= taken_ || finished_; });
    waited_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  if (made_ >= taken_) return &slot(taken_ - 1);
  --taken_;
  if (failure_) std::rethrow_exception(failure_);
  return nullptr;
}

void Loader::Impl::run() {
  try {
    while (skip_to_own_batch() && wait_for_room()) {
      make_batch(slot(made_));
      publish();
    }
    finish(nullptr);
  } catch (...) {
    finish(std::current_exception());
  }
}

/// False after the last batch of an evaluation; training begins the next epoch.
bool Loader::Impl::skip_to_own_batch() {
  if (options_.deal_whole_batches) {
    while (position_.index % options_.world_size != options_.rank) ++position_.index;
    return position_.index < sampler_.batches_in_epoch(position_.epoch);
  }
  if (position_.index >= sampler_.batches_in_epoch(position_.epoch)) {
    position_ = {position_.epoch + 1, 0};
  }
  return true;
}

/// False when the loader is being destroyed.
bool Loader::Impl::wait_for_room() {
  std::unique_lock<std::mutex> lock(mutex_);
  // Batches that are ready, and the one lent out, keep their memory.
  const auto in_use = [&] { return made_ - std::max<int64_t>(taken_ - 1, 0); };
  changed_.wait(lock, [&] { return stopping_ || in_use() < static_cast<int64_t>(ring_.size()); });
  return !stopping_;
}

void Loader::Impl::make_batch(Batch& batch) {
  batch.epoch = position_.epoch;
  batch.index = position_.index;
  const std::vector<int64_t>& ids = sampler_.batch(position_.epoch, position_.index);
  batch.global_samples = static_cast<int64_t>(ids.size());
  if (options_.deal_whole_batches) {
    batch.sample_ids = ids;
    batch.lane_offsets = {0, batch.size()};
  } else {
    deal(ids, batch);
  }
  filler_.fill(batch);
}

/// A lane is a part of the batch. Where samples stand in the order of their lengths, it is every
/// lanes-th of them instead, there and back, so that all lanes have like work.
void Loader::Impl::deal(const std::vector<int64_t>& ids, Batch& batch) const {
  const int64_t lanes = options_.lanes;
  const auto count = static_cast<int64_t>(ids.size());
  const Share own = lanes_of_rank(lanes, options_.rank, options_.world_size);
  batch.sample_ids.clear();
  batch.lane_offsets.assign(1, 0);
  for (int64_t lane = own.begin; lane < own.end; ++lane) {
    if (sampler_.by_length()) {
      for (int64_t round = 0; round * lanes < count; ++round) {
        const int64_t place = round * lanes + (round % 2 == 0 ? lane : lanes - 1 - lane);
        if (place < count) batch.sample_ids.push_back(ids[static_cast<size_t>(place)]);
      }
    } else {
      const Share part = share_of(count, lane, lanes);
      batch.sample_ids.insert(batch.sample_ids.end(), ids.begin() + part.begin,
                              ids.begin() + part.end);
    }
    batch.lane_offsets.push_back(batch.size());
  }
}

void Loader::Impl::publish() {
  ++position_.index;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++made_;
  }
  changed_.notify_all();
}

void Loader::Impl::finish(std::exception_ptr failure) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finished_ = true;
    failure_ = std::move(failure);
  }
  changed_.notify_all();
}

Loader::Loader(const Split& split, const Sampler& sampler, LoaderOptions options, LoaderStart start)
    : impl_(std::make_unique<Impl>(split, sampler, options, start)) {}

Loader::~Loader() = default;

const Batch* Loader::next() {
  return impl_->next();
}

double Loader::waited_seconds() const {
  return impl_->waited_seconds();
}

}  // namespace lockstep
