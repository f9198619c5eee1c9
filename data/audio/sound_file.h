// Reads wav, flac and what else libsndfile knows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace lockstep {

struct Sound {
  int64_t sample_rate = 0;     ///< Hz
  std::vector<float> samples;  ///< in [-1, 1]; several channels are mixed to their mean
};

/// Reads a whole file of at most kMaxSamples. Throws Error: missing when it cannot be opened,
/// corrupt when it is no sound, is longer, or holds what is not a number (without the file's name).
Sound read_sound(const std::filesystem::path& file);
inline constexpr int64_t kMaxSamples = int64_t{1} << 28;

/// Reads the header only: the sample rate. Throws as read_sound().
int64_t read_sample_rate(const std::filesystem::path& file);

}  // namespace lockstep
