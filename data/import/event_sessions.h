// Sessions of events (clicks, ratings), gathered from tables or lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/import/split_plan.h"

namespace lockstep {

/// The items of one session in the order of their times; equal times stay in the order of rows.
struct EventSession {
  std::filesystem::path file;
  int64_t line = 0;             ///< of its first event
  std::optional<size_t> split;  ///< when its file belongs to one
  std::vector<uint32_t> items;  ///< numbers of EventLog::items
  int64_t end = 0;              ///< milliseconds of its last event; the line without times
  std::string problem;          ///< why it cannot be used; empty when it can
};

struct EventLog {
  std::vector<std::string> items;      ///< names
  std::vector<std::string> texts;      ///< of items, where there are any; empty without texts
  std::vector<EventSession> sessions;  ///< in the order of their first rows
};

/// `--form`, `--header` and the columns.
struct EventOptions {
  std::string form = "csv";
  bool header = true;
  std::string session_column = "session";
  std::string item_column = "item";
  std::string time_column;
  std::string text_column;
  std::string texts;
  bool text_only_items = false;

  void describe(Fields& fields);
  /// Throws Error(usage) when they contradict each other.
  void check() const;
};

/// Reads files, plain or gzip. A session of csv and tsv is all rows of a file with its name, which
/// need not stand together; one with a row that cannot be used is not used as a whole. Throws
/// Error: missing, usage for a column that is not there, corrupt when a file cannot be read.
EventLog read_events(const std::vector<SplitSource>& files, const EventOptions& options);

}  // namespace lockstep
