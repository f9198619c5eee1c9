// How long the sequences of a split are: a few numbers that show the shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace lockstep {

/// Number of sequences in each bucket of lengths, by the smallest length of the bucket; empty
/// buckets are left out. Lengths below 4 have buckets of their own; above that every octave
/// [2^k, 2^(k+1)) is cut into four of equal width (4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...), so that
/// any data set takes some dozens of buckets and each is known to a quarter of its length.
using LengthHistogram = std::map<int64_t, int64_t>;

/// The smallest length of the bucket that holds `length` (not negative).
int64_t length_bucket(int64_t length);
/// The smallest length of the bucket after the one that begins with `first`.
int64_t next_length_bucket(int64_t first);

/// For people: all buckets from the first to the last that has a sequence, empty ones too, two or
/// more joined where there would be more than `most`.
LengthHistogram joined_buckets(const LengthHistogram& histogram, size_t most);

}  // namespace lockstep
