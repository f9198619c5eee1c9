#include "data/print_sample.h"

#include <algorithm>
#include <ostream>
#include <vector>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/element_type.h"
#include "data/text/tokens.h"

namespace lockstep {
namespace {

constexpr int64_t kMaxColumns = 80;  // of a picture
constexpr int64_t kMaxRows = 40;
constexpr int64_t kMaxWords = 40;
constexpr int64_t kMaxCharacters = 200;
constexpr int64_t kMaxNumbers = 8;  // steps of a sequence, features of a step
constexpr int64_t kShownFirst = 4;  // of more than kMaxNumbers
constexpr int64_t kShownLast = 2;

/// Dark characters for large values, between the smallest and the largest of the picture. Made
/// from the stored bytes: what a scale makes of them may be anything.
void print_picture(const uint8_t* bytes, int64_t rows, int64_t columns, std::ostream& out) {
  static constexpr std::string_view kShades = " .:-=+*#%@";
  const auto [low, high] = std::minmax_element(bytes, bytes + rows * columns);
  const int range = std::max(*high - *low, 1);
  const int steps = static_cast<int>(kShades.size()) - 1;
  for (int64_t row = 0; row < std::min(rows, kMaxRows); ++row) {
    out << "    ";
    for (int64_t column = 0; column < columns; ++column) {
      const int above = bytes[row * columns + column] - *low;
      out << kShades[static_cast<size_t>((2 * above * steps + range) / (2 * range))];
    }
    out << '\n';
  }
}

/// Calls `show` for all of 0 to count - 1, or for the first and last few with `skip` in between.
template <class Show, class Skip>
void for_ends(int64_t count, Show show, Skip skip) {
  for (int64_t i = 0; i < count; ++i) {
    if (count > kMaxNumbers && i == kShownFirst) {
      skip();
      i = count - kShownLast;
    }
    show(i);
  }
}

void print_numbers(const std::vector<float>& values, int64_t rows, int64_t columns,
                   std::ostream& out) {
  const auto print_step = [&](int64_t row) {
    out << fmt::format("    {:>6}:", row);
    for_ends(
        columns,
        [&](int64_t column) {
          out << fmt::format(" {:.4g}", values[static_cast<size_t>(row * columns + column)]);
        },
        [&] { out << " ..."; });
    out << '\n';
  };
  for_ends(rows, print_step, [&] { out << "       ...\n"; });
}

void print_dense(const StreamSchema& schema, const void* stored, int64_t length,
                 std::ostream& out) {
  if (schema.element == ElementType::u8 && schema.features > 1 && schema.features <= kMaxColumns) {
    print_picture(static_cast<const uint8_t*>(stored), length, schema.features, out);
    return;
  }
  std::vector<float> values(static_cast<size_t>(length * schema.features));
  DenseConverter{schema}(stored, 1, static_cast<int64_t>(values.size()), values.data(), 0);
  print_numbers(values, length, schema.features, out);
}

/// How the tokens of a stream are joined.
TokenKind token_kind(const Manifest& manifest, const StreamSchema& schema) {
  const TextInfo* text = manifest.text_of(schema.name);
  return text != nullptr ? token_kind_of(text->tokens) : TokenKind::words;
}

void print_symbols(const StreamSchema& schema, TokenKind kind, const void* stored, int64_t length,
                   std::ostream& out) {
  const int64_t shown =
      std::min(length, kind == TokenKind::characters ? kMaxCharacters : kMaxWords);
  std::vector<int64_t> symbols(static_cast<size_t>(shown));
  widen_symbols(schema.element, stored, shown, symbols.data(), 1);
  std::vector<std::string> tokens;
  for (const int64_t symbol : symbols) {
    const auto index = static_cast<size_t>(symbol);
    tokens.push_back(
        printable(index < schema.labels.size() ? schema.labels[index] : std::to_string(symbol)));
  }
  out << "    " << join_tokens(tokens, kind) << (shown < length ? " ...\n" : "\n");
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009f are control characters too; in UTF-8 they begin with c2.
    const bool second =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte == '\n') {
      shown += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else if (second) {
      shown += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[++i]));
    } else {
      shown += text[i];
    }
  }
  return shown;
}

void print_sample(const Manifest& manifest, const Split& split, int64_t id, std::ostream& out) {
  out << fmt::format("  sequence {}\n", id);
  for (size_t i = 0; i < split.streams().size(); ++i) {
    const StreamSchema& schema = split.streams()[i];
    const int64_t length = split.length(id, i);
    std::vector<char> stored(static_cast<size_t>(length) * row_bytes(schema));
    split.read(id, i, stored.data());
    out << fmt::format("   {} ({} steps)\n", schema.name, length);
    if (length == 0) continue;
    if (schema.is_symbols()) {
      print_symbols(schema, token_kind(manifest, schema), stored.data(), length, out);
    } else {
      print_dense(schema, stored.data(), length, out);
    }
  }
}

}  // namespace lockstep
