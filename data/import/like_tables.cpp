#include "data/import/like_tables.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "data/base/error.h"
#include "data/import/csv_reader.h"
#include "data/import/date_time.h"
#include "data/import/finite_number.h"

namespace lockstep {
namespace {

constexpr double kMissingNumber = std::numeric_limits<double>::quiet_NaN();

CsvFormat like_format(const LikeOptions& options) {
  return options.form == "tsv" ? CsvFormat{.separator = '\t', .quotes = false} : CsvFormat{};
}

std::vector<std::string> split_at(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  return parts;
}

class LikeTableReader {
 public:
  LikeTableReader(const LikeOptions& options, Rejections& rejections)
      : options_(options), rejections_(rejections) {}

  void read_events(const SplitSource& source) {
    CsvReader csv(source.file, like_format(options_));
    std::vector<std::string> fields;
    if (options_.header) csv.next(fields);
    const auto column = [&](const std::string& name) {
      return find_column(name, fields, source.file);
    };
    const Columns columns{column(options_.user_column), column(options_.item_column),
                          column(options_.time_column), column(options_.rating_column)};
    while (csv.next(fields)) {
      ++rows_;
      try {
        tables_.events.push_back(event_of(fields, columns, csv, source));
      } catch (const Error& error) {
        rejections_.add(csv.place(), error.what());
      }
    }
  }

  void read_items() {
    CsvReader csv(options_.items, like_format(options_));
    std::vector<std::string> fields;
    if (options_.header) csv.next(fields);
    const auto column = [&](const std::string& name) {
      return find_column(name, fields, options_.items);
    };
    const size_t item_column = column(options_.item_column);
    std::vector<size_t> texts, numbers;
    for (const std::string& name : options_.text_columns) texts.push_back(column(name));
    for (const std::string& name : options_.number_columns) numbers.push_back(column(name));
    const bool has_categories = !options_.category_column.empty();
    const size_t category = has_categories ? column(options_.category_column) : 0;
    while (csv.next(fields)) {
      if (item_column >= fields.size() || !csv.problem().empty()) {
        throw Error(ExitCode::corrupt,
                    fmt::format("{}: {}", csv.place(),
                                csv.problem().empty() ? "has no item" : csv.problem()));
      }
      // A row may end early: what is behind is empty.
      const auto field = [&](size_t i) { return i < fields.size() ? fields[i] : std::string(); };
      LikeItem& item = tables_.items[item_number(fields[item_column])];
      item.text.clear();
      for (const size_t i : texts) item.text += (item.text.empty() ? "" : " ") + field(i);
      item.numbers.clear();
      for (const size_t i : numbers) {
        item.numbers.push_back(finite_number<double>(field(i)).value_or(kMissingNumber));
      }
      if (has_categories) item.categories = split_at(field(category), options_.category_separator);
    }
  }

  LikeTables finish(const SplitRule& rule) {
    rejections_.check(rows_);
    for (LikeItem& item : tables_.items) {
      item.numbers.resize(options_.number_columns.size(), kMissingNumber);
    }
    divide(rule);
    std::stable_sort(tables_.events.begin(), tables_.events.end(),
                     [](const LikeEvent& a, const LikeEvent& b) {
                       return std::pair(a.split, a.time) < std::pair(b.split, b.time);
                     });
    tables_.users = users_.size();
    return std::move(tables_);
  }

 private:
  static constexpr uint8_t kUndividedEvent = 255;
  struct Columns {
    size_t user, item, time, rating;
    size_t largest() const { return std::max({user, item, time, rating}); }
  };

  LikeEvent event_of(const std::vector<std::string>& fields, const Columns& columns,
                     const CsvReader& csv, const SplitSource& source) {
    const auto bad = [](const std::string& why) { return Error(ExitCode::corrupt, why); };
    if (!csv.problem().empty()) throw bad(csv.problem());
    if (columns.largest() >= fields.size()) {
      throw bad(fmt::format("has only {} fields", fields.size()));
    }
    if (fields[columns.user].empty() || fields[columns.item].empty()) {
      throw bad("has no user or no item");
    }
    const std::optional<int64_t> time = read_time(fields[columns.time]);
    if (!time) throw bad(fmt::format("\"{}\" is no time", fields[columns.time]));
    const std::optional<double> rating = finite_number<double>(fields[columns.rating]);
    if (!rating) throw bad(fmt::format("\"{}\" is no number", fields[columns.rating]));
    const auto user = users_.emplace(fields[columns.user], users_.size()).first->second;
    return {static_cast<uint32_t>(user), item_number(fields[columns.item]), *time,
            *rating >= options_.like_from,
            source.split ? static_cast<uint8_t>(*source.split) : kUndividedEvent};
  }

  uint32_t item_number(const std::string& name) {
    const auto [entry, is_new] = items_.emplace(name, tables_.items.size());
    if (is_new) tables_.items.push_back({name, "", {}, {}});
    return static_cast<uint32_t>(entry->second);
  }

  void divide(const SplitRule& rule) {
    std::vector<int64_t> times;
    for (const LikeEvent& event : tables_.events) {
      if (event.split == kUndividedEvent) times.push_back(event.time);
    }
    const std::vector<uint8_t> splits = plan_split(rule, times.size(), times);
    size_t next = 0;
    for (LikeEvent& event : tables_.events) {
      if (event.split == kUndividedEvent) event.split = splits[next++];
    }
  }

  const LikeOptions& options_;
  Rejections& rejections_;
  LikeTables tables_;
  std::unordered_map<std::string, size_t> users_, items_;
  int64_t rows_ = 0;
};

}  // namespace

void LikeOptions::describe(Fields& fields) {
  fields.add("form", form, "of the tables").one_of({"csv", "tsv"});
  fields.add("header", header, "the first row names the columns");
  fields.add("user_column", user_column, "name or number (from 1) of the user's column");
  fields.add("item_column", item_column, "of the item's, in both tables");
  fields.add("time_column", time_column, "of the time's (a date, or seconds since 1970)");
  fields.add("rating_column", rating_column, "of a number: stars, or 1 for a click and 0 for none");
  fields.add("like_from", like_from, "from this number on an item is liked");
  fields.add("items", items, "a table with a row for each item");
  fields.add("text_columns", text_columns,
             "its columns with what an item says of itself, such as title,genres");
  fields.add("number_columns", number_columns, "its columns with numbers that may tell something");
  fields.add("category_column", category_column,
             "its column with categories; what a user liked of each is counted");
  fields.add("category_separator", category_separator, "what stands between them");
}

void LikeOptions::check() const {
  const bool wants_items =
      !text_columns.empty() || !number_columns.empty() || !category_column.empty();
  if (items.empty() && wants_items) {
    throw Error(ExitCode::usage, "columns of items need a table of items", "give it with --items");
  }
  if (category_separator.empty()) throw Error(ExitCode::usage, "--category-separator is empty");
}

LikeTables read_likes(const std::vector<SplitSource>& files, const LikeOptions& options,
                      const SplitRule& rule, Rejections& rejections) {
  options.check();
  LikeTableReader reader(options, rejections);
  for (const SplitSource& source : files) reader.read_events(source);
  if (!options.items.empty()) reader.read_items();
  return reader.finish(rule);
}

}  // namespace lockstep
