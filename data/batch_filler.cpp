#include "data/batch_filler.h"

#include <algorithm>

#include "data/element_type.h"
#include "data/mix.h"

namespace lockstep {
namespace {

/// Converts one sequence into its column of a [time, batch, features] stream, moved by `moved`.
/// Rows and features that would come from outside the sequence are zero.
void place_moved(const DenseConverter& convert, size_t element_bytes, const char* stored,
                 int64_t length, Displacement moved, int64_t features, int64_t row_stride,
                 float* column) {
  const int64_t begin = std::clamp<int64_t>(moved.features, 0, features);
  const int64_t end = std::clamp<int64_t>(features + moved.features, 0, features);
  for (int64_t t = 0; t < length; ++t) {
    float* row = column + t * row_stride;
    const int64_t from = t - moved.steps;
    if (from < 0 || from >= length || begin >= end) {
      std::fill_n(row, features, 0.0F);
      continue;
    }
    std::fill_n(row, begin, 0.0F);
    const int64_t first = from * features + begin - moved.features;
    convert(stored + static_cast<size_t>(first) * element_bytes, 1, end - begin, row + begin, 0);
    std::fill_n(row + end, features - end, 0.0F);
  }
}

/// How many columns before its turn a sequence is asked for.
constexpr size_t kColumnsAhead = 6;

/// Asks for the beginning of a sequence, at a place of memory that nothing can foresee; the
/// processor foresees the rest.
void prefetch(const char* stored, size_t bytes) {
  constexpr size_t kLine = 64, kMost = 16 * kLine;
  if (stored == nullptr) return;
  for (size_t i = 0; i < std::min(bytes, kMost); i += kLine) __builtin_prefetch(stored + i);
}

}  // namespace

Displacement displacement_of(int64_t shift, uint64_t seed, int64_t epoch, int64_t sample) {
  if (shift == 0) return {};
  const auto choices = static_cast<uint64_t>(2 * shift + 1);
  Random random(mix64(seed, static_cast<uint64_t>(epoch), static_cast<uint64_t>(sample)));
  const auto steps = static_cast<int64_t>(random.below(choices)) - shift;
  return {steps, static_cast<int64_t>(random.below(choices)) - shift};
}

BatchFiller::BatchFiller(const Split& split, int64_t shift, uint64_t shift_seed)
    : split_(split), shift_(shift), shift_seed_(shift_seed) {
  for (const StreamSchema& stream : split.streams()) converters_.emplace_back(stream);
}

std::vector<BatchStream> BatchFiller::make_streams(const HostAllocator& allocator) const {
  std::vector<BatchStream> streams;
  for (const StreamSchema& schema : split_.streams()) {
    BatchStream& stream = streams.emplace_back();
    stream.name = schema.name;
    stream.is_symbols = schema.is_symbols();
    stream.features = schema.features;
    stream.values = HostBuffer(allocator);
  }
  return streams;
}

void BatchFiller::fill(Batch& batch) {
  sequences_.clear();
  for (const int64_t sample : batch.sample_ids) sequences_.push_back(split_.sequence(sample));
  for (size_t i = 0; i < batch.streams.size(); ++i) {
    BatchStream& stream = batch.streams[i];
    fill_shape(i, stream);
    if (stream.is_symbols) {
      fill_symbols(i, stream);
    } else {
      fill_dense(batch, i, stream);
    }
  }
}

void BatchFiller::fill_shape(size_t index, BatchStream& stream) const {
  stream.batch = static_cast<int64_t>(sequences_.size());
  stream.time = 0;
  stream.lengths.clear();
  for (const StoredSequence& sequence : sequences_) {
    stream.lengths.push_back(sequence.length(index));
    stream.time = std::max(stream.time, stream.lengths.back());
  }
  const size_t element = stream.is_symbols ? sizeof(int64_t) : sizeof(float);
  stream.values.reserve(
      static_cast<size_t>(stream.time * stream.batch * std::max<int64_t>(1, stream.features)) *
      element);
}

/// A sequence of the batch at hand, where it is kept or read to; valid until the next call.
const char* BatchFiller::stored_of(int64_t column, size_t index, int64_t length) {
  const StoredSequence& sequence = sequences_[static_cast<size_t>(column)];
  const size_t bytes = static_cast<size_t>(length) * row_bytes(split_.streams()[index]);
  if (const char* kept = sequence.kept(index)) {
    const auto soon = static_cast<size_t>(column) + kColumnsAhead;
    if (soon < sequences_.size()) prefetch(sequences_[soon].kept(index), bytes);
    return kept;
  }
  if (stored_.size() < bytes) stored_.resize(bytes + bytes / 2);
  sequence.read(index, stored_.data());
  return stored_.data();
}

void BatchFiller::fill_dense(const Batch& batch, size_t index, BatchStream& stream) {
  const DenseConverter& convert = converters_[index];
  const size_t element_bytes = size_of(split_.streams()[index].element);
  const int64_t features = stream.features;
  const int64_t row_stride = stream.batch * features;
  for (int64_t b = 0; b < stream.batch; ++b) {
    const int64_t sample = batch.sample_ids[static_cast<size_t>(b)];
    const int64_t length = stream.lengths[static_cast<size_t>(b)];
    const char* stored = stored_of(b, index, length);
    float* column = stream.dense() + b * features;
    if (index == 0 && shift_ > 0) {
      const Displacement moved = displacement_of(shift_, shift_seed_, batch.epoch, sample);
      place_moved(convert, element_bytes, stored, length, moved, features, row_stride, column);
    } else {
      convert(stored, length, features, column, row_stride);
    }
    for (int64_t t = length; t < stream.time; ++t) {
      std::fill_n(column + t * row_stride, features, 0.0F);
    }
  }
}

void BatchFiller::fill_symbols(size_t index, BatchStream& stream) {
  const ElementType element = split_.streams()[index].element;
  for (int64_t b = 0; b < stream.batch; ++b) {
    const int64_t length = stream.lengths[static_cast<size_t>(b)];
    const char* stored = stored_of(b, index, length);
    int64_t* column = stream.symbols() + b;
    widen_symbols(element, stored, length, column, stream.batch);
    for (int64_t t = length; t < stream.time; ++t) column[t * stream.batch] = kPaddingSymbol;
  }
}

}  // namespace lockstep
