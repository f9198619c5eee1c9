// The two tables of `data import likes`: who liked what and when, and what items say of themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/import/rejections.h"
#include "data/import/split_plan.h"

namespace lockstep {

struct LikeEvent {
  uint32_t user = 0;
  uint32_t item = 0;  ///< of LikeTables::items
  int64_t time = 0;   ///< milliseconds
  bool liked = false;
  uint8_t split = 0;
};

struct LikeItem {
  std::string name;
  std::string text;                     ///< its text columns, with a blank between
  std::vector<std::string> categories;  ///< words of its category column
  std::vector<double> numbers;          ///< of its number columns; NaN where one is missing
};

struct LikeTables {
  std::vector<LikeItem> items;
  std::vector<LikeEvent> events;  ///< by split, then by time; equal ones in the order of rows
  size_t users = 0;
};

struct LikeOptions {
  std::string form = "csv";
  bool header = true;
  std::string user_column = "user";
  std::string item_column = "item";
  std::string time_column = "time";
  std::string rating_column = "rating";
  double like_from = 1;
  std::string items;
  std::vector<std::string> text_columns;
  std::vector<std::string> number_columns;
  std::string category_column;
  std::string category_separator = " ";

  void describe(Fields& fields);
  /// Throws Error(usage) when they contradict each other.
  void check() const;
};

/// Reads the tables, plain or gzip, and divides the events that no file of its own has put into a
/// split by `rule`. Rows that cannot be used are rejected. Throws Error: missing, usage for a
/// column that is not there, corrupt when a file cannot be read.
LikeTables read_likes(const std::vector<SplitSource>& files, const LikeOptions& options,
                      const SplitRule& rule, Rejections& rejections);

}  // namespace lockstep
