#include "data/import/labelled_records.h"

#include <algorithm>
#include <utility>

#include "data/base/error.h"
#include "data/import/csv_reader.h"
#include "data/import/line_reader.h"

namespace lockstep {
namespace {

/// A separator given on a command line: "\t" is a tab.
std::string unescaped(const std::string& text) {
  return text == "\\t" ? "\t" : text;
}

std::string without_outer_space(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

void LabelledForm::describe(Fields& fields) {
  fields
      .add("form", form_,
           "how a record holds its text and labels: columns of a table (csv with quotes, tsv "
           "without), lines that begin with the label (label-first) or end with it (label-last), "
           "or lines of text whose label is that of their file (file)")
      .one_of({"csv", "tsv", "label-first", "label-last", "file"});
  fields.add("encoding", encoding_, "of the files").one_of(text_encoding_names());
  fields.add("header", header_, "csv, tsv: the first row names the columns");
  fields.add("text_column", text_column_, "csv, tsv: name or number (from 1) of the text's column");
  fields.add("label_column", label_columns_,
             "csv, tsv: names or numbers of the label columns; several become several targets");
  fields.add("label_separator", separator_,
             "label-first, label-last: what stands between label and text; \\t is a tab");
  fields.add("coarse", coarse_,
             "keep of a label only what stands before the first of these characters: \":\" makes "
             "DESC of DESC:manner; empty: keep all");
  fields.add("source_labels", source_labels_, "file: the label of each SOURCE, in their order");
}

void LabelledForm::check(size_t num_sources) const {
  if (label_columns_.empty()) throw Error(ExitCode::usage, "--label-column names no column");
  if (form_ != "csv" && form_ != "tsv" && separator_.empty()) {
    throw Error(ExitCode::usage, "--label-separator is empty");
  }
  if (form_ == "file" && source_labels_.size() != num_sources) {
    throw Error(ExitCode::usage,
                fmt::format("--form file has {} SOURCEs and {} --source-labels", num_sources,
                            source_labels_.size()),
                "give one label for each file, in the same order");
  }
}

std::vector<std::string> LabelledForm::targets() const {
  const bool columns = form_ == "csv" || form_ == "tsv";
  if (!columns || label_columns_.size() == 1) return {"label"};
  std::vector<std::string> names;
  for (const std::string& column : label_columns_) {
    const bool number = column.find_first_not_of("0123456789") == std::string::npos;
    names.push_back(number ? "label" + column : column);
  }
  return names;
}

std::string LabelledForm::trimmed_label(std::string label) const {
  label = without_outer_space(label);
  return coarse_.empty() ? label : label.substr(0, label.find_first_of(coarse_));
}

void LabelledForm::read_all(const std::vector<SplitSource>& sources, const Visit& visit) const {
  for (size_t i = 0; i < sources.size(); ++i) {
    if (form_ == "csv" || form_ == "tsv") {
      read_table(sources[i], visit);
    } else {
      read_lines(sources[i], i, visit);
    }
  }
}

void LabelledForm::read_table(const SplitSource& source, const Visit& visit) const {
  const bool tabs = form_ == "tsv";
  CsvReader reader(source.file, {tabs ? '\t' : ',', !tabs, text_encoding_of(encoding_)});
  std::vector<std::string> row;
  std::vector<std::string> names;
  if (header_ && !reader.next(names)) return;
  const size_t text = find_column(text_column_, names, source.file);
  std::vector<size_t> columns;
  for (const std::string& column : label_columns_) {
    columns.push_back(find_column(column, names, source.file));
  }
  const size_t last = std::max(text, *std::max_element(columns.begin(), columns.end()));
  while (reader.next(row)) {
    LabelledRecord record;
    record.problem = reader.problem();
    if (record.problem.empty() && row.size() <= last) {
      record.problem =
          fmt::format("has {} column{}, not {}", row.size(), row.size() == 1 ? "" : "s", last + 1);
    }
    if (record.problem.empty()) {
      record.text = row[text];
      for (const size_t column : columns) record.labels.push_back(trimmed_label(row[column]));
    }
    visit({reader.file(), reader.number(), source.split}, record);
  }
}

void LabelledForm::read_lines(const SplitSource& source, size_t number, const Visit& visit) const {
  LineReader reader(source.file, text_encoding_of(encoding_));
  std::string line;
  while (reader.next(line)) {
    if (line.empty()) continue;
    LabelledRecord record;
    if (reader.problem().empty()) record = from_line(line, number);
    if (!reader.problem().empty()) record.problem = reader.problem();
    visit({reader.file(), reader.number(), source.split}, record);
  }
}

LabelledRecord LabelledForm::from_line(const std::string& line, size_t source) const {
  if (form_ == "file") return {line, {source_labels_[source]}, {}};
  const std::string separator = unescaped(separator_);
  const bool first = form_ == "label-first";
  const size_t at = first ? line.find(separator) : line.rfind(separator);
  if (at == std::string::npos) return {{}, {}, "has no label: the separator is not there"};
  const std::string before = line.substr(0, at);
  const std::string after = line.substr(at + separator.size());
  return {first ? after : before, {trimmed_label(first ? before : after)}, {}};
}

}  // namespace lockstep
