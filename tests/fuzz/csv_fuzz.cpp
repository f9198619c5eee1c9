// Tables as text. The first byte chooses separator and quotes, the second the encoding. Rows that
// are read without a problem, written with quotes and read again are the same.
#include <algorithm>

#include "data/import/csv_reader.h"
#include "data/text/encoding.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace lockstep;
using Row = std::vector<std::string>;

constexpr size_t kMostRows = 1000;

std::string quoted(const Row& row) {
  std::string line;
  for (const std::string& field : row) {
    line += line.empty() ? "\"" : ",\"";
    for (const char c : field) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

/// An end of line inside of a field is read as "\n", so that "\r\n" does not come back.
bool comes_back(const Row& row) {
  return std::none_of(row.begin(), row.end(), [](const std::string& field) {
    return field.find("\r\n") != std::string::npos;
  });
}

std::vector<Row> rows_of(const std::filesystem::path& path, const CsvFormat& format) {
  CsvReader reader(path, format);
  std::vector<Row> rows;
  Row row;
  while (rows.size() < kMostRows && reader.next(row)) {
    fuzz::require(!row.empty());
    if (reader.problem().empty() && comes_back(row)) rows.push_back(row);
  }
  return rows;
}

/// Whether a text begins as a gzip file does, or with what is taken for a byte order mark.
bool is_text(const std::string& text) {
  return !text.starts_with("\x1f\x8b") && !text.starts_with("\xef\xbb\xbf");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const std::vector<std::string>& names = text_encoding_names();
  const CsvFormat format{.separator = (bytes[0] & 1) != 0 ? '\t' : ',',
                         .quotes = (bytes[0] & 2) != 0,
                         .encoding = text_encoding_of(names[bytes[1] % names.size()])};
  const fuzz::InputFile file(bytes + 2, size - 2);
  fuzz::expect_documented_ending([&] {
    const std::vector<Row> rows = rows_of(file.path(), format);
    std::string text;
    for (const Row& row : rows) text += quoted(row);
    if (!is_text(text)) return;
    const fuzz::InputFile again(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    fuzz::require(rows_of(again.path(), {}) == rows);
  });
  return 0;
}
