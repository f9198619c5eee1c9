#include "data/sampler.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "data/base/error.h"
#include "data/base/sha256.h"
#include "data/mix.h"

namespace lockstep {

Sampler::Sampler(int64_t num_samples, const SamplerOptions& options, LengthOf length_of,
                 LengthOf then_by)
    : num_samples_(num_samples),
      options_(options),
      length_of_(std::move(length_of)),
      then_by_(std::move(then_by)) {
  constexpr int64_t kMost = int64_t{1} << 62;
  LOCKSTEP_CHECK(num_samples >= 0 && num_samples < kMost, "{} samples", num_samples);
  LOCKSTEP_CHECK(options.batch_size > 0 && options.batch_size < kMost, "batch size {}",
                 options.batch_size);
  LOCKSTEP_CHECK(options.window >= 0 && options.window < kMost / options.batch_size, "window {}",
                 options.window);
  LOCKSTEP_CHECK(options.max_steps == 0 || by_length(), "max_steps without a window");
  LOCKSTEP_CHECK(!by_length() || length_of_, "a window without lengths");
}

int64_t Sampler::num_windows() const {
  return (num_samples_ + window_size() - 1) / window_size();
}

int64_t Sampler::batches_in_epoch(int64_t epoch) {
  if (options_.max_steps == 0) {
    return (num_samples_ + options_.batch_size - 1) / options_.batch_size;
  }
  go_to(epoch);
  return first_batches().back();
}

void Sampler::go_to(int64_t epoch) {
  if (order_ && order_->epoch() == epoch) return;
  order_.emplace(num_samples_, options_.shuffle, options_.block, options_.seed, epoch);
  first_batches_.clear();
  window_ = -1;
}

const std::vector<int64_t>& Sampler::batch(int64_t epoch, int64_t index) {
  LOCKSTEP_CHECK(index >= 0 && index < batches_in_epoch(epoch), "batch {} of {}", index,
                 batches_in_epoch(epoch));
  go_to(epoch);
  batch_.clear();
  if (!by_length()) {
    const int64_t begin = index * options_.batch_size;
    const int64_t end = std::min(num_samples_, begin + options_.batch_size);
    for (int64_t position = begin; position < end; ++position)
      batch_.push_back((*order_)(position));
    return batch_;
  }
  const std::vector<int64_t>& first = first_batches();
  const auto window = std::upper_bound(first.begin(), first.end(), index) - first.begin() - 1;
  go_to_window(window);
  const Share part =
      window_batches_[static_cast<size_t>(index - first[static_cast<size_t>(window)])];
  batch_.assign(window_ids_.begin() + part.begin, window_ids_.begin() + part.end);
  return batch_;
}

void Sampler::go_to_window(int64_t window) {
  if (window_ == window) return;
  window_ = window;
  const int64_t begin = window * window_size();
  const int64_t end = std::min(num_samples_, begin + window_size());
  by_length_.clear();
  for (int64_t position = begin; position < end; ++position) {
    const int64_t id = (*order_)(position);
    by_length_.push_back({length_of_(id), then_by_ ? then_by_(id) : 0, id});
  }
  std::sort(by_length_.begin(), by_length_.end());
  window_ids_.clear();
  for (const auto& [length, second, id] : by_length_) window_ids_.push_back(id);
  cut_window();
  window_batches_.clear();
  const uint64_t key = mix64(mix64(options_.seed, static_cast<uint64_t>(order_->epoch())),
                             static_cast<uint64_t>(window));
  const bool in_order = options_.shuffle == Shuffle::none;
  const Permutation shuffled(cut_.size(), key);
  for (uint64_t i = 0; i < cut_.size(); ++i) {
    window_batches_.push_back(cut_[in_order ? i : shuffled(i)]);
  }
}

/// Lengths rise, so the last sample of a batch is its longest.
void Sampler::cut_window() {
  cut_.clear();
  const auto count = static_cast<int64_t>(by_length_.size());
  Share batch;
  for (; batch.end < count; ++batch.end) {
    const bool full = batch.size() == options_.batch_size;
    const int64_t steps = by_length_[static_cast<size_t>(batch.end)][0];
    const bool long_enough = options_.max_steps > 0 && batch.size() > 0 &&
                             steps > options_.max_steps / (batch.size() + 1);
    if (!full && !long_enough) continue;
    cut_.push_back(batch);
    batch.begin = batch.end;
  }
  if (batch.size() > 0) cut_.push_back(batch);
}

/// Which batch each window begins with. Windows are whole numbers of batches, unless the cut
/// depends on lengths.
const std::vector<int64_t>& Sampler::first_batches() {
  if (!first_batches_.empty()) return first_batches_;
  first_batches_.push_back(0);
  for (int64_t window = 0; window < num_windows(); ++window) {
    if (options_.max_steps > 0) {
      go_to_window(window);
      first_batches_.push_back(first_batches_.back() +
                               static_cast<int64_t>(window_batches_.size()));
    } else {
      const int64_t samples = std::min(num_samples_ - window * window_size(), window_size());
      first_batches_.push_back(first_batches_.back() +
                               (samples + options_.batch_size - 1) / options_.batch_size);
    }
  }
  return first_batches_;
}

std::string Sampler::order_sha256(int64_t epoch) {
  static_assert(std::endian::native == std::endian::little, "ids are hashed as they lie in memory");
  Sha256 hash;
  const int64_t batches = batches_in_epoch(epoch);
  for (int64_t index = 0; index < batches; ++index) {
    const std::vector<int64_t>& ids = batch(epoch, index);
    hash.update(ids.data(), ids.size() * sizeof(int64_t));
  }
  return hash.hex_digest();
}

}  // namespace lockstep
