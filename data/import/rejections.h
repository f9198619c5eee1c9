// Records that an importer cannot use: how many there are, and the first of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/base/fields.h"

namespace lockstep {

class Rejections {
 public:
  static constexpr size_t kShown = 20;

  /// `--max-rejected`: the largest share of the records that may be rejected.
  void describe(Fields& fields);

  /// `place` is "FILE:LINE".
  void add(const std::string& place, const std::string& why);
  int64_t count() const { return count_; }
  /// The first kShown as "FILE:LINE: why".
  const std::vector<std::string>& first() const { return first_; }

  /// Tells how many records were read in all, and throws Error(corrupt) when too many of them were
  /// rejected, or every one. May be called again as more are rejected.
  void check(int64_t records);
  /// "3 of 5574 records were rejected:" and the first of them, a line each; empty when none was.
  std::string text() const;

 private:
  double max_rejected_ = 0.01;
  int64_t records_ = 0;
  int64_t count_ = 0;
  std::vector<std::string> first_;
};

}  // namespace lockstep
