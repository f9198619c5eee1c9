// Importers of records go over them several times: first for the keys that divide them, then for
// what is learned from the training records (vocabularies, labels, scales), last to write them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/base/error.h"
#include "data/base/progress.h"
#include "data/import/rejections.h"
#include "data/import/split_plan.h"

namespace lockstep {

/// Where a record stands.
struct RecordPlace {
  const std::filesystem::path& file;
  int64_t line = 0;             ///< 0: the file as a whole is the record
  std::optional<size_t> split;  ///< set when all of the file belongs to one split

  /// "FILE:LINE" or "FILE".
  std::string text() const;
};

/// Remembers the split of every record: one byte each, and eight more until they are divided.
class RecordPlan {
 public:
  explicit RecordPlan(Rejections& rejections) : rejections_(rejections) {}

  /// First pass, for every record in its order.
  void add(const RecordPlace& place, int64_t key);
  void add_rejected(const RecordPlace& place, const std::string& why);
  /// After it. Throws Error(corrupt) when too many were rejected.
  void divide(const SplitRule& rule);

  /// Later passes: empty for a record that was rejected.
  std::optional<size_t> split_of(size_t record) const;
  void reject(size_t record, const RecordPlace& place, const std::string& why);
  /// After each of them. Throws Error(corrupt) when too many were rejected, or when the records
  /// are not as many as in the first.
  void check(size_t records) const;
  size_t size() const { return splits_.size(); }

 private:
  static constexpr uint8_t kRejected = 255;
  static constexpr uint8_t kUndecided = 254;

  Rejections& rejections_;
  std::vector<uint8_t> splits_;
  std::vector<int64_t> keys_;  ///< of the undecided
};

/// The passes of an importer whose reader gives records of type `Record`, raw: what is wrong with
/// one is found in the passes' functions, where an Error(corrupt) rejects the record and nothing
/// else. Errors of reading itself end the import.
///
///   RecordPasses<Row> passes(read_all, rejections, progress);
///   passes.plan(rule, [&](const Row& row) { return check_and_number_label(row); });
///   passes.train("counting words", [&](const Row& row) { count(row); });
///   passes.all("importing", [&](const Row& row, size_t split) { writers.append(split, ...); });
template <class Record>
class RecordPasses {
 public:
  using Visit = std::function<void(const RecordPlace&, const Record&)>;
  /// Calls the visitor with every record of every file, in the same order each time.
  using ReadAll = std::function<void(const Visit&)>;

  RecordPasses(ReadAll read_all, Rejections& rejections, Progress progress)
      : read_all_(std::move(read_all)), plan_(rejections), progress_(std::move(progress)) {}

  /// The first pass: `key_of(record)` checks a record and gives its key as plan_split() wants it.
  template <class KeyOf>
  void plan(const SplitRule& rule, KeyOf key_of) {
    read_all_([&](const RecordPlace& place, const Record& record) {
      try {
        plan_.add(place, key_of(record));
      } catch (const Error& error) {
        if (error.code() != ExitCode::corrupt) throw;
        plan_.add_rejected(place, error.what());
      }
      report("reading", plan_.size(), 0);
    });
    plan_.divide(rule);
  }

  /// A later pass over the training records: `use(record)`. Errors reject records here too, so it
  /// must throw before it has learned from the record.
  template <class Use>
  void train(const std::string& what, Use use) {
    pass(what, [&](const Record& record, size_t split) {
      if (split == 0) use(record);
    });
  }

  /// A later pass over all records: `use(record, split)`.
  template <class Use>
  void all(const std::string& what, Use use) {
    pass(what, use);
  }

 private:
  static constexpr size_t kReportEvery = 1024;

  template <class Use>
  void pass(const std::string& what, Use use) {
    size_t number = 0;
    read_all_([&](const RecordPlace& place, const Record& record) {
      const size_t current = number++;
      if (const std::optional<size_t> split = plan_.split_of(current)) {
        try {
          use(record, *split);
        } catch (const Error& error) {
          if (error.code() != ExitCode::corrupt) throw;
          plan_.reject(current, place, error.what());
        }
      }
      report(what, number, plan_.size());
    });
    plan_.check(number);
  }

  void report(const std::string& what, size_t done, size_t total) const {
    if (!progress_ || (done % kReportEvery != 0 && done != total)) return;
    progress_(what, static_cast<int64_t>(done), static_cast<int64_t>(total), "records");
  }

  ReadAll read_all_;
  RecordPlan plan_;
  Progress progress_;
};

}  // namespace lockstep
