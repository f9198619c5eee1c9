#include "data/import/number_table.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>

#include "data/base/error.h"
#include "data/import/csv_reader.h"
#include "data/import/date_time.h"
#include "data/import/finite_number.h"

namespace lockstep {
namespace {

constexpr size_t kMaxValues = size_t{1} << 30;

std::string without_blanks(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_missing(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word.empty() || word == "nan" || word == "na" || word == "null" || word == "?";
}

class TableReader {
 public:
  TableReader(const std::filesystem::path& file, const NumberTableColumns& columns)
      : csv_(file), columns_(columns) {}

  NumberTable read() {
    std::vector<std::string> fields;
    bool more = csv_.next(fields);
    if (more) {
      width_ = fields.size();
      const std::vector<std::string> header = columns_.header ? fields : std::vector<std::string>{};
      find_columns(header);
      if (columns_.header) more = csv_.next(fields);
    }
    for (; more; more = csv_.next(fields)) add_row(fields);
    if (table_.rows() == 0) {
      throw Error(ExitCode::corrupt, fmt::format("{}: holds no row", csv_.file().string()));
    }
    return std::move(table_);
  }

 private:
  void find_columns(const std::vector<std::string>& header) {
    const auto name_of = [&](size_t column) {
      return header.empty() ? std::to_string(column + 1) : without_blanks(header[column]);
    };
    const auto find = [&](const std::string& column) {
      const size_t index = find_column(column, header, csv_.file());
      if (index < width_) return index;
      throw Error(ExitCode::usage, fmt::format("{}: has {} columns, so none of the number {}",
                                               csv_.file().string(), width_, column));
    };
    if (!columns_.date.empty()) date_ = find(columns_.date);
    for (const std::string& column : columns_.numbers) numbers_.push_back(find(column));
    for (size_t i = 0; columns_.numbers.empty() && i < width_; ++i) {
      if (date_ != i) numbers_.push_back(i);
    }
    for (const size_t column : numbers_) table_.names.push_back(name_of(column));
    if (numbers_.empty()) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: has no column of numbers", csv_.file().string()));
    }
  }

  void add_row(const std::vector<std::string>& fields) {
    if (!csv_.problem().empty()) fail(csv_.problem());
    if (fields.size() != width_) {
      fail(fmt::format("has {} fields; the first row has {}", fields.size(), width_));
    }
    if (table_.values.size() + numbers_.size() > kMaxValues) {
      fail(fmt::format("the table holds more than {} numbers", kMaxValues));
    }
    if (date_) add_time(fields[*date_]);
    for (size_t i = 0; i < numbers_.size(); ++i) {
      table_.values.push_back(number_of(without_blanks(fields[numbers_[i]]), table_.names[i]));
    }
  }

  void add_time(const std::string& text) {
    const std::optional<int64_t> time = read_time(without_blanks(text));
    if (!time) fail(fmt::format("\"{}\" is no date", text));
    if (!table_.times.empty() && *time <= table_.times.back()) {
      fail(fmt::format("its date \"{}\" does not follow that of the row before", text));
    }
    table_.times.push_back(*time);
  }

  double number_of(const std::string& word, const std::string& column) const {
    if (is_missing(word)) return std::numeric_limits<double>::quiet_NaN();
    const std::optional<double> number = finite_number<double>(word);
    if (!number) fail(fmt::format("column \"{}\": \"{}\" is no number", column, word));
    return *number;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ExitCode::corrupt, fmt::format("{}: {}", csv_.place(), problem));
  }

  CsvReader csv_;
  const NumberTableColumns& columns_;
  size_t width_ = 0;
  std::optional<size_t> date_;
  std::vector<size_t> numbers_;
  NumberTable table_;
};

}  // namespace

NumberTable read_number_table(const std::filesystem::path& file,
                              const NumberTableColumns& columns) {
  return TableReader(file, columns).read();
}

}  // namespace lockstep
