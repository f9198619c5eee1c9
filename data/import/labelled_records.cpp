#include "data/import/labelled_records.h"

#include <algorithm>
#include <utility>

#include "data/base/error.h"
#include "data/import/csv_reader.h"
#include "data/import/json_field.h"
#include "data/import/line_reader.h"
#include "data/manifest.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

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

void add_text(const std::string& part, std::string& text) {
  if (!text.empty() && !part.empty()) text += ' ';
  text += part;
}

/// What lies in a folder, in the order of names, so that an import is the same everywhere.
std::vector<fs::path> sorted_entries(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(ExitCode::missing, fmt::format("{}: is not a folder", folder.string()),
                "--form folders takes a folder that holds one folder for each label");
  }
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

void LabelledForm::describe(Fields& fields) {
  fields
      .add("form", form_,
           "how a record holds its text and labels: columns of a table (csv with quotes, tsv "
           "without), fields of lines of JSON (jsonl), lines that begin with the label "
           "(label-first) or end with it (label-last), lines of text whose label is that of their "
           "file (file), or files of text whose label is the name of their folder in SOURCE "
           "(folders)")
      .one_of({"csv", "tsv", "jsonl", "label-first", "label-last", "file", "folders"});
  fields.add("encoding", encoding_, "of the files").one_of(text_encoding_names());
  fields.add("header", header_, "csv, tsv: the first row names the columns");
  fields.add("text_column", text_columns_,
             "the text's column: its name or number from 1 (empty: 2), or a dotted path in JSON "
             "(empty: text); several, such as title and body, are read behind each other");
  fields.add("label_column", label_columns_,
             "the label columns in the same way (empty: 1, or label); several become several "
             "targets");
  fields.add("group_column", group_column_,
             "the column that names a record's group, for --split-by group");
  fields.add("multi_label", set_separator_,
             "a label is a set of labels with this text between them, or a list in JSON; the "
             "target holds a one for each that is in it and zeros for the others; empty: it is one "
             "label");
  fields.add("label_separator", separator_,
             "label-first, label-last: what stands between label and text; \\t is a tab");
  fields.add("coarse", coarse_,
             "keep of a label only what stands before the first of these characters: \":\" makes "
             "DESC of DESC:manner; empty: keep all");
  fields.add("source_labels", source_labels_, "file: the label of each SOURCE, in their order");
}

void LabelledForm::check(size_t num_sources, SplitBy split_by) const {
  if (!has_columns() && !(text_columns_.empty() && group_column_.empty())) {
    throw Error(ExitCode::usage, fmt::format("--form {} has no columns", form_));
  }
  if ((split_by == SplitBy::group) == group_column_.empty()) {
    throw Error(ExitCode::usage, "--split-by group and --group-column go together",
                "--group-column names the column of a record's group: of pairs, the question");
  }
  if (!has_columns() && separator_.empty()) {
    throw Error(ExitCode::usage, "--label-separator is empty");
  }
  if (form_ == "file" && source_labels_.size() != num_sources) {
    throw Error(ExitCode::usage,
                fmt::format("--form file has {} SOURCEs and {} --source-labels", num_sources,
                            source_labels_.size()),
                "give one label for each file, in the same order");
  }
}

std::vector<std::string> LabelledForm::text_columns() const {
  if (!text_columns_.empty()) return text_columns_;
  return {form_ == "jsonl" ? "text" : "2"};
}

std::vector<std::string> LabelledForm::label_columns() const {
  if (!label_columns_.empty()) return label_columns_;
  return {form_ == "jsonl" ? "label" : "1"};
}

std::vector<std::string> LabelledForm::targets() const {
  if (!has_columns() || label_columns_.size() <= 1) return {"label"};
  std::vector<std::string> names;
  for (const std::string& column : label_columns_) {
    const bool number = column.find_first_not_of("0123456789") == std::string::npos;
    names.push_back(number ? "label" + column : column);
    if (is_plain_name(names.back()) && names.back() != "inputs") continue;
    throw Error(ExitCode::usage,
                fmt::format("the label column \"{}\" cannot name a target", column),
                "give it by its number, or name it with letters, digits, \"_\", \"-\" and \".\"");
  }
  return names;
}

std::vector<std::string> LabelledForm::labels_in(const std::string& set) const {
  if (!has_sets()) return {trimmed_label(set)};
  std::vector<std::string> labels;
  for (size_t begin = 0; begin <= set.size();) {
    const size_t end = std::min(set.size(), set.find(set_separator_, begin));
    labels.push_back(trimmed_label(set.substr(begin, end - begin)));
    if (labels.back().empty()) labels.pop_back();
    begin = end + set_separator_.size();
  }
  return labels;
}

