#include "data/generate/digits.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/base/error.h"
#include "data/generate/digit_fonts.h"
#include "data/import/idx.h"
#include "data/import/idx_file.h"
#include "data/mix.h"
#include "data/shard_writer.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr int kSize = 28;
constexpr double kGlyphHeight = 18;  // pixels, before the random scale
constexpr int64_t kReportEvery = 1000;

/// Scale, shear and rotation in a row, and a shift of a pixel or two.
GlyphWarp random_warp(Random& random) {
  const double angle = random.uniform(-15, 15) * std::numbers::pi / 180;
  const double shear = random.uniform(-0.25, 0.25);
  const double height = kGlyphHeight * random.uniform(0.85, 1.15);
  const double width = height * random.uniform(0.8, 1.2);
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  GlyphWarp warp;
  warp.xx = width * cosine;
  warp.xy = height * (shear * cosine - sine);
  warp.yx = width * sine;
  warp.yy = height * (shear * sine + cosine);
  warp.dx = random.uniform(-2, 2);
  warp.dy = random.uniform(-2, 2);
  warp.bolder = random.uniform(0.1, 1.3);
  return warp;
}

/// Mixes each pixel with its eight neighbours, `strength` from 0 (none) to 1 (binomial 1 2 1).
void blur(std::vector<double>& image, double strength) {
  const auto along = [&](size_t stride) {
    std::vector<double> source = image;
    for (size_t i = stride; i + stride < image.size(); ++i) {
      const double mean = (source[i - stride] + 2 * source[i] + source[i + stride]) / 4;
      image[i] = source[i] + strength * (mean - source[i]);
    }
  };
  along(1);  // the margin is paper, so that rows running into each other does not show
  along(kSize);
}

void draw_sample(const DigitFonts& fonts, int digit, Random random, std::vector<uint8_t>& pixels) {
  const size_t font = random.below(fonts.size());
  fonts.draw(font, digit, random_warp(random), kSize, pixels);
  std::vector<double> image(pixels.begin(), pixels.end());
  blur(image, random.uniform());
  const double contrast = random.uniform(0.75, 1);
  const double noise = random.uniform(0, 16);
  for (size_t i = 0; i < pixels.size(); ++i) {
    const double value = image[i] * contrast + noise * random.normal();
    pixels[i] = static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
  }
}

/// Every image is a pure function of (seed, split, position).
void write_part(const DigitFonts& fonts, const fs::path& folder, const std::string& name,
                int64_t count, uint64_t seed, const Progress& progress) {
  IdxWriter images(folder / (name + "-images-idx3-ubyte"), {count, kSize, kSize});
  IdxWriter labels(folder / (name + "-labels-idx1-ubyte"), {count});
  std::vector<uint8_t> pixels;
  for (int64_t i = 0; i < count; ++i) {
    Random random(mix64(seed, name == "train" ? 0U : 1U, static_cast<uint64_t>(i)));
    const auto digit = static_cast<int>(random.below(10));
    draw_sample(fonts, digit, Random(random.next()), pixels);
    images.write(pixels);
    labels.write({static_cast<uint8_t>(digit)});
    const bool due = (i + 1) % kReportEvery == 0 || i + 1 == count;
    if (due && progress) progress("drawing " + name, i + 1, count, "images");
  }
  images.finish();
  labels.finish();
}

class DigitsGenerator : public DataTool {
 public:
  void describe(Fields& fields) override {
    fields.add("train", train_, "number of training images").at_least(1).at_most(1 << 28);
    fields.add("test", test_, "number of test images").at_least(1).at_most(1 << 28);
    fields.add("seed", seed_, "another seed gives other images").at_least(0);
    fields.add("fonts", fonts_, "folder that is searched for fonts");
    fields
        .add("validation_fraction", options_.validation_fraction,
             "part of the training images, from their end, that becomes the split \"validation\"")
        .at_least(0)
        .less_than(1);
    describe_compression(fields, options_.compression);
  }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    if (!sources.empty()) throw Error(ExitCode::usage, "generating digits takes no source");
    const DigitFonts fonts(fonts_);
    StagedFolder folder(out);
    const fs::path idx = folder.path() / "idx";
    fs::create_directory(idx);
    const auto seed = static_cast<uint64_t>(seed_);
    write_part(fonts, idx, "train", train_, seed, progress);
    write_part(fonts, idx, "t10k", test_, seed, progress);
    import_idx(idx, folder.path(), options_, progress);
    folder.commit();
  }

 private:
  int64_t train_ = 6000;
  int64_t test_ = 1000;
  int64_t seed_ = 1;
  std::string fonts_ = "/usr/share/fonts";
  IdxOptions options_;
};

}  // namespace

DataToolEntry digits_generator() {
  return {"digits", "28 x 28 images of digits, drawn from the fonts of this machine", "",
          [] { return std::make_unique<DigitsGenerator>(); }};
}

}  // namespace lockstep
