#include "data/generate/digit_strip.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/generate/digit_fonts.h"
#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

constexpr int kStripSide = 16;  // pixels of a digit's square

class DigitStripGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    count_.describe(fields, "digits", "strip");
    fields.add("noise", noise_, "deviation of the noise on a pixel (of 255)")
        .at_least(0)
        .at_most(100);
    fields.add("fonts", folder_, "folder that is searched for fonts");
  }
  std::vector<StreamSchema> schema() override {
    count_.check();
    fonts_ = std::make_unique<DigitFonts>(folder_);
    return {dense_stream("inputs", ElementType::u8, kStripSide, 1.0 / 255),
            symbol_stream("digits", digit_labels())};
  }
  std::string source() const override {
    return fmt::format("strips of {} to {} digits", count_.shortest, count_.longest);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    const int64_t count = count_.draw(random);
    const std::vector<uint8_t> paper(kStripSide * kStripSide);
    std::vector<uint8_t> glyph;
    for (int64_t i = 0; i < count; ++i) {
      add_columns(paper, 1 + static_cast<int64_t>(random.below(5)), random, streams[0]);
      const auto digit = static_cast<int32_t>(random.below(10));
      draw(digit, random, glyph);
      add_columns(glyph, kStripSide, random, streams[0]);
      streams[1].add(digit);
    }
  }

 private:
  void draw(int32_t digit, Random& random, std::vector<uint8_t>& glyph) const {
    GlyphWarp warp;
    warp.xx = random.uniform(9, 13);
    warp.yy = random.uniform(10, 14);
    warp.xy = random.uniform(-2, 2);
    warp.dy = random.uniform(-1, 1);
    warp.bolder = random.uniform(0, 0.8);
    fonts_->draw(random.below(fonts_->size()), digit, warp, kStripSide, glyph);
  }

  void add_columns(const std::vector<uint8_t>& image, int64_t columns, Random& random,
                   GeneratedStream& stream) const {
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t row = 0; row < kStripSide; ++row) {
        const double value =
            image[static_cast<size_t>(row * kStripSide + column)] + noise_ * random.normal();
        stream.add(static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))));
      }
    }
  }

  CountRange count_;
  double noise_ = 10;
  std::string folder_ = "/usr/share/fonts";
  std::unique_ptr<DigitFonts> fonts_;
};

}  // namespace

DataToolEntry digit_strip_generator() {
  return {"digit-strip", "strips of several digits, column by column, and their caption", "",
          [] { return std::make_unique<DigitStripGenerator>(); }};
}

}  // namespace lockstep
