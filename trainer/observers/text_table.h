// A table for the terminal: right-aligned columns under their names.
#pragma once

#include <string>
#include <vector>

namespace lockstep {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> names);

  /// A row has a cell for each name.
  void add(std::vector<std::string> cells);

  /// The names and the rows at the widths that all rows so far need.
  std::string header() const;
  std::string row(size_t index) const;
  size_t rows() const { return rows_.size(); }

 private:
  std::string line(const std::vector<std::string>& cells) const;

  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> widths_;
};

}  // namespace lockstep
