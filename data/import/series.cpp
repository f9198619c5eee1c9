#include "data/import/series.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/dense_stream.h"
#include "data/import/date_time.h"
#include "data/import/series_windows.h"
#include "data/import/split_plan.h"
#include "data/import/split_writers.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReportEveryWindows = 1024;

StreamSchema stream_of(const std::string& name, const SeriesFeatures& features) {
  return dense_stream(name, ElementType::f32, features.width);
}

StreamView rows_of(const SeriesFeatures& features, size_t first, int64_t count) {
  return {features.values.data() + first * static_cast<size_t>(features.width), count};
}

bool all_present(const SeriesFeatures& features, size_t first, int64_t count) {
  const auto begin = features.values.begin() + static_cast<std::ptrdiff_t>(first) * features.width;
  return std::none_of(begin, begin + count * features.width, [](float v) { return std::isnan(v); });
}

class SeriesImporter : public DataTool {
 public:
  SeriesImporter() {
    options_.info = {.history = 96, .horizon = 24, .missing = "forward", .calendar = {}};
  }

  void describe(Fields& fields) override {
    fields.add("header", table_columns_.header,
               "the first row has the names of the columns; without it they are numbered from 1");
    fields.add("date_column", table_columns_.date, "column with the date; empty: there is none");
    fields.add("columns", table_columns_.numbers, "columns that are read; none: all but the date");
    fields.add("targets", targets_, "columns of them that are forecast; none: all");
    fields.add("history", options_.info.history, "rows that a forecast is made from")
        .at_least(1)
        .at_most(1 << 20);
    fields.add("horizon", options_.info.horizon, "rows that are forecast")
        .at_least(1)
        .at_most(1 << 20);
    fields.add("stride", stride_, "rows from window to window").at_least(1).at_most(1 << 30);
    fields
        .add("missing", options_.info.missing,
             "empty fields and NaN: the value before, or 0 with two more features for each column, "
             "whether it is there and how long ago it was")
        .one_of({"forward", "mask"});
    fields.add(
        "calendar", options_.info.calendar,
        "features of the date, known for the future too: hour, weekday, day, month, yearday");
    fields.add("split", split_, "shares of the rows, from front to back");
    fields.add("split_rows", split_rows_,
               "rows of train, validation and test instead of shares; later rows are left out");
    describe_compression(fields, limits_.compression);
    fields.add("standardise", options_.standardise,
               "to mean 0 and deviation 1 of the training rows, for each column");
  }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    if (sources.size() != 1) {
      throw Error(ExitCode::usage,
                  fmt::format("importing a series takes one table, not {}", sources.size()));
    }
    check_calendar();
    const NumberTable table = read_number_table(sources[0], table_columns_);
    const auto ranges = split_ranges(table.rows());
    options_.training = ranges[0];
    StagedFolder folder(out);
    inputs_ = input_features(table, options_);
    future_ = target_features(table, target_columns(table), options_);
    known_ = calendar_columns(table, options_.info.calendar);
    Manifest manifest = describe_data();
    write_windows(folder.path(), ranges, manifest, progress);
    manifest.source =
        fmt::format("{}: {} rows{}", sources[0].filename().string(), table.rows(),
                    left_out_ == 0 ? ""
                                   : fmt::format("; {} windows left out, whose future "
                                                 "has missing values",
                                                 left_out_));
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  void check_calendar() const {
    for (const std::string& name : options_.info.calendar) {
      const auto& known = calendar_features();
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        throw Error(ExitCode::usage, fmt::format("--calendar: \"{}\" is no feature of dates", name),
                    fmt::format("there are {}", fmt::join(known, ", ")));
      }
    }
    if (!options_.info.calendar.empty() && table_columns_.date.empty()) {
      throw Error(ExitCode::usage, "--calendar needs --date-column");
    }
  }

  std::array<RowRange, 3> split_ranges(size_t rows) const {
    std::array<size_t, 3> counts{};
    if (split_rows_.empty()) {
      const SplitShares shares = shares_of(split_);
      const auto end_of = [&](double share) {
        return static_cast<size_t>(std::llround(share * static_cast<double>(rows)));
      };
      counts[0] = end_of(shares[0]);
      counts[1] = end_of(shares[0] + shares[1]) - counts[0];
      counts[2] = shares[2] > 0 ? rows - counts[0] - counts[1] : 0;
    } else {
      check_split_rows(rows);
      for (size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<size_t>(split_rows_[i]);
    }
    std::array<RowRange, 3> ranges;
    size_t row = 0;
    for (size_t i = 0; i < ranges.size(); ++i) {
      ranges[i] = {row, row + counts[i]};
      row += counts[i];
    }
    return ranges;
  }

  void check_split_rows(size_t rows) const {
    const auto count = static_cast<int64_t>(rows);
    int64_t total = 0;
    for (const int64_t part : split_rows_) {
      if (part < 0 || part > count) total = count + 1;
      if (total <= count) total += part;
    }
    if (split_rows_.size() != 3 || split_rows_[0] == 0 || total > count) {
      throw Error(ExitCode::usage,
                  fmt::format("--split-rows needs three counts of the table's {} rows", rows),
                  "for example --split-rows 8640,2880,2880");
    }
  }

  std::vector<size_t> target_columns(const NumberTable& table) const {
    std::vector<size_t> columns;
    for (size_t i = 0; targets_.empty() && i < table.names.size(); ++i) columns.push_back(i);
    for (const std::string& target : targets_) {
      const auto found = std::find(table.names.begin(), table.names.end(), target);
      if (found == table.names.end()) {
        throw Error(ExitCode::usage,
                    fmt::format("--targets: \"{}\" is none of the columns", target),
                    fmt::format("they are {}", fmt::join(table.names, ", ")));
      }
      columns.push_back(static_cast<size_t>(found - table.names.begin()));
    }
    return columns;
  }

  Manifest describe_data() const {
    Manifest manifest;
    manifest.series = options_.info;
    manifest.streams = {stream_of("inputs", inputs_), stream_of("future", future_)};
    manifest.scaling = {{"inputs", inputs_.scaling}, {"future", future_.scaling}};
    if (known_.width > 0) {
      manifest.streams.push_back(stream_of("known", known_));
      manifest.scaling["known"] = known_.scaling;
    }
    return manifest;
  }

  void write_windows(const fs::path& folder, const std::array<RowRange, 3>& ranges,
                     Manifest& manifest, const Progress& progress) {
    std::vector<size_t> wanted;
    for (size_t split = 0; split < ranges.size(); ++split) {
      if (ranges[split].end > ranges[split].begin) wanted.push_back(split);
    }
    SplitWriters writers(folder, wanted, manifest.streams, limits_);
    for (const size_t split : wanted) {
      const auto starts = window_starts(ranges[split], options_.info, stride_);
      for (size_t i = 0; i < starts.size(); ++i) {
        write_window(starts[i], split, writers);
        const bool due = (i + 1) % kReportEveryWindows == 0 || i + 1 == starts.size();
        if (due && progress) {
          progress(fmt::format("importing {}", kSplitNames[split]), static_cast<int64_t>(i + 1),
                   static_cast<int64_t>(starts.size()), "windows");
        }
      }
    }
    manifest.splits = writers.finish();
  }

  void write_window(size_t start, size_t split, SplitWriters& writers) {
    const auto& [history, horizon, missing, calendar] = options_.info;
    // A target that nobody measured can neither be learned nor be scored.
    if (!all_present(future_, start, horizon)) {
      ++left_out_;
      return;
    }
    std::vector<StreamView> streams{rows_of(inputs_, start - static_cast<size_t>(history), history),
                                    rows_of(future_, start, horizon)};
    if (known_.width > 0) streams.push_back(rows_of(known_, start, horizon));
    writers.append(split, streams);
  }

  NumberTableColumns table_columns_;
  std::vector<std::string> targets_;
  SeriesOptions options_;
  ShardLimits limits_;
  int64_t stride_ = 1;
  std::vector<double> split_{0.7, 0.1, 0.2};
  std::vector<int64_t> split_rows_;

  SeriesFeatures inputs_, future_, known_;
  int64_t left_out_ = 0;
};

}  // namespace

DataToolEntry series_importer() {
  return {"series", "a table of numbers over time (CSV), as windows for forecasting",
          "one CSV file, plain or .gz", [] { return std::make_unique<SeriesImporter>(); }};
}

}  // namespace lockstep
