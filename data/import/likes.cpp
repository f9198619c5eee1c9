#include "data/import/likes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/base/error.h"
#include "data/dense_stream.h"
#include "data/import/label_set.h"
#include "data/import/like_tables.h"
#include "data/import/split_writers.h"
#include "data/like_statistics.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnknownLikeItem = "<unk>";

/// Mean and deviation of each feature over the training events; missing ones count nothing.
class FeatureSums {
 public:
  explicit FeatureSums(size_t width) : count_(width), sum_(width), square_(width) {}

  void add(const float* row) {
    for (size_t i = 0; i < count_.size(); ++i) {
      if (std::isnan(row[i])) continue;
      count_[i] += 1;
      sum_[i] += row[i];
      square_[i] += static_cast<double>(row[i]) * row[i];
    }
  }
  FeatureScaling finish(std::vector<std::string> names) const {
    FeatureScaling scaling{std::move(names), {}, {}};
    for (size_t i = 0; i < count_.size(); ++i) {
      const double count = std::max(1.0, count_[i]), mean = sum_[i] / count;
      const double variance = square_[i] / count - mean * mean;
      scaling.mean.push_back(mean);
      scaling.deviation.push_back(variance > 1e-12 ? std::sqrt(variance) : 1);
    }
    return scaling;
  }

 private:
  std::vector<double> count_, sum_, square_;
};

StreamSchema yes_no_stream(const std::string& name) {
  return symbol_stream(name, Vocabulary({"no", "yes"}));
}

