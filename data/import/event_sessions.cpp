#include "data/import/event_sessions.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include "data/base/error.h"
#include "data/import/csv_reader.h"
#include "data/import/date_time.h"
#include "data/import/line_reader.h"
#include "data/text/tokens.h"

namespace lockstep {
namespace {

/// Numbers the names of items in the order they come.
class ItemNames {
 public:
  explicit ItemNames(std::vector<std::string>& names) : names_(names) {}

  uint32_t number_of(const std::string& name) {
    const auto [entry, is_new] = numbers_.emplace(name, static_cast<uint32_t>(names_.size()));
    if (is_new) names_.push_back(name);
    if (names_.size() == std::numeric_limits<uint32_t>::max()) {
      throw Error(ExitCode::corrupt, "more than 4294967294 different items");
    }
    return entry->second;
  }

  std::optional<uint32_t> find(const std::string& name) const {
    const auto entry = numbers_.find(name);
    return entry == numbers_.end() ? std::nullopt : std::optional(entry->second);
  }

 private:
  std::vector<std::string>& names_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

struct EventColumns {
  size_t session = 0;
  size_t item = 0;
  std::optional<size_t> time;
  std::optional<size_t> text;

  size_t largest() const { return std::max({session, item, time.value_or(0), text.value_or(0)}); }
};

struct TimedItem {
  int64_t time = 0;
  uint32_t item = 0;
};

CsvFormat table_format(const EventOptions& options) {
  return options.form == "tsv" ? CsvFormat{.separator = '\t', .quotes = false} : CsvFormat{};
}

/// The first text that is said of an item stays.
void keep_text(EventLog& log, uint32_t item, const std::string& text) {
  log.texts.resize(log.items.size());
  if (log.texts[item].empty()) log.texts[item] = text;
}

/// The sessions of one table while its rows come.
class SessionTable {
 public:
  SessionTable(const SplitSource& source, const EventOptions& options, EventLog& log,
               ItemNames& items)
      : source_(source),
        log_(log),
        items_(items),
        first_(log.sessions.size()),
        csv_(source.file, table_format(options)) {
    std::vector<std::string> header;
    if (options.header) csv_.next(header);
    columns_.session = find_column(options.session_column, header, source.file);
    columns_.item = find_column(options.item_column, header, source.file);
    if (!options.time_column.empty()) {
      columns_.time = find_column(options.time_column, header, source.file);
    }
    if (!options.text_column.empty() && options.texts.empty()) {
      columns_.text = find_column(options.text_column, header, source.file);
    }
  }

  void read() {
    for (std::vector<std::string> fields; csv_.next(fields);) add_row(fields);
    for (size_t i = 0; i < events_.size(); ++i) finish(log_.sessions[first_ + i], events_[i]);
  }

 private:
  void add_row(const std::vector<std::string>& fields) {
    if (columns_.session >= fields.size()) {
      EventSession& lost =
          session_of(fmt::format("\n{}", csv_.number()));  // no other has that name
      lost.problem = "has no session";
      return;
    }
    EventSession& session = session_of(fields[columns_.session]);
    const std::string problem = problem_of(fields);
    if (!problem.empty()) {
      if (session.problem.empty()) {
        session.problem = fmt::format("line {}: {}", csv_.number(), problem);
      }
      return;
    }
    const int64_t time = columns_.time ? *read_time(fields[*columns_.time]) : csv_.number();
    const uint32_t item = items_.number_of(fields[columns_.item]);
    current_->push_back({time, item});
    if (columns_.text) keep_text(log_, item, fields[*columns_.text]);
  }

  std::string problem_of(const std::vector<std::string>& fields) const {
    if (!csv_.problem().empty()) return csv_.problem();
    if (columns_.largest() >= fields.size())
      return fmt::format("has only {} fields", fields.size());
    if (fields[columns_.item].empty()) return "has no item";
    if (columns_.time && !read_time(fields[*columns_.time])) {
      return fmt::format("\"{}\" is no time", fields[*columns_.time]);
    }
    return {};
  }

  EventSession& session_of(const std::string& name) {
    const auto [entry, is_new] = numbers_.emplace(name, events_.size());
    if (is_new) {
      events_.emplace_back();
      EventSession session;
      session.file = source_.file;
      session.line = csv_.number();
      session.split = source_.split;
      log_.sessions.push_back(std::move(session));
    }
    current_ = &events_[entry->second];
    return log_.sessions[first_ + entry->second];
  }

