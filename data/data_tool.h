// Importers and generators: what makes data set folders. A new one is one file and one line in the
// list of data/import/importers.cpp or data/generate/generators.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/base/fields.h"
#include "data/base/progress.h"

namespace lockstep {

class Rejections;

class DataTool {
 public:
  virtual ~DataTool() = default;
  /// Options; the command line makes a flag `--kebab-case-name` of each field.
  virtual void describe(Fields& fields) = 0;
  /// Makes the data set folder `out`, which must not exist or be empty; leaves nothing behind when
  /// it fails. `sources` are the positional arguments (empty for generators).
  virtual void run(const std::vector<std::filesystem::path>& sources,
                   const std::filesystem::path& out, const Progress& progress) = 0;
  /// After run(): the records it could not use; null for tools that leave nothing out.
  virtual const Rejections* rejections() const { return nullptr; }
  /// After run(): lines about what came out that a mistake in the options would show in.
  virtual std::vector<std::string> notes() const { return {}; }
};

struct DataToolEntry {
  std::string kind;         ///< "idx", "digits"
  std::string help;         ///< one line
  std::string source_help;  ///< what the positional arguments are; empty when there are none
  std::function<std::unique_ptr<DataTool>()> make;
  bool source_is_optional = false;
};

const std::vector<DataToolEntry>& importers();
const std::vector<DataToolEntry>& generators();

}  // namespace lockstep
