#include "data/length_histogram.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace lockstep {
namespace {

constexpr int64_t kBucketsPerOctave = 4;

/// How wide the bucket of a length is.
int64_t bucket_width(int64_t length) {
  if (length < kBucketsPerOctave) return 1;
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(length))) / kBucketsPerOctave;
}

}  // namespace

int64_t length_bucket(int64_t length) {
  return length - length % bucket_width(length);
}

int64_t next_length_bucket(int64_t first) {
  return first + bucket_width(first);
}

LengthHistogram joined_buckets(const LengthHistogram& histogram, size_t most) {
  if (histogram.empty()) return {};
  std::vector<int64_t> firsts;
  const int64_t last = histogram.rbegin()->first;
  for (int64_t first = histogram.begin()->first; first <= last; first = next_length_bucket(first)) {
    firsts.push_back(first);
  }
  const size_t step = (firsts.size() + most - 1) / most;
  LengthHistogram joined;
  for (size_t i = 0; i < firsts.size(); ++i) {
    const auto found = histogram.find(firsts[i]);
    joined[firsts[i - i % step]] += found == histogram.end() ? 0 : found->second;
  }
  return joined;
}

}  // namespace lockstep
