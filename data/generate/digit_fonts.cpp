#include "data/generate/digit_fonts.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "data/base/error.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kOutlinePixels = 256;  // size at which outlines are loaded, unhinted
constexpr double kUnits = 64;             // FreeType's coordinates are 26.6 fixed point

/// A copy of a glyph's outline, centred on its box and 64 * 256 units high.
class Outline {
 public:
  Outline(FT_Library library, const FT_Outline& source) : library_(library) {
    LOCKSTEP_CHECK(FT_Outline_New(library, static_cast<FT_UInt>(source.n_points), source.n_contours,
                                  &outline_) == 0 &&
                       FT_Outline_Copy(&source, &outline_) == 0,
                   "FreeType cannot copy an outline");
    FT_BBox box;
    FT_Outline_Get_CBox(&outline_, &box);
    FT_Outline_Translate(&outline_, -(box.xMin + box.xMax) / 2, -(box.yMin + box.yMax) / 2);
    height_ = static_cast<double>(box.yMax - box.yMin);
  }
  ~Outline() {
    if (library_ != nullptr) FT_Outline_Done(library_, &outline_);
  }
  Outline(Outline&& other) noexcept
      : library_(std::exchange(other.library_, nullptr)),
        outline_(other.outline_),
        height_(other.height_) {}
  Outline& operator=(Outline&&) = delete;

  const FT_Outline& get() const { return outline_; }
  double height() const { return height_; }

 private:
  FT_Library library_;
  FT_Outline outline_{};
  double height_ = 0;
};

using Digits = std::vector<Outline>;

/// Whether a font draws pictures where others have digits.
bool is_symbol_font(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* word : {"symbol", "dingbat", "emoji", "icon", "awesome", "music", "barcode",
                           "braille", "lastresort", "fallback", "blank"}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return false;
}

std::vector<fs::path> font_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code failure;
  for (fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                              failure);
       !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    const std::string ending = entry->path().extension().string();
    const bool is_font = ending == ".ttf" || ending == ".otf";
    if (is_font && !is_symbol_font(entry->path().stem().string())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The ten digits of a font, or fewer when it lacks one or draws two alike.
Digits load_digits(FT_Library library, FT_Face face) {
  Digits digits;
  std::set<FT_UInt> glyphs;
  if (FT_Select_Charmap(face, FT_ENCODING_UNICODE) != 0 ||
      FT_Set_Pixel_Sizes(face, 0, kOutlinePixels) != 0) {
    return digits;
  }
  for (FT_ULong code = '0'; code <= '9'; ++code) {
    const FT_UInt glyph = FT_Get_Char_Index(face, code);
    if (glyph == 0 || !glyphs.insert(glyph).second ||
        FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0 ||
        face->glyph->format != FT_GLYPH_FORMAT_OUTLINE || face->glyph->outline.n_points < 4) {
      break;
    }
    digits.emplace_back(library, face->glyph->outline);
    if (digits.back().height() < kUnits * kOutlinePixels / 4) break;
  }
  return digits;
}

FT_Fixed fixed_point(double value) {
  return std::lround(value * 0x10000);
}

}  // namespace

struct DigitFonts::Impl {
  FT_Library library = nullptr;
  std::vector<Digits> fonts;

  ~Impl() {
    fonts.clear();
    FT_Done_FreeType(library);
  }
};

DigitFonts::DigitFonts(const fs::path& folder) : impl_(std::make_unique<Impl>()) {
  LOCKSTEP_CHECK(FT_Init_FreeType(&impl_->library) == 0, "FreeType cannot start");
  for (const fs::path& file : font_files(folder)) {
    FT_Face face = nullptr;
    if (FT_New_Face(impl_->library, file.c_str(), 0, &face) != 0) continue;
    Digits digits = load_digits(impl_->library, face);
    if (digits.size() == 10) impl_->fonts.push_back(std::move(digits));
    FT_Done_Face(face);
  }
  if (impl_->fonts.empty()) {
    throw Error(
        ExitCode::missing,
        fmt::format("{}: no TrueType or OpenType font with digits is there", folder.string()),
        "install the Debian package fonts-dejavu-core");
  }
}

DigitFonts::~DigitFonts() = default;

size_t DigitFonts::size() const {
  return impl_->fonts.size();
}

void DigitFonts::draw(size_t font, int digit, const GlyphWarp& warp, int image_size,
                      std::vector<uint8_t>& image) const {
  const Outline& source = impl_->fonts[font][static_cast<size_t>(digit)];
  Outline drawn(impl_->library, source.get());
  const double unit = kUnits / source.height();
  // FreeType's y axis points up, the image's down.
  const FT_Matrix matrix{fixed_point(warp.xx * unit), fixed_point(-warp.xy * unit),
                         fixed_point(-warp.yx * unit), fixed_point(warp.yy * unit)};
  FT_Outline outline = drawn.get();
  FT_Outline_Transform(&outline, &matrix);
  FT_Outline_Embolden(&outline, std::lround(warp.bolder * kUnits));
  const double centre = image_size / 2.0 - warp.bolder / 2;  // emboldening grows up and right
  FT_Outline_Translate(&outline, std::lround((centre + warp.dx) * kUnits),
                       std::lround((centre - warp.dy) * kUnits));
  image.assign(static_cast<size_t>(image_size) * static_cast<size_t>(image_size), 0);
  FT_Bitmap bitmap{};
  bitmap.rows = static_cast<unsigned>(image_size);
  bitmap.width = static_cast<unsigned>(image_size);
  bitmap.pitch = image_size;
  bitmap.buffer = image.data();
  bitmap.num_grays = 256;
  bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
  LOCKSTEP_CHECK(FT_Outline_Get_Bitmap(impl_->library, &outline, &bitmap) == 0,
                 "FreeType cannot draw the digit {} of font {}", digit, font);
}

}  // namespace lockstep
