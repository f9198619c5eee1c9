// Tables as text: RFC 4180's comma-separated values with quoted fields, and plain tab-separated
// ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/import/line_reader.h"

namespace lockstep {

struct CsvFormat {
  char separator = ',';
  bool quotes = true;  ///< "a field, with a separator, ""quotes"" or ends of lines"
  TextEncoding encoding = TextEncoding::utf8;
};

/// Reads rows from front to back, plain or gzip. Lines without a character are skipped.
class CsvReader {
 public:
  /// Throws Error(missing) when the file cannot be opened.
  explicit CsvReader(std::filesystem::path file, CsvFormat format = {});

  /// The fields of the next row; false at the end. An end of line inside of a field is "\n",
  /// however it stands in the file. Throws Error(corrupt) for what the reader cannot go on from: a
  /// quote that is never closed, a row of more than LineReader::kMaxLineBytes, damaged compression.
  bool next(std::vector<std::string>& fields);

  /// Why the row that next() gave last cannot be trusted (bytes that are not in the encoding, text
  /// behind a closing quote); empty when it can.
  const std::string& problem() const { return problem_; }
  /// The line the row begins in, from 1.
  int64_t number() const { return number_; }
  /// "file:line".
  std::string place() const;
  const std::filesystem::path& file() const { return lines_.file(); }

 private:
  bool next_line();
  void read_field(std::string& field);
  void read_quoted(std::string& field);
  void continue_quoted(std::string& field);

  CsvFormat format_;
  LineReader lines_;
  std::string line_;
  size_t at_ = 0;
  int64_t number_ = 0;
  std::string problem_;
};

/// The index of a column that is given by its name in `header` or by its number from 1; `header`
/// may be empty. Throws Error(usage) when there is none in `file`.
size_t find_column(const std::string& column, const std::vector<std::string>& header,
                   const std::filesystem::path& file);

}  // namespace lockstep