class LikesImporter : public DataTool {
 public:
  LikesImporter() {
    split_.split_by = "time";
    options_.like_from = 1;
  }

  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"time"});
    options_.describe(fields);
    fields.add("history", history_, "events before the judged ones that a sequence begins with")
        .at_least(0)
        .at_most(1 << 16);
    fields.add("judged", judged_, "most judged events of a sequence").at_least(1).at_most(1 << 16);
    describe_compression(fields, limits_.compression);
    rejections_.describe(fields);
  }

  const Rejections* rejections() const override { return &rejections_; }

  void run(const std::vector<fs::path>& sources, const fs::path& out, const Progress&) override {
    const SplitRule rule = split_.rule();
    const std::vector<SplitSource> files = find_sources(sources, files_);
    tables_ = read_likes(files, options_, rule, rejections_);
    StagedFolder folder(out);
    Manifest manifest;
    number_items(manifest);
    make_features(manifest);
    SplitWriters writers(folder.path(), wanted_splits(files, rule.shares), manifest.streams,
                         limits_);
    write_users(writers);
    manifest.splits = writers.finish();
    manifest.source = fmt::format("{}; {} events of {} users", name_sources(files),
                                  tables_.events.size(), tables_.users);
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  size_t width() const { return LikeStatistics::names().size() + options_.number_columns.size(); }
  const LikeItem& item_of(const LikeEvent& event) const { return tables_.items[event.item]; }

  /// <unk>, then items by falling number of training events; those without any come last.
  void number_items(Manifest& manifest) {
    std::vector<int64_t> counts(tables_.items.size());
    for (const LikeEvent& event : tables_.events) {
      if (event.split == 0) ++counts[event.item];
    }
    std::vector<size_t> order;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (tables_.items[i].name != kUnknownLikeItem) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return counts[a] > counts[b]; });
    info_.known_items =
        std::count_if(order.begin(), order.end(), [&](size_t item) { return counts[item] > 0; });
    std::vector<std::string> names{kUnknownLikeItem}, texts{""};
    info_.item_categories = {{}};
    info_.item_numbers = {{}};
    numbers_.assign(counts.size(), 0);
    for (const size_t item : order) {
      numbers_[item] = static_cast<int32_t>(names.size());
      names.push_back(tables_.items[item].name);
      texts.push_back(tables_.items[item].text);
      info_.item_categories.push_back(category_numbers(tables_.items[item]));
      info_.item_numbers.push_back(tables_.items[item].numbers);
    }
    if (!options_.text_columns.empty()) manifest.symbol_texts["inputs"] = texts;
    manifest.streams = {symbol_stream("inputs", Vocabulary(names, kUnknownLikeItem)),
                        dense_stream("features", ElementType::f32, static_cast<int64_t>(width())),
                        yes_no_stream("judged"), yes_no_stream("liked")};
  }

  std::vector<int64_t> category_numbers(const LikeItem& item) {
    std::vector<int64_t> numbers;
    for (const std::string& category : item.categories) {
      numbers.push_back(category_names_.of(category));
    }
    return numbers;
  }

  /// In the order of time: of each event what was known before it.
  void make_features(Manifest& manifest) {
    LikeStatistics statistics(info_.item_categories);
    std::vector<LikeUser> users(tables_.users);
    FeatureSums sums(width());
    for (const LikeEvent& event : tables_.events) {
      const int32_t item = numbers_[event.item];
      const double seconds = static_cast<double>(event.time) / 1000;
      const size_t first = features_.size();
      for (const double value : statistics.features(users[event.user], item, seconds)) {
        features_.push_back(static_cast<float>(value));
      }
      for (const double value : item_of(event).numbers) {
        features_.push_back(static_cast<float>(value));
      }
      if (event.split == 0) sums.add(&features_[first]);
      statistics.add(users[event.user], item, seconds, event.liked);
    }
    std::vector<std::string> names = LikeStatistics::names();
    names.insert(names.end(), options_.number_columns.begin(), options_.number_columns.end());
    const FeatureScaling scaling = sums.finish(names);
    standardise(scaling);
    manifest.scaling["features"] = scaling;
    info_.item_sums = statistics.items();
    info_.all = statistics.all();
    manifest.likes = info_;
  }

  /// What is missing becomes the mean.
  void standardise(const FeatureScaling& scaling) {
    for (size_t i = 0; i < features_.size(); ++i) {
      const size_t column = i % width();
      const double value = (features_[i] - scaling.mean[column]) / scaling.deviation[column];
      features_[i] = std::isnan(value) ? 0 : static_cast<float>(value);
    }
    const size_t first = LikeStatistics::names().size();
    for (std::vector<double>& numbers : info_.item_numbers) {
      numbers.resize(options_.number_columns.size(), std::numeric_limits<double>::quiet_NaN());
      for (size_t i = 0; i < numbers.size(); ++i) {
        if (std::isnan(numbers[i])) numbers[i] = scaling.mean[first + i];
      }
    }
  }

  void write_users(SplitWriters& writers) {
    std::vector<std::vector<size_t>> of_user(tables_.users);
    for (size_t i = 0; i < tables_.events.size(); ++i) {
      of_user[tables_.events[i].user].push_back(i);
    }
    for (const std::vector<size_t>& events : of_user) {
      for (size_t begin = 0; begin < events.size();) {
        const uint8_t split = tables_.events[events[begin]].split;
        size_t end = begin;
        while (end < events.size() && end < begin + static_cast<size_t>(judged_) &&
               tables_.events[events[end]].split == split) {
          ++end;
        }
        const size_t first = begin - std::min(begin, static_cast<size_t>(history_));
        write(events, first, begin, end, split, writers);
        begin = end;
      }
    }
  }

  void write(const std::vector<size_t>& events, size_t first, size_t begin, size_t end,
             size_t split, SplitWriters& writers) const {
    std::vector<int32_t> items, judged, liked;
    std::vector<float> features;
    for (size_t i = first; i < end; ++i) {
      const LikeEvent& event = tables_.events[events[i]];
      items.push_back(numbers_[event.item]);
      judged.push_back(i >= begin ? 1 : 0);
      liked.push_back(event.liked ? 1 : 0);
      const auto row = features_.begin() + static_cast<std::ptrdiff_t>(events[i] * width());
      features.insert(features.end(), row, row + static_cast<std::ptrdiff_t>(width()));
    }
    const auto steps = static_cast<int64_t>(items.size());
    writers.append(split, {{items.data(), steps},
                           {features.data(), steps},
                           {judged.data(), steps},
                           {liked.data(), steps}});
  }

  SplitFiles files_;
  SplitOptions split_;
  LikeOptions options_;
  int64_t history_ = 50;
  int64_t judged_ = 50;
  ShardLimits limits_;
  Rejections rejections_;

  LikeTables tables_;
  NameNumbers category_names_;
  LikesInfo info_;
  std::vector<int32_t> numbers_;  ///< of tables_.items in the vocabulary
  std::vector<float> features_;   ///< of each event, width() each
};

}  // namespace

DataToolEntry likes_importer() {
  return {"likes", "what users liked and what they did not, with texts of the items",
          "files, divided by --split in the order of time; or none, with --train",
          [] { return std::make_unique<LikesImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
