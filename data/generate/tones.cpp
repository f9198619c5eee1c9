#include "data/generate/tones.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/base/error.h"
#include "data/generate/plain_math.h"
#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

constexpr double kToneRate = 8000;  // samples a second
constexpr size_t kToneStep = 80;    // samples
constexpr size_t kToneWindow = 160;
constexpr int kToneBands = 16;

/// The two tones of part `part` of a word, in Hz.
std::pair<double, double> tones_of(int word, int part) {
  return {300.0 + 70.0 * ((word * 7 + part * 3) % 10),
          1300.0 + 200.0 * ((word * 3 + part * 7) % 10)};
}

void append_noise(std::vector<double>& wave, size_t samples, double level, Random& random) {
  for (size_t i = 0; i < samples; ++i) wave.push_back(level * random.normal());
}

void append_word(std::vector<double>& wave, int word, double noise, Random& random) {
  const double pitch = random.uniform(0.96, 1.04);
  const int parts = 2 + word % 2;
  for (int part = 0; part < parts; ++part) {
    const auto [low, high] = tones_of(word, part);
    const size_t begin = wave.size();
    append_noise(wave, static_cast<size_t>(random.uniform(0.06, 0.12) * kToneRate), noise, random);
    for (size_t i = begin; i < wave.size(); ++i) {
      const double time = static_cast<double>(i) * pitch / kToneRate;
      wave[i] += sine_of_turns(low * time) + 0.7 * sine_of_turns(high * time);
    }
  }
}

/// Energy of a window at one frequency.
double goertzel(const double* wave, size_t count, double frequency) {
  const double factor = 2 * cosine_of_turns(frequency / kToneRate);
  double before = 0, last = 0;
  for (size_t i = 0; i < count; ++i) {
    const double value = wave[i] + factor * last - before;
    before = last;
    last = value;
  }
  return last * last + before * before - factor * last * before;
}

class TonesGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    count_.describe(fields, "words", "string");
    fields.add("noise", noise_, "deviation of the noise; a tone has amplitude 1")
        .at_least(0)
        .at_most(10);
  }
  std::vector<StreamSchema> schema() override {
    count_.check();
    return {dense_stream("inputs", ElementType::u8, kToneBands, 1.0 / 32),
            symbol_stream("digits", digit_labels())};
  }
  std::string source() const override {
    return fmt::format("strings of {} to {} words of tones", count_.shortest, count_.longest);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    const int64_t count = count_.draw(random);
    std::vector<double> wave;
    const auto pause = [&] {
      append_noise(wave, static_cast<size_t>(random.uniform(0.03, 0.1) * kToneRate), noise_,
                   random);
    };
    pause();
    for (int64_t i = 0; i < count; ++i) {
      const auto word = static_cast<int32_t>(random.below(10));
      append_word(wave, word, noise_, random);
      pause();
      streams[1].add(word);
    }
    for (size_t begin = 0; begin + kToneWindow <= wave.size(); begin += kToneStep) {
      for (int band = 0; band < kToneBands; ++band) {
        const double energy = goertzel(wave.data() + begin, kToneWindow, 200.0 + 200.0 * band);
        const double level = 32 * (plain_log(energy + 1e-3) / std::numbers::ln10 + 3);
        streams[0].add(static_cast<uint8_t>(std::lround(std::clamp(level, 0.0, 255.0))));
      }
    }
  }

 private:
  CountRange count_;
  double noise_ = 0.1;
};

}  // namespace

DataToolEntry tones_generator() {
  return {"tones", "strings of words made of tones, like spoken digits", "",
          [] { return std::make_unique<TonesGenerator>(); }};
}

}  // namespace lockstep
