// Texts with labels, in the forms that data sets come in.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/import/record_passes.h"
#include "data/import/split_plan.h"

namespace lockstep {

struct LabelledRecord {
  std::string text;
  std::vector<std::string> labels;  ///< one per target; several in one with --multi-label
  std::string group;                ///< of --group-column; empty without
  std::string problem;              ///< why it is none; empty when it is one
};

/// `--form` and what goes with it.
class LabelledForm {
 public:
  void describe(Fields& fields);
  /// Throws Error(usage) when options contradict each other, the number of sources or the way
  /// records are divided.
  void check(size_t num_sources, SplitBy split_by) const;

  /// Names of the targets: "label", or those of several label columns.
  std::vector<std::string> targets() const;
  /// Whether a label is a set of labels.
  bool has_sets() const { return !set_separator_.empty(); }
  /// The labels of a set, in its order.
  std::vector<std::string> labels_in(const std::string& set) const;

  /// Calls `visit` for every record of every source, in the same order each time.
  using Visit = std::function<void(const RecordPlace&, const LabelledRecord&)>;
  void read_all(const std::vector<SplitSource>& sources, const Visit& visit) const;

 private:
  void read_table(const SplitSource& source, const Visit& visit) const;
  void read_lines(const SplitSource& source, size_t number, const Visit& visit) const;
  void read_folders(const SplitSource& source, const Visit& visit) const;
  LabelledRecord from_file(const std::filesystem::path& file, const std::string& label) const;
  LabelledRecord from_line(const std::string& line, size_t source) const;
  LabelledRecord from_json(const std::string& line) const;
  bool has_columns() const { return form_ == "csv" || form_ == "tsv" || form_ == "jsonl"; }
  std::string trimmed_label(std::string label) const;
  std::vector<std::string> text_columns() const;
  std::vector<std::string> label_columns() const;

  std::string form_ = "tsv";
  std::string encoding_ = "utf-8";
  bool header_ = false;
  std::vector<std::string> text_columns_;
  std::vector<std::string> label_columns_;
  std::string group_column_;
  std::string set_separator_;
  std::string separator_ = " ";
  std::string coarse_;
  std::vector<std::string> source_labels_;
};

}  // namespace lockstep
