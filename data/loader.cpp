#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
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
  LOCKSTEP_CHECK(options.prefetch >= 1 && options.threads >= 1 && options.shift >= 0,
                 "prefetch {}, {} threads, shift {}", options.prefetch, options.threads,
                 options.shift);
  return options;
}

}  // namespace

/// Threads take the next batch one after the other (order_mutex_), fill their batches side by side,
/// and hand them out in order (mutex_).
class Loader::Impl {
 public:
  Impl(const Split& split, const Sampler& sampler, const LoaderOptions& options, LoaderStart start);
  ~Impl();

  const Batch* next();
  double waited_seconds() const { return waited_seconds_; }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

  void run(BatchFiller& filler);
  int64_t begin_batch();
  bool skip_to_own_batch();
  bool wait_for_room();
  void choose_samples(Batch& batch);
  void deal(const std::vector<int64_t>& ids, Batch& batch) const;
  void publish(int64_t number);
  void end_before(int64_t number, std::exception_ptr failure);
  bool can_answer() const { return made_ >= taken_ || made_ == end_; }
  size_t place(int64_t number) const { return static_cast<size_t>(number) % ring_.size(); }

  const LoaderOptions options_;

  std::mutex order_mutex_;  ///< never taken while mutex_ is held
  Sampler sampler_;
  LoaderStart position_;  ///< of the next batch to begin
  int64_t begun_ = 0;     ///< batches

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> ring_;   ///< one more than `prefetch`: the one that is lent out
  std::vector<char> filled_;  ///< which of them are, but for those counted in made_
  int64_t made_ = 0;          ///< batches that are ready or were, all of lower number too
  int64_t taken_ = 0;         ///< batches handed out so far, the last of them still lent
  int64_t end_ = kNone;       ///< no batch from this number on
  bool stopping_ = false;
  std::exception_ptr failure_;  ///< why; null when the data ended
  double waited_seconds_ = 0;

  std::vector<BatchFiller> fillers_;  ///< one for each thread
  std::vector<std::thread> threads_;
};

Loader::Impl::Impl(const Split& split, const Sampler& sampler, const LoaderOptions& options,
                   LoaderStart start)
    : options_(checked(options)),
      sampler_(sampler),
      position_(start),
      ring_(static_cast<size_t>(options.prefetch) + 1),
      filled_(ring_.size()) {
  LOCKSTEP_CHECK(sampler.num_samples() <= split.size(), "{} samples of {}", sampler.num_samples(),
                 split.size());
  if (sampler.num_samples() == 0 && !options_.deal_whole_batches) {
    throw Error(
        ExitCode::config,
        fmt::format("the split \"{}\" is empty: there is nothing to train on", split.name()));
  }
  for (int64_t i = 0; i < options_.threads; ++i) {
    fillers_.emplace_back(split, options.shift, options.shift_seed);
  }
  for (Batch& batch : ring_) batch.streams = fillers_[0].make_streams(options_.allocator);
  for (BatchFiller& filler : fillers_) {
    threads_.push_back(start_without_signals([this, &filler] { run(filler); }));
  }
}

Loader::Impl::~Impl() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

const Batch* Loader::Impl::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (taken_ > 0) changed_.notify_all();  // the batch lent before may be written again
  ++taken_;
  if (!can_answer()) {
    const auto begin = std::chrono::steady_clock::now();
    changed_.wait(lock, [&] { return can_answer(); });
    waited_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  if (made_ >= taken_) return &ring_[place(taken_ - 1)];
  --taken_;
  if (failure_) std::rethrow_exception(failure_);
  return nullptr;
}

void Loader::Impl::run(BatchFiller& filler) {
  int64_t number = 0;
  try {
    while ((number = begin_batch()) != kNone) {
      filler.fill(ring_[place(number)]);
      publish(number);
    }
  } catch (...) {
    end_before(number, std::current_exception());
  }
}

/// Chooses the samples of the next batch, and gives its number; kNone when there is nothing more
/// to do.
int64_t Loader::Impl::begin_batch() {
  const std::lock_guard<std::mutex> lock(order_mutex_);
  try {
    if (!skip_to_own_batch()) {
      end_before(begun_, nullptr);
      return kNone;
    }
    if (!wait_for_room()) return kNone;
    choose_samples(ring_[place(begun_)]);
  } catch (...) {
    end_before(begun_, std::current_exception());
    return kNone;
  }
  ++position_.index;
  return begun_++;
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

/// False when the loader is being destroyed, or another thread has found the end.
bool Loader::Impl::wait_for_room() {
  std::unique_lock<std::mutex> lock(mutex_);
  // Batches that are being made or ready, and the one lent out, keep their memory.
  const auto in_use = [&] { return begun_ - std::max<int64_t>(taken_ - 1, 0); };
  const auto ended = [&] { return stopping_ || end_ != kNone; };
  changed_.wait(lock, [&] { return ended() || in_use() < static_cast<int64_t>(ring_.size()); });
  return !ended();
}

void Loader::Impl::choose_samples(Batch& batch) {
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

void Loader::Impl::publish(int64_t number) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    filled_[place(number)] = 1;
    for (; filled_[place(made_)] != 0; ++made_) filled_[place(made_)] = 0;
  }
  changed_.notify_all();
}

/// Batches of lower number are still handed out.
void Loader::Impl::end_before(int64_t number, std::exception_ptr failure) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (number < end_) {
      end_ = number;
      failure_ = std::move(failure);
    }
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
