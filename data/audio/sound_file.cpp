#include "data/audio/sound_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>

#include "data/base/error.h"

namespace lockstep {
namespace {

constexpr int kMaxChannels = 64;
constexpr sf_count_t kFramesAtOnce = 16384;

class OpenSound {
 public:
  explicit OpenSound(const std::filesystem::path& file) {
    if (!std::filesystem::is_regular_file(file)) {
      throw Error(ExitCode::missing, fmt::format("{}: is not there", file.string()));
    }
    handle_ = sf_open(file.c_str(), SFM_READ, &info_);
    if (handle_ == nullptr) fail(sf_strerror(nullptr));
    if (info_.channels < 1 || info_.channels > kMaxChannels || info_.samplerate < 1) {
      const std::string problem =
          fmt::format("has {} channels at {} Hz", info_.channels, info_.samplerate);
      sf_close(handle_);
      fail(problem);
    }
  }
  ~OpenSound() { sf_close(handle_); }
  OpenSound(const OpenSound&) = delete;
  OpenSound& operator=(const OpenSound&) = delete;

  const SF_INFO& info() const { return info_; }

  /// Appends up to kFramesAtOnce mixed samples; false at the end.
  bool read_some(std::vector<float>& samples) {
    const auto channels = static_cast<size_t>(info_.channels);
    block_.resize(static_cast<size_t>(kFramesAtOnce) * channels);
    const sf_count_t frames = sf_readf_float(handle_, block_.data(), kFramesAtOnce);
    if (sf_error(handle_) != SF_ERR_NO_ERROR) fail(sf_strerror(handle_));
    for (size_t frame = 0; frame < static_cast<size_t>(std::max<sf_count_t>(frames, 0)); ++frame) {
      float sum = 0;
      for (size_t channel = 0; channel < channels; ++channel) {
        sum += block_[frame * channels + channel];
      }
      if (!std::isfinite(sum)) fail(fmt::format("sample {} is not a number", samples.size()));
      samples.push_back(sum / static_cast<float>(channels));
    }
    return frames > 0;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ExitCode::corrupt, "cannot be read: " + problem);
  }

 private:
  SF_INFO info_{};
  SNDFILE* handle_ = nullptr;
  std::vector<float> block_;
};

}  // namespace

Sound read_sound(const std::filesystem::path& file) {
  OpenSound open(file);
  Sound sound;
  sound.sample_rate = open.info().samplerate;
  // The header's count is not trusted with an allocation; the samples that come are counted.
  while (open.read_some(sound.samples)) {
    if (static_cast<int64_t>(sound.samples.size()) > kMaxSamples) {
      open.fail(fmt::format("is longer than {} samples", kMaxSamples));
    }
  }
  if (static_cast<sf_count_t>(sound.samples.size()) < open.info().frames) {
    open.fail(fmt::format("ends after {} of {} samples", sound.samples.size(), open.info().frames));
  }
  return sound;
}

int64_t read_sample_rate(const std::filesystem::path& file) {
  return OpenSound(file).info().samplerate;
}

}  // namespace lockstep