std::string LabelledForm::trimmed_label(std::string label) const {
  label = without_outer_space(label);
  return coarse_.empty() ? label : label.substr(0, label.find_first_of(coarse_));
}

void LabelledForm::read_all(const std::vector<SplitSource>& sources, const Visit& visit) const {
  for (size_t i = 0; i < sources.size(); ++i) {
    if (form_ == "csv" || form_ == "tsv") {
      read_table(sources[i], visit);
    } else if (form_ == "folders") {
      read_folders(sources[i], visit);
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
  if (!reader.problem().empty()) {
    throw Error(ExitCode::corrupt, fmt::format("{}: {}", reader.place(), reader.problem()),
                "name the encoding of the files with --encoding");
  }
  const auto index = [&](const std::string& name) { return find_column(name, names, source.file); };
  std::vector<size_t> texts, columns;
  for (const std::string& column : text_columns()) texts.push_back(index(column));
  for (const std::string& column : label_columns()) columns.push_back(index(column));
  size_t last = std::max(*std::max_element(texts.begin(), texts.end()),
                         *std::max_element(columns.begin(), columns.end()));
  const size_t group = group_column_.empty() ? texts[0] : index(group_column_);
  last = std::max(last, group);
  while (reader.next(row)) {
    LabelledRecord record;
    record.problem = reader.problem();
    if (record.problem.empty() && row.size() <= last) {
      record.problem =
          fmt::format("has {} column{}, not {}", row.size(), row.size() == 1 ? "" : "s", last + 1);
    }
    if (record.problem.empty()) {
      for (const size_t column : texts) add_text(row[column], record.text);
      for (const size_t column : columns) record.labels.push_back(row[column]);
      if (!group_column_.empty()) record.group = row[group];
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
    if (reader.problem().empty()) {
      record = form_ == "jsonl" ? from_json(line) : from_line(line, number);
    } else {
      record.problem = reader.problem();
    }
    visit({reader.file(), reader.number(), source.split}, record);
  }
}

void LabelledForm::read_folders(const SplitSource& source, const Visit& visit) const {
  const std::vector<fs::path> folders = sorted_entries(source.file);
  for (const fs::path& folder : folders) {
    if (!fs::is_directory(folder)) continue;
    for (const fs::path& file : sorted_entries(folder)) {
      if (!fs::is_regular_file(file)) continue;
      visit({file, 0, source.split}, from_file(file, folder.filename().string()));
    }
  }
}

LabelledRecord LabelledForm::from_file(const fs::path& file, const std::string& label) const {
  LabelledRecord record;
  record.labels = {label};
  LineReader reader(file, text_encoding_of(encoding_));
  for (std::string line; reader.next(line);) {
    if (record.problem.empty() && !reader.problem().empty()) {
      record.problem = fmt::format("line {}: {}", reader.number(), reader.problem());
    }
    record.text += line + "\n";
  }
  return record;
}

LabelledRecord LabelledForm::from_line(const std::string& line, size_t source) const {
  LabelledRecord record;
  if (form_ == "file") {
    record.text = line;
    record.labels = {source_labels_[source]};
    return record;
  }
  const std::string separator = unescaped(separator_);
  const bool first = form_ == "label-first";
  const size_t at = first ? line.find(separator) : line.rfind(separator);
  if (at == std::string::npos) {
    record.problem = "has no label: the separator is not there";
    return record;
  }
  const std::string before = line.substr(0, at);
  const std::string after = line.substr(at + separator.size());
  record.text = first ? after : before;
  record.labels = {first ? before : after};
  return record;
}

LabelledRecord LabelledForm::from_json(const std::string& line) const {
  LabelledRecord record;
  try {
    const auto object = nlohmann::json::parse(line);
    for (const std::string& column : text_columns()) {
      add_text(json_field(object, column, " "), record.text);
    }
    for (const std::string& column : label_columns()) {
      record.labels.push_back(json_field(object, column, set_separator_));
    }
    if (!group_column_.empty()) record.group = json_field(object, group_column_, " ");
  } catch (const nlohmann::json::parse_error& error) {
    record.problem = fmt::format("not valid JSON at byte {}", error.byte);
  } catch (const nlohmann::json::exception&) {
    record.problem = "not valid JSON";
  } catch (const Error& error) {
    record.problem = error.what();
  }
  return record;
}

}  // namespace lockstep
