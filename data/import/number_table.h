// Numeric columns of a CSV file, with dates.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lockstep {

struct NumberTableColumns {
  bool header = true;                ///< the first row has the names of the columns
  std::string date;                  ///< empty: the table has no dates
  std::vector<std::string> numbers;  ///< empty: all but the date
};

/// Rows in the order of the file.
struct NumberTable {
  std::vector<std::string> names;  ///< of the numbers; "1", "2", ... without a header
  std::vector<int64_t> times;      ///< milliseconds, growing; empty without dates
  std::vector<double> values;      ///< rows x names; NaN where one is missing

  size_t rows() const { return names.empty() ? 0 : values.size() / names.size(); }
  double at(size_t row, size_t column) const { return values[row * names.size() + column]; }
};

/// Reads a file, plain or gzip. Empty fields, "NaN", "NA", "null" and "?" are missing values.
/// Throws Error: missing, usage for a column that is not there, corrupt (with line and column) for
/// a row of another width, what is no finite number or no date, and dates that do not grow.
NumberTable read_number_table(const std::filesystem::path& file, const NumberTableColumns& columns);

}  // namespace lockstep
