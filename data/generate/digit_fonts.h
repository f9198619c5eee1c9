// Outlines of the ten digits in the fonts of this machine, drawn by FreeType.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace lockstep {

/// How a glyph is drawn: its outline, centred and scaled to a height of one, goes through the
/// matrix and the translation (both in pixels, y downwards) onto the image.
struct GlyphWarp {
  double xx = 1, xy = 0, yx = 0, yy = 1;
  double dx = 0, dy = 0;
  double bolder = 0;  ///< pixels added to the strokes' width
};

class DigitFonts {
 public:
  /// Opens every font below `folder` that has the ten digits, in the order of their paths.
  /// Throws Error(missing) with a hint when there is none.
  explicit DigitFonts(const std::filesystem::path& folder);
  ~DigitFonts();
  DigitFonts(const DigitFonts&) = delete;
  DigitFonts& operator=(const DigitFonts&) = delete;

  size_t size() const;

  /// Draws a digit of font `font` on a square image, 0 is paper and 255 ink.
  void draw(size_t font, int digit, const GlyphWarp& warp, int image_size,
            std::vector<uint8_t>& image) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep
