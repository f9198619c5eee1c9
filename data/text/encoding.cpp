#include "data/text/encoding.h"

#include <iconv.h>
#include <utf8proc.h>

#include <algorithm>
#include <cerrno>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// The names of iconv, in the order of TextEncoding; UTF-16's is without its byte order.
constexpr const char* kIconvNames[] = {"UTF-8", "ISO-8859-1", "CP1252", "GB18030", "UTF-16"};
constexpr size_t kPieceBytes = 4096;

}  // namespace

struct TextDecoder::Converter {
  explicit Converter(const std::string& name) : handle(iconv_open("UTF-8", name.c_str())) {
    if (handle != reinterpret_cast<iconv_t>(-1)) return;
    throw Error(ExitCode::missing, fmt::format("this system's iconv does not know {}", name),
                "install the conversion modules of the C library, or convert the files elsewhere");
  }
  ~Converter() { iconv_close(handle); }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  iconv_t handle;
};

const std::vector<std::string>& text_encoding_names() {
  static const std::vector<std::string> names{"utf-8", "latin-1", "windows-1252", "gb18030",
                                              "utf-16"};
  return names;
}

TextEncoding text_encoding_of(const std::string& name) {
  const auto& names = text_encoding_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<TextEncoding>(found - names.begin());
  throw Error(ExitCode::config, fmt::format("encoding: \"{}\" is not known", name),
              "known are utf-8, latin-1, windows-1252, gb18030 and utf-16");
}

size_t first_bad_byte(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t character = 0;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at;
    const auto size =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - at), &character);
    if (size <= 0) return at;
    at += static_cast<size_t>(size);
  }
  return at;
}

TextDecoder::TextDecoder(TextEncoding encoding, bool big_endian) : encoding_(encoding) {
  if (encoding == TextEncoding::utf8) return;
  std::string name = kIconvNames[static_cast<size_t>(encoding)];
  if (encoding == TextEncoding::utf16) name += big_endian ? "BE" : "LE";
  converter_ = std::make_unique<Converter>(name);
}

TextDecoder::~TextDecoder() = default;

std::string TextDecoder::decode(std::string& text) {
  if (encoding_ == TextEncoding::utf8) {
    const size_t bad = first_bad_byte(text);
    if (bad < text.size()) return fmt::format("byte {} is not UTF-8", bad + 1);
  } else {
    std::string result;
    std::string problem = convert(text, result);
    if (!problem.empty()) return problem;
    text = std::move(result);
  }
  return text.find('\0') == text.npos ? std::string{} : "holds a zero character, so it is not text";
}

std::string TextDecoder::convert(const std::string& text, std::string& result) {
  iconv(converter_->handle, nullptr, nullptr, nullptr, nullptr);
  // iconv does not write to its input, but its declaration says so.
  char* in = const_cast<char*>(text.data());
  size_t in_left = text.size();
  char piece[kPieceBytes];
  while (in_left > 0) {
    char* out = piece;
    size_t out_left = sizeof piece;
    errno = 0;
    const size_t done = iconv(converter_->handle, &in, &in_left, &out, &out_left);
    const int reason = errno;
    result.append(piece, sizeof piece - out_left);
    if (done == static_cast<size_t>(-1) && reason != E2BIG) {
      return fmt::format("byte {} is not {}", text.size() - in_left + 1,
                         text_encoding_names()[static_cast<size_t>(encoding_)]);
    }
  }
  return {};
}

}  // namespace lockstep
