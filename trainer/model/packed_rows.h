// The real steps of a ragged batch, packed: what a layer computes on instead of padding.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

/// Rows lie step by step, in each step those of the sequences that still run, longest first: as in
/// PyTorch's PackedSequence. Row first_row()[t] + b is step t of sequence order()[b].
class PackedRows {
 public:
  /// `lengths` empty: all sequences have `time` steps. Sequences of no steps have no rows.
  void set(int64_t time, int64_t batch, const std::vector<int64_t>& lengths);

  /// Nothing is left out and the order is the batch's own: [time, batch] is packed already.
  bool dense() const { return dense_; }
  int64_t time() const { return time_; }  ///< steps of the longest sequence
  int64_t padded_time() const { return padded_time_; }
  int64_t batch() const { return batch_; }
  int64_t rows() const { return first_row_.back(); }
  const int64_t* first_row() const { return first_row_.data(); }
  /// The row of the last step of the b-th longest sequence; -1 when it has none.
  int64_t last_row(int64_t b) const;
  int64_t sequence(int64_t b) const { return order_[static_cast<size_t>(b)]; }

  /// Between [padded time, batch, features] and [rows, features]. What `unpack` finds no row for
  /// becomes zero.
  void pack(const float* padded, int64_t features, float* packed) const;
  void unpack(const float* packed, int64_t features, float* padded) const;
  /// Between [batch, features] in the batch's order and in ours.
  void sort(const float* states, int64_t features, float* sorted) const;
  void unsort(const float* sorted, int64_t features, float* states) const;

 private:
  int64_t running(int64_t t) const {
    return first_row_[static_cast<size_t>(t) + 1] - first_row_[static_cast<size_t>(t)];
  }

  int64_t time_ = 0, padded_time_ = 0, batch_ = 0;
  bool dense_ = true;
  std::vector<int64_t> first_row_, order_, lengths_;  ///< lengths in our order
};

}  // namespace lockstep
