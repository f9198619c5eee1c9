// Text in the encodings that data sets come in, turned into UTF-8.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class TextEncoding { utf8, latin1, windows1252, gb18030, utf16 };

/// "utf-8", "latin-1", "windows-1252", "gb18030" and "utf-16": values of `--encoding`.
const std::vector<std::string>& text_encoding_names();
/// Throws Error(config) for an unknown name.
TextEncoding text_encoding_of(const std::string& name);

/// Where the first byte stands that is not UTF-8; the text's size when all are.
size_t first_bad_byte(std::string_view text);

/// Decodes pieces of text that stand for themselves, such as lines.
class TextDecoder {
 public:
  /// UTF-16 is little-endian unless `big_endian`.
  explicit TextDecoder(TextEncoding encoding, bool big_endian = false);
  ~TextDecoder();
  TextDecoder(const TextDecoder&) = delete;
  TextDecoder& operator=(const TextDecoder&) = delete;

  /// Turns `text` into UTF-8; what it says is empty then. Else it says why that is impossible
  /// ("byte 4 is not windows-1252") and leaves the text as it is. A zero character is refused too.
  std::string decode(std::string& text);

 private:
  struct Converter;
  std::string convert(const std::string& text, std::string& result);

  TextEncoding encoding_;
  std::unique_ptr<Converter> converter_;
};

}  // namespace lockstep
