#include "data/import/csv_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "data/base/error.h"
#include "data/base/fields.h"

namespace lockstep {

CsvReader::CsvReader(std::filesystem::path file, CsvFormat format)
    : format_(format), lines_(std::move(file), format.encoding) {}

std::string CsvReader::place() const {
  return fmt::format("{}:{}", lines_.file().string(), number_);
}

bool CsvReader::next(std::vector<std::string>& fields) {
  fields.clear();
  problem_.clear();
  do {
    if (!next_line()) return false;
  } while (line_.empty());
  number_ = lines_.number();
  for (;; ++at_) {  // over the separator
    fields.emplace_back();
    read_field(fields.back());
    if (at_ >= line_.size()) return true;
  }
}

bool CsvReader::next_line() {
  at_ = 0;
  if (!lines_.next(line_)) return false;
  if (problem_.empty()) problem_ = lines_.problem();
  return true;
}

void CsvReader::read_field(std::string& field) {
  if (format_.quotes && at_ < line_.size() && line_[at_] == '"') read_quoted(field);
  const size_t end = std::min(line_.find(format_.separator, at_), line_.size());
  field.append(line_, at_, end - at_);
  at_ = end;
}

/// Reads up to the closing quote, through several lines if need be.
void CsvReader::read_quoted(std::string& field) {
  ++at_;
  for (;;) {
    const size_t quote = line_.find('"', at_);
    field.append(line_, at_, quote - at_);
    if (quote == line_.npos) {
      continue_quoted(field);
      continue;
    }
    at_ = quote + 1;
    if (at_ == line_.size() || line_[at_] != '"') break;
    field += line_[at_++];
  }
  if (at_ < line_.size() && line_[at_] != format_.separator && problem_.empty()) {
    problem_ = "text follows a closing quote";
  }
}

void CsvReader::continue_quoted(std::string& field) {
  field += '\n';
  if (!next_line()) {
    throw Error(ExitCode::corrupt, fmt::format("{}: a quote in this row is never closed", place()),
                "close it, or say that quotes mean nothing (as in tab-separated files)");
  }
  if (field.size() + line_.size() > LineReader::kMaxLineBytes) {
    throw Error(
        ExitCode::corrupt,
        fmt::format("{}: this row is longer than {} bytes", place(), LineReader::kMaxLineBytes),
        "look for a quote that is not closed");
  }
}

size_t find_column(const std::string& column, const std::vector<std::string>& header,
                   const std::filesystem::path& file) {
  const auto found = std::find(header.begin(), header.end(), column);
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  size_t number = 0;
  const auto parsed = std::from_chars(column.data(), column.data() + column.size(), number);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == column.data() + column.size();
  if (is_number && number > 0 && (header.empty() || number <= header.size())) return number - 1;
  const std::string nearest = nearest_name(column, header);
  throw Error(ExitCode::usage, fmt::format("{}: has no column \"{}\"", file.string(), column),
              header.empty()
                  ? "columns have numbers from 1; --header reads names from the first line"
              : nearest.empty() ? fmt::format("its columns are {}", fmt::join(header, ", "))
                                : fmt::format("do you mean \"{}\"?", nearest));
}

}  // namespace lockstep
