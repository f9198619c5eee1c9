#include "data/import/symbol_reader.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/import/line_reader.h"

namespace lockstep {
namespace {

using UseRecord = std::function<void(const SymbolRecord&)>;

/// As much as one line may have.
constexpr size_t kMaxLetters = LineReader::kMaxLineBytes;
constexpr const char* kBlank = " \t\r\v\f";

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// Lines without blanks around them and without those that say nothing.
class SequenceLines {
 public:
  explicit SequenceLines(const std::filesystem::path& file) : reader_(file) {}

  bool next(std::string& line) {
    std::string raw;
    while (reader_.next(raw)) {
      line = trimmed(raw);
      if (!line.empty() && line[0] != '%' && line[0] != '@' && line[0] != '#') return true;
    }
    return false;
  }
  int64_t number() const { return reader_.number(); }
  /// Why the line is not text; empty when it is.
  const std::string& problem() const { return reader_.problem(); }

 private:
  LineReader reader_;
};

void read_header(const SymbolSource& source, const std::string& header, SymbolRecord& record) {
  record.name = header.substr(0, header.find_first_of(kBlank));
  if (!source.header) return;
  const std::optional<NameFields> fields = source.header->match(header);
  if (!fields) {
    record.problem = fmt::format("its header is not of the form \"{}\"", source.header->text());
    return;
  }
  if (source.header->has("label")) record.labels = {fields->at("label")};
  if (source.header->has("group")) record.group = fields->at("group");
}

void append_letters(const std::string& line, SymbolRecord& record) {
  if (record.letters.size() + line.size() > kMaxLetters) {
    record.problem = fmt::format("has more than {} letters", kMaxLetters);
    return;
  }
  std::copy_if(line.begin(), line.end(), std::back_inserter(record.letters),
               [](char c) { return c != ' ' && c != '\t'; });
}

/// Both forms with headers; `labelled` says that the second line below a header has the labels.
void read_fasta(SequenceLines& lines, const SymbolSource& source, const UseRecord& use) {
  const bool labelled = source.form == SymbolForm::three_line;
  SymbolRecord record;
  int64_t body_lines = 0;
  const auto finish = [&] {
    if (labelled && body_lines != 2 && record.problem.empty()) {
      record.problem = fmt::format("has {} lines below its header, not 2", body_lines);
    }
    if (record.line > 0) use(record);
  };
  for (std::string line; lines.next(line);) {
    if (line[0] == '>') {
      finish();
      record = {};
      record.line = lines.number();
      body_lines = 0;
      read_header(source, trimmed(line.substr(1)), record);
    } else if (record.line == 0) {
      record = {};
      record.line = lines.number();
      record.problem = "stands before the first \">\"";
    } else if (labelled && ++body_lines == 2) {
      record.labels.clear();
      for (const char label : line) record.labels.emplace_back(1, label);
    } else if (!labelled || body_lines == 1) {
      append_letters(line, record);
    }
    if (!lines.problem().empty()) record.problem = lines.problem();
  }
  finish();
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.size(), line.find(',', begin));
    fields.push_back(trimmed(line.substr(begin, end - begin)));
    begin = end + 1;
  }
  return fields;
}

void read_row(const std::vector<std::string>& columns, const std::vector<std::string>& fields,
              SymbolRecord& record) {
  if (fields.size() < columns.size()) {
    record.problem = fmt::format("has {} fields, not {}", fields.size(), columns.size());
    return;
  }
  const size_t letters = fields.size() - columns.size() + 1;
  size_t at = 0;
  for (const std::string& column : columns) {
    if (column == "sequence") {
      for (size_t i = 0; i < letters; ++i) append_letters(fields[at++], record);
      continue;
    }
    const std::string& field = fields[at++];
    if (column == "label") record.labels = {field};
    if (column == "name") record.name = field;
    if (column == "group") record.group = field;
  }
}

void read_table(SequenceLines& lines, const SymbolSource& source, const UseRecord& use) {
  for (std::string line; lines.next(line);) {
    SymbolRecord record;
    record.line = lines.number();
    record.problem = lines.problem();
    read_row(source.columns, fields_of(line), record);
    use(record);
  }
}

void read_letter_line(const std::string& line, int64_t number, SymbolRecord& record) {
  const size_t blank = line.find_first_of(kBlank);
  const std::string label = blank == std::string::npos ? "" : trimmed(line.substr(blank));
  const bool good =
      blank == 1 && !label.empty() && label.find_first_of(kBlank) == std::string::npos;
  if (!good) {
    record.problem = fmt::format("line {} is not a letter and its label", number);
    return;
  }
  append_letters(line.substr(0, 1), record);
  record.labels.push_back(label);
}

void read_per_line(SequenceLines& lines, const UseRecord& use) {
  SymbolRecord record;
  const auto finish = [&] {
    if (record.line > 0) use(record);
    record = {};
  };
  for (std::string line; lines.next(line);) {
    if (line == "<>" || line == "end" || line == "<end>") {
      finish();
      continue;
    }
    if (record.line == 0) record.line = lines.number();
    read_letter_line(line, lines.number(), record);
    if (!lines.problem().empty()) record.problem = lines.problem();
  }
  finish();
}

}  // namespace

SymbolForm symbol_form_of(const std::string& name) {
  if (name == "fasta") return SymbolForm::fasta;
  if (name == "three-line") return SymbolForm::three_line;
  if (name == "table") return SymbolForm::table;
  if (name == "per-line") return SymbolForm::per_line;
  throw Error(ExitCode::usage, fmt::format("\"{}\" is no form of sequences", name));
}

void check_columns(const std::vector<std::string>& columns) {
  const auto count = [&](const char* name) {
    return std::count(columns.begin(), columns.end(), name);
  };
  const auto known = count("label") + count("name") + count("group") + count("skip") + 1;
  if (count("sequence") != 1 || count("label") != 1 ||
      known != static_cast<std::ptrdiff_t>(columns.size())) {
    throw Error(ExitCode::usage,
                "--columns needs one sequence, one label, and otherwise name, group or skip",
                "for example --columns label,name,sequence");
  }
}

void read_symbol_records(const std::filesystem::path& file, const SymbolSource& source,
                         const UseRecord& use) {
  SequenceLines lines(file);
  switch (source.form) {
    case SymbolForm::fasta:
    case SymbolForm::three_line:
      read_fasta(lines, source, use);
      break;
    case SymbolForm::table:
      read_table(lines, source, use);
      break;
    case SymbolForm::per_line:
      read_per_line(lines, use);
      break;
  }
}

}  // namespace lockstep
