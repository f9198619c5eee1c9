// Files of symbol sequences in the forms that biology uses.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/import/name_pattern.h"

namespace lockstep {

/// A sequence as it stands in a file.
struct SymbolRecord {
  int64_t line = 0;  ///< where it begins
  std::string name;
  std::string group;  ///< empty when unknown
  std::string letters;
  std::vector<std::string> labels;  ///< one, or one per letter
  std::string problem;              ///< why it cannot be used; empty when it can
};

enum class SymbolForm {
  fasta,       ///< ">header", then the letters in any number of lines; the header has the label
  three_line,  ///< ">header", the letters, and a line of as many labels of one character
  table,       ///< a line per sequence: comma-separated fields, one of them the letters
  per_line,    ///< a line per letter: "LETTER LABEL"; sequences end at "<>", "end" or "<end>"
};

struct SymbolSource {
  SymbolForm form = SymbolForm::fasta;
  std::optional<NamePattern> header;  ///< of fasta, and of groups of three_line
  /// Of table: "label", "name", "group", "skip" or "sequence" in their order. The sequence takes
  /// the fields that the others leave, so that each letter may also be a field of its own.
  std::vector<std::string> columns;

  bool labels_each_letter() const {
    return form == SymbolForm::three_line || form == SymbolForm::per_line;
  }
};

/// Throws Error(usage) for an unknown name.
SymbolForm symbol_form_of(const std::string& name);
/// Throws Error(usage) unless `columns` has "sequence" and "label" and only known names.
void check_columns(const std::vector<std::string>& columns);

/// Calls `use` with each sequence of a file, plain or gzip. Lines that begin with "%", "@" (ARFF's
/// header) or "#" and empty ones are skipped. Throws Error (missing, corrupt) when the file cannot
/// be read.
void read_symbol_records(const std::filesystem::path& file, const SymbolSource& source,
                         const std::function<void(const SymbolRecord&)>& use);

}  // namespace lockstep
