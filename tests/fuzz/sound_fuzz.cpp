// Headers and samples of sound files. What libsndfile decodes is finite and as long as it says.
#include <cmath>

#include "data/audio/sound_file.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace lockstep;
  const fuzz::InputFile file(bytes, size);
  fuzz::expect_documented_ending([&] {
    const int64_t rate = read_sample_rate(file.path());
    const Sound sound = read_sound(file.path());
    fuzz::require(rate >= 1 && sound.sample_rate == rate);
    for (const float sample : sound.samples) fuzz::require(std::isfinite(sample));
  });
  return 0;
}
