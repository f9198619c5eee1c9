#include "trainer/observers/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/base/error.h"

namespace lockstep {
namespace {

/// Code points, not bytes: metric names need not be ASCII.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
  }));
}

}  // namespace

TextTable::TextTable(std::vector<std::string> names) : names_(std::move(names)) {
  for (const std::string& name : names_) widths_.push_back(width_of(name));
}

void TextTable::add(std::vector<std::string> cells) {
  LOCKSTEP_CHECK(cells.size() == names_.size(), "{} cells for {} columns", cells.size(),
                 names_.size());
  for (size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], width_of(cells[i]));
  rows_.push_back(std::move(cells));
}

std::string TextTable::header() const {
  return line(names_);
}
std::string TextTable::row(size_t index) const {
  return line(rows_.at(index));
}

std::string TextTable::line(const std::vector<std::string>& cells) const {
  std::string text;
  for (size_t i = 0; i < cells.size(); ++i) {
    text += std::string(2 + widths_[i] - width_of(cells[i]), ' ') + cells[i];
  }
  return text;
}

}  // namespace lockstep
