#include "data/token_streams.h"

#include <algorithm>
#include <chrono>

#include "data/base/error.h"
#include "data/base/sha256.h"
#include "data/convert.h"

namespace lockstep {

TokenText::TokenText(const Split& split) : split_(split), first_token_(1, 0) {
  LOCKSTEP_CHECK(split.streams()[0].is_symbols(), "the inputs of {} are numbers", split.name());
  first_token_.reserve(static_cast<size_t>(split.size()) + 1);
  for (int64_t id = 0; id < split.size(); ++id) {
    first_token_.push_back(first_token_.back() + split.length(id, 0));
  }
}

void TokenText::load(int64_t sequence) {
  if (sequence_ == sequence) return;
  const ElementType type = split_.streams()[0].element;
  const int64_t length = split_.length(sequence, 0);
  stored_.resize(static_cast<size_t>(length) * size_of(type));
  split_.read(sequence, 0, stored_.data());
  symbols_.resize(static_cast<size_t>(length));
  widen_symbols(type, stored_.data(), length, symbols_.data(), 1);
  sequence_ = sequence;
}

void TokenText::read(int64_t begin, int64_t end, int64_t* tokens) {
  LOCKSTEP_CHECK(begin >= 0 && begin <= end && end <= size(), "tokens {} to {} of {}", begin, end,
                 size());
  auto sequence =
      std::upper_bound(first_token_.begin(), first_token_.end(), begin) - first_token_.begin() - 1;
  for (int64_t at = begin; at < end; ++sequence) {
    const int64_t first = first_token_[static_cast<size_t>(sequence)];
    const int64_t last = first_token_[static_cast<size_t>(sequence) + 1];
    if (last <= at) continue;  // an empty sequence
    load(sequence);
    const int64_t stop = std::min(end, last);
    tokens = std::copy(symbols_.begin() + (at - first), symbols_.begin() + (stop - first), tokens);
    at = stop;
  }
}

int64_t TokenStreamPlan::tokens_in_batch(int64_t index) const {
  int64_t count = 0;
  for (const int64_t which : {int64_t{0}, rows - 1}) {  // the longest row and a shortest one
    const int64_t of_this_length = which == 0 ? (tokens - 1) % rows : rows - (tokens - 1) % rows;
    count += of_this_length * std::clamp(row(which).size() - index * steps, int64_t{0}, steps);
  }
  return count;
}

std::string TokenStreamPlan::order_sha256() const {
  return sha256_of(fmt::format("token streams: {} tokens, {} rows, {} steps", tokens, rows, steps));
}

std::vector<Share> rows_of_rank(int64_t rows, int64_t lanes, int rank, int world_size) {
  const Share own = lanes_of_rank(lanes, rank, world_size);
  std::vector<Share> shares;
  for (int64_t lane = own.begin; lane < own.end; ++lane) {
    shares.push_back(share_of(rows, lane, lanes == 0 ? world_size : lanes));
  }
  return shares;
}

TokenStreams::TokenStreams(const Split& split, Options options, LoaderStart start)
    : text_(split),
      plan_{text_.size(), options.rows, options.steps},
      options_(std::move(options)),
      position_(start),
      own_rows_{options_.lanes.front().begin, options_.lanes.back().end} {
  if (plan_.tokens - 1 < plan_.rows) {
    throw Error(ExitCode::config,
                fmt::format("split {} has {} tokens: too few for {} rows", split.name(),
                            plan_.tokens, plan_.rows),
                "make batch.size (for evaluation: evaluate.batch_size) smaller");
  }
  batch_.lane_offsets = {0};
  for (const Share& lane : options_.lanes) {
    batch_.lane_offsets.push_back(lane.end - own_rows_.begin);
  }
  for (int64_t row = own_rows_.begin; row < own_rows_.end; ++row) batch_.sample_ids.push_back(row);
  for (const char* name : {"inputs", "targets"}) {
    BatchStream stream;
    stream.name = name;
    stream.is_symbols = true;
    stream.batch = own_rows_.size();
    stream.values = HostBuffer(options_.allocator);
    batch_.streams.push_back(std::move(stream));
  }
}

const Batch* TokenStreams::next() {
  const auto begin = std::chrono::steady_clock::now();
  if (position_.index == plan_.batches_per_epoch()) {
    if (!options_.endless) return nullptr;
    position_ = {position_.epoch + 1, 0};
  }
  batch_.epoch = position_.epoch;
  batch_.index = position_.index;
  batch_.continues = position_.index > 0;
  batch_.global_samples = plan_.rows;
  fill(batch_.streams[0], 0);
  fill(batch_.streams[1], 1);
  position_.index += 1;
  waited_seconds_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return &batch_;
}

void TokenStreams::fill(BatchStream& stream, int64_t shift) {
  const int64_t done = position_.index * plan_.steps;
  const auto real_steps = [&](int64_t row) {
    return std::clamp(plan_.row(row).size() - done, int64_t{0}, plan_.steps);
  };
  stream.lengths.clear();
  stream.time = 0;
  for (int64_t row = own_rows_.begin; row < own_rows_.end; ++row) {
    stream.lengths.push_back(real_steps(row));
    stream.time = std::max(stream.time, stream.lengths.back());
  }
  stream.values.reserve(static_cast<size_t>(stream.time * stream.batch + 1) * sizeof(int64_t));
  row_tokens_.resize(static_cast<size_t>(plan_.steps));
  for (int64_t column = 0; column < stream.batch; ++column) {
    const int64_t length = stream.lengths[static_cast<size_t>(column)];
    const int64_t first = plan_.row(own_rows_.begin + column).begin + done + shift;
    text_.read(first, first + length, row_tokens_.data());
    for (int64_t t = 0; t < stream.time; ++t) {
      stream.symbols()[t * stream.batch + column] =
          t < length ? row_tokens_[static_cast<size_t>(t)] : kPaddingSymbol;
    }
  }
}

}  // namespace lockstep
