#include "trainer/model/packed_rows.h"

#include <algorithm>
#include <numeric>

namespace lockstep {

void PackedRows::set(int64_t time, int64_t batch, const std::vector<int64_t>& lengths) {
  padded_time_ = time;
  batch_ = batch;
  order_.resize(static_cast<size_t>(batch));
  std::iota(order_.begin(), order_.end(), 0);
  const auto length = [&](int64_t b) {
    return lengths.empty() ? time : lengths[static_cast<size_t>(b)];
  };
  dense_ = std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return n == time; });
  // By length, then by place: no memory is allocated, as std::stable_sort might.
  std::sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return length(a) != length(b) ? length(a) > length(b) : a < b;
  });
  lengths_.resize(order_.size());
  std::transform(order_.begin(), order_.end(), lengths_.begin(), length);
  time_ = lengths_.empty() ? 0 : lengths_.front();
  first_row_.assign(static_cast<size_t>(time_) + 1, 0);
  int64_t running = batch;
  for (int64_t t = 0; t < time_; ++t) {
    while (lengths_[static_cast<size_t>(running) - 1] <= t) --running;
    first_row_[static_cast<size_t>(t) + 1] = first_row_[static_cast<size_t>(t)] + running;
  }
}

int64_t PackedRows::last_row(int64_t b) const {
  const int64_t length = lengths_[static_cast<size_t>(b)];
  return length == 0 ? -1 : first_row_[static_cast<size_t>(length) - 1] + b;
}

void PackedRows::pack(const float* padded, int64_t features, float* packed) const {
  for (int64_t t = 0; t < time_; ++t) {
    for (int64_t b = 0; b < running(t); ++b, packed += features) {
      std::copy_n(padded + (t * batch_ + sequence(b)) * features, features, packed);
    }
  }
}

void PackedRows::unpack(const float* packed, int64_t features, float* padded) const {
  for (int64_t t = 0; t < padded_time_; ++t, padded += batch_ * features) {
    const int64_t rows = t < time_ ? running(t) : 0;
    for (int64_t b = 0; b < rows; ++b, packed += features) {
      std::copy_n(packed, features, padded + sequence(b) * features);
    }
    for (int64_t b = rows; b < batch_; ++b) {
      std::fill_n(padded + sequence(b) * features, features, 0.0f);
    }
  }
}

void PackedRows::sort(const float* states, int64_t features, float* sorted) const {
  for (int64_t b = 0; b < batch_; ++b) {
    std::copy_n(states + sequence(b) * features, features, sorted + b * features);
  }
}

void PackedRows::unsort(const float* sorted, int64_t features, float* states) const {
  for (int64_t b = 0; b < batch_; ++b) {
    std::copy_n(sorted + b * features, features, states + sequence(b) * features);
  }
}

}  // namespace lockstep
