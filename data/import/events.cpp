#include "data/import/events.h"

#include <algorithm>
#include <limits>

#include "data/base/error.h"
#include "data/import/event_sessions.h"
#include "data/import/label_set.h"
#include "data/import/record_passes.h"
#include "data/import/split_writers.h"
#include "data/import/successors.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnknownItem = "<unk>";
constexpr double kMillisecondsPerDay = 86400e3;

class EventsImporter : public DataTool {
 public:
  EventsImporter() { split_.split_by = "time"; }

  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"time", "position", "random"});
    event_options_.describe(fields);
    fields
        .add(
            "test_days", test_days_,
            "sessions that end in so many last days become the split \"test\"; --split divides the "
            "others")
        .at_least(0)
        .unit("days");
    fields
        .add("validation_days", validation_days_,
             "those that end in so many days before these become \"validation\"")
        .at_least(0)
        .unit("days");
    fields
        .add("min_count", min_count_,
             "events of an item in the training sessions; items with fewer become <unk>")
        .at_least(1);
    fields.add("min_length", min_length_, "events of a session; shorter ones are left out")
        .at_least(2);
    describe_compression(fields, limits_.compression);
    rejections_.describe(fields);
  }

  const Rejections* rejections() const override { return &rejections_; }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    const SplitRule rule = split_.rule();
    const std::vector<SplitSource> files = find_sources(sources, files_);
    check_days();
    log_ = read_events(files, event_options_);
    const size_t short_sessions = drop_short_sessions();
    choose_last_days();
    StagedFolder folder(out);
    RecordPasses<EventSession> passes(read_all(), rejections_, progress);
    passes.plan(rule, [](const EventSession& session) {
      if (!session.problem.empty()) throw Error(ExitCode::corrupt, session.problem);
      return session.end;
    });
    Manifest manifest;
    manifest.streams = count_items(passes);
    if (!log_.texts.empty()) manifest.symbol_texts["inputs"] = item_texts(manifest.streams[0]);
    if (event_options_.text_only_items) manifest.known_symbols["inputs"] = known_items_;
    SplitWriters writers(folder.path(), wanted(files, rule.shares), manifest.streams, limits_);
    passes.all("importing",
               [&](const EventSession& session, size_t split) { write(session, split, writers); });
    manifest.splits = writers.finish();
    manifest.source = fmt::format(
        "{}; {} sessions shorter than {} left out; {} of {} events outside of training are of "
        "items that training has not",
        name_sources(files), short_sessions, min_length_, unknown_events_, other_events_);
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  void check_days() const {
    if (test_days_ == 0 && validation_days_ == 0) return;
    if (event_options_.form == "sessions" || event_options_.time_column.empty()) {
      throw Error(ExitCode::usage, "--test-days and --validation-days need --time-column");
    }
  }

  size_t drop_short_sessions() {
    return std::erase_if(log_.sessions, [&](const EventSession& session) {
      return session.problem.empty() && static_cast<int64_t>(session.items.size()) < min_length_;
    });
  }

  /// As GRU4Rec does it: by the time of a session's last event, back from the last of all.
  void choose_last_days() {
    if (test_days_ == 0 && validation_days_ == 0) return;
    int64_t last = std::numeric_limits<int64_t>::min();
    for (const EventSession& session : log_.sessions) {
      if (session.problem.empty()) last = std::max(last, session.end);
    }
    const auto before = [&](double days) {
      return static_cast<double>(last) - days * kMillisecondsPerDay;
    };
    for (EventSession& session : log_.sessions) {
      if (session.split) continue;
      const auto end = static_cast<double>(session.end);
      if (test_days_ > 0 && end >= before(test_days_)) {
        session.split = 2;
      } else if (validation_days_ > 0 && end >= before(test_days_ + validation_days_)) {
        session.split = 1;
      }
    }
  }

  RecordPasses<EventSession>::ReadAll read_all() const {
    return [this](const RecordPasses<EventSession>::Visit& visit) {
      for (const EventSession& session : log_.sessions) {
        visit(RecordPlace{session.file, session.line, session.split}, session);
      }
    };
  }

  /// The most frequent items of the training sessions come first.
  std::vector<StreamSchema> count_items(RecordPasses<EventSession>& passes) {
    std::vector<int64_t> counts(log_.items.size());
    passes.train("counting items", [&](const EventSession& session) {
      for (const uint32_t item : session.items) ++counts[item];
    });
    const Vocabulary items(item_names(counts), kUnknownItem);
    for (const std::string& name : log_.items) {
      numbers_.push_back(static_cast<int32_t>(items.find(name)));
    }
    count_successors(passes);
    return {symbol_stream("inputs", items), markov_stream(), symbol_stream("next", items)};
  }

  void count_successors(RecordPasses<EventSession>& passes) {
    passes.train("counting successors", [&](const EventSession& session) {
      for (size_t i = 0; i + 1 < session.items.size(); ++i) {
        const int32_t from = numbers_[session.items[i]], to = numbers_[session.items[i + 1]];
        if (is_known(from) && is_known(to)) successors_.add(from, to);
      }
    });
    successors_.finish();
  }

  static StreamSchema markov_stream() {
    StreamSchema stream;
    stream.name = "markov_place";
    stream.element = ElementType::i32;
    stream.num_classes = Successors::kPlaces + 1;
    return stream;
  }

  /// Neither <unk> nor one that is kept for its text only.
  bool is_known(int32_t number) const { return number > 0 && number < known_items_; }

  /// <unk>, then the items that are kept by falling count: those that are kept for their text only
  /// come last.
  std::vector<std::string> item_names(const std::vector<int64_t>& counts) {
    std::vector<size_t> kept;
    known_items_ = 1;
    for (size_t item = 0; item < counts.size(); ++item) {
      // An item of the unknown item's name is told apart from nothing.
      if (log_.items[item] == kUnknownItem) continue;
      if (counts[item] >= min_count_) ++known_items_;
      if (counts[item] >= min_count_ || is_described(item)) kept.push_back(item);
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [&](size_t a, size_t b) { return counts[a] > counts[b]; });
    std::vector<std::string> names{kUnknownItem};
    for (const size_t item : kept) names.push_back(log_.items[item]);
    return names;
  }

  bool is_described(size_t item) const {
    return event_options_.text_only_items && !log_.texts[item].empty();
  }

  std::vector<std::string> item_texts(const StreamSchema& items) const {
    std::vector<std::string> texts(items.labels.size());
    for (size_t item = 0; item < log_.items.size(); ++item) {
      const auto number = static_cast<size_t>(numbers_[item]);
      if (number > 0) texts[number] = log_.texts[item];
    }
    return texts;
  }

  std::vector<size_t> wanted(const std::vector<SplitSource>& files,
                             const SplitShares& shares) const {
    std::vector<size_t> splits = wanted_splits(files, shares);
    const auto want = [&](size_t split, double days) {
      if (days > 0 && std::count(splits.begin(), splits.end(), split) == 0) splits.push_back(split);
    };
    want(1, validation_days_);
    want(2, test_days_);
    return splits;
  }

  void write(const EventSession& session, size_t split, SplitWriters& writers) {
    std::vector<int32_t> symbols, places;
    for (const uint32_t item : session.items) symbols.push_back(numbers_[item]);
    if (split != 0) {
      other_events_ += static_cast<int64_t>(symbols.size());
      unknown_events_ += std::count_if(symbols.begin(), symbols.end(),
                                       [this](int32_t number) { return !is_known(number); });
    }
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      places.push_back(successors_.place(symbols[i], symbols[i + 1]));
    }
    const auto steps = static_cast<int64_t>(symbols.size()) - 1;
    writers.append(split,
                   {{symbols.data(), steps}, {places.data(), steps}, {symbols.data() + 1, steps}});
  }

  SplitFiles files_;
  SplitOptions split_;
  EventOptions event_options_;
  double test_days_ = 0;
  double validation_days_ = 0;
  int64_t min_count_ = 1;
  int64_t min_length_ = 2;
  ShardLimits limits_;
  Rejections rejections_;

  EventLog log_;
  std::vector<int32_t> numbers_;  ///< of log_.items in the vocabulary; 0 is <unk>
  int64_t known_items_ = 0;       ///< numbers from this one on are kept for their text only
  Successors successors_;
  int64_t other_events_ = 0;
  int64_t unknown_events_ = 0;
};

}  // namespace

DataToolEntry events_importer() {
  return {"events", "sessions of clicks or ratings, for recommending the next item",
          "files, divided by --split or --test-days; or none, with --train",
          [] { return std::make_unique<EventsImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