  static void finish(EventSession& session, std::vector<TimedItem>& events) {
    std::stable_sort(events.begin(), events.end(),
                     [](const TimedItem& a, const TimedItem& b) { return a.time < b.time; });
    for (const TimedItem& event : events) session.items.push_back(event.item);
    if (!events.empty()) session.end = events.back().time;
    events = {};
  }

  const SplitSource& source_;
  EventLog& log_;
  ItemNames& items_;
  size_t first_;
  CsvReader csv_;
  EventColumns columns_;
  std::unordered_map<std::string, size_t> numbers_;
  std::vector<std::vector<TimedItem>> events_;
  std::vector<TimedItem>* current_ = nullptr;
};

void read_session_lines(const SplitSource& source, EventLog& log, ItemNames& items) {
  LineReader reader(source.file);
  for (std::string line; reader.next(line);) {
    if (line.empty()) continue;
    EventSession session;
    session.file = source.file;
    session.line = session.end = reader.number();
    session.split = source.split;
    session.problem = reader.problem();
    if (session.problem.empty()) {
      for (const std::string& item : tokenize(line, TokenKind::words)) {
        session.items.push_back(items.number_of(item));
      }
    }
    log.sessions.push_back(std::move(session));
  }
}

/// Texts of items that no event has are passed over, unless such items are wanted.
void read_item_texts(const EventOptions& options, ItemNames& items, EventLog& log) {
  CsvReader csv(options.texts, table_format(options));
  std::vector<std::string> fields;
  if (options.header) csv.next(fields);
  const size_t item_column = find_column(options.item_column, fields, options.texts);
  const size_t text_column = find_column(options.text_column, fields, options.texts);
  while (csv.next(fields)) {
    const bool is_short = std::max(item_column, text_column) >= fields.size();
    if (is_short || !csv.problem().empty()) {
      throw Error(
          ExitCode::corrupt,
          fmt::format("{}: {}", csv.place(), is_short ? "a field is missing" : csv.problem()),
          "--texts needs a row with an item and its text in each line");
    }
    const std::string& name = fields[item_column];
    const std::optional<uint32_t> item =
        options.text_only_items ? items.number_of(name) : items.find(name);
    if (item) keep_text(log, *item, fields[text_column]);
  }
}

}  // namespace

void EventOptions::describe(Fields& fields) {
  fields
      .add("form", form,
           "csv or tsv with a row per event; sessions: a line per session, items between blanks")
      .one_of({"csv", "tsv", "sessions"});
  fields.add("header", header, "csv, tsv: the first row names the columns");
  fields.add("session_column", session_column, "name or number (from 1) of the session's column");
  fields.add("item_column", item_column, "of the item's");
  fields.add("time_column", time_column,
             "of the time's (a date, or seconds since 1970); empty: rows are in order");
  fields.add("text_column", text_column,
             "of a text that describes the item (a title); the first that is not empty is kept");
  fields.add("texts", texts,
             "a table of the same form with the item's column and the text's, when they do not "
             "stand in the events");
  fields.add("text_only_items", text_only_items,
             "items that training has not, or fewer than --min-count times, and that have a text "
             "are kept: a model that reads texts can recommend them");
}

void EventOptions::check() const {
  if (text_only_items && text_column.empty()) {
    throw Error(ExitCode::usage, "--text-only-items needs --text-column");
  }
  if (!texts.empty() && text_column.empty()) {
    throw Error(ExitCode::usage, "--texts needs --text-column");
  }
  if (form == "sessions" && !text_column.empty() && texts.empty()) {
    throw Error(ExitCode::usage, "--form sessions has no columns; --text-column needs --texts");
  }
}

EventLog read_events(const std::vector<SplitSource>& files, const EventOptions& options) {
  options.check();
  EventLog log;
  ItemNames items(log.items);
  for (const SplitSource& source : files) {
    if (options.form == "sessions") {
      read_session_lines(source, log, items);
    } else {
      SessionTable(source, options, log, items).read();
    }
  }
  if (!options.texts.empty()) read_item_texts(options, items, log);
  if (!options.text_column.empty()) log.texts.resize(log.items.size());
  return log;
}

}  // namespace lockstep
