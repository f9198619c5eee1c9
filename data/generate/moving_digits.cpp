#include "data/generate/moving_digits.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/generate/digit_fonts.h"
#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

constexpr int kFlyingSide = 14;  // pixels of a digit's square

struct FlyingDigit {
  std::vector<uint8_t> pixels;
  double x = 0, y = 0, dx = 0, dy = 0;
};

/// Where something is that flies to and fro between 0 and `room`.
int64_t bounced(double position, double room) {
  const double folded = std::fmod(std::abs(position), 2 * room);
  return std::llround(folded > room ? 2 * room - folded : folded);
}

class MovingDigitsGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields.add("side", side_, "pixels in a row and a column of a frame").at_least(16).at_most(256);
    fields.add("digits", digits_, "digits in a frame").at_least(1).at_most(8);
    fields.add("frames", frames_, "frames of the inputs").at_least(1).at_most(4096);
    fields.add("future_frames", future_, "frames of the target").at_least(1).at_most(4096);
    fields.add("fonts", folder_, "folder that is searched for fonts");
  }
  std::vector<StreamSchema> schema() override {
    fonts_ = std::make_unique<DigitFonts>(folder_);
    const auto frames = [&](const char* name) {
      return dense_stream(name, ElementType::u8, side_ * side_, 1.0 / 255);
    };
    return {frames("inputs"), frames("future")};
  }
  std::string source() const override {
    return fmt::format("{} moving digits on {} by {} pixels", digits_, side_, side_);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    std::vector<FlyingDigit> digits;
    for (int64_t i = 0; i < digits_; ++i) digits.push_back(random_digit(random));
    for (int64_t t = 0; t < frames_ + future_; ++t) {
      add_frame(digits, static_cast<double>(t), streams[t < frames_ ? 0 : 1]);
    }
  }

 private:
  FlyingDigit random_digit(Random& random) const {
    FlyingDigit digit;
    const auto number = static_cast<int>(random.below(10));
    GlyphWarp warp;
    warp.xx = warp.yy = kFlyingSide - 2;
    warp.bolder = 0.5;
    fonts_->draw(random.below(fonts_->size()), number, warp, kFlyingSide, digit.pixels);
    const auto room = static_cast<double>(side_ - kFlyingSide);
    digit.x = random.uniform(0, room);
    digit.y = random.uniform(0, room);
    digit.dx = random.uniform(-3, 3);
    digit.dy = random.uniform(-3, 3);
    return digit;
  }

  void add_frame(const std::vector<FlyingDigit>& digits, double time,
                 GeneratedStream& stream) const {
    std::vector<uint8_t> frame(static_cast<size_t>(side_ * side_));
    const auto room = static_cast<double>(side_ - kFlyingSide);
    for (const FlyingDigit& digit : digits) {
      const int64_t left = bounced(digit.x + digit.dx * time, room);
      const int64_t top = bounced(digit.y + digit.dy * time, room);
      for (int64_t i = 0; i < kFlyingSide * kFlyingSide; ++i) {
        uint8_t& pixel =
            frame[static_cast<size_t>((top + i / kFlyingSide) * side_ + left + i % kFlyingSide)];
        pixel = std::max(pixel, digit.pixels[static_cast<size_t>(i)]);
      }
    }
    for (const uint8_t pixel : frame) stream.add(pixel);
  }

  int64_t side_ = 32;
  int64_t digits_ = 2;
  int64_t frames_ = 10;
  int64_t future_ = 10;
  std::string folder_ = "/usr/share/fonts";
  std::unique_ptr<DigitFonts> fonts_;
};

}  // namespace

DataToolEntry moving_digits_generator() {
  return {"moving-digits", "video frames of digits that bounce off the borders", "",
          [] { return std::make_unique<MovingDigitsGenerator>(); }};
}

}  // namespace lockstep
