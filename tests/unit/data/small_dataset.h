// Small data sets whose every number follows from its place, so that a test can tell where it is.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_writer.h"

namespace lockstep::testing {

/// One sequence of the ragged data set below.
struct Sequence {
  std::vector<float> inputs;       ///< [length, 3]
  std::vector<double> regression;  ///< [length, 2]
  std::vector<int32_t> words;      ///< [its own length], below 11
};

/// inputs f32 [3 features], regression f64 [2 features], words i32 of 11 classes.
std::vector<StreamSchema> ragged_schema();

/// Lengths between 0 and 9 that differ between the streams.
Sequence ragged_sequence(int64_t id);

/// Writes splits "train" (`train` sequences) and "test" (5) and the manifest.
Manifest write_ragged(const std::filesystem::path& folder, int64_t train, ShardLimits limits = {});

/// Compares the first `count` sequences of a shard or split with ragged_sequence().
template <class Reader>
void expect_ragged_sequences(const Reader& reader, int64_t count) {
  for (int64_t id = 0; id < count; ++id) {
    const Sequence expected = ragged_sequence(id);
    std::vector<float> inputs(static_cast<size_t>(reader.length(id, 0)) * 3);
    std::vector<double> regression(static_cast<size_t>(reader.length(id, 1)) * 2);
    std::vector<int32_t> words(static_cast<size_t>(reader.length(id, 2)));
    reader.read(id, 0, inputs.data());
    reader.read(id, 1, regression.data());
    reader.read(id, 2, words.data());
    EXPECT_EQ(inputs, expected.inputs) << id;
    EXPECT_EQ(regression, expected.regression) << id;
    EXPECT_EQ(words, expected.words) << id;
  }
}

/// inputs u8 [rows 4, features 5] of value (id * 20 + place) % 256 with scale 1/255, and one
/// symbol `classes` (id % 7) of `num_classes`.
std::vector<StreamSchema> image_schema(int64_t num_classes = 7);
Manifest write_images(const std::filesystem::path& folder, int64_t count, int64_t num_classes = 7);

}  // namespace lockstep::testing
