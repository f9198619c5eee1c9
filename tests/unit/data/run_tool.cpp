#include "tests/unit/data/run_tool.h"

#include <sstream>
#include <stdexcept>

#include "data/convert.h"
#include "data/dataset.h"
#include "data/element_type.h"

namespace lockstep::testing {
namespace {

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  std::stringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
  return items;
}

struct SetField {
  const std::string& text;
  void operator()(bool* value) const { *value = text == "true"; }
  void operator()(int64_t* value) const { *value = std::stoll(text); }
  void operator()(double* value) const { *value = std::stod(text); }
  void operator()(std::string* value) const { *value = text; }
  void operator()(std::vector<std::string>* value) const { *value = split_list(text); }
  void operator()(std::vector<int64_t>* value) const {
    value->clear();
    for (const std::string& item : split_list(text)) value->push_back(std::stoll(item));
  }
  void operator()(std::vector<double>* value) const {
    value->clear();
    for (const std::string& item : split_list(text)) value->push_back(std::stod(item));
  }
};

}  // namespace

std::unique_ptr<DataTool> run_tool(const DataToolEntry& entry,
                                   const std::vector<std::filesystem::path>& sources,
                                   const std::filesystem::path& out, const ToolOptions& options) {
  auto tool = entry.make();
  Fields fields;
  tool->describe(fields);
  for (const auto& [name, text] : options) {
    const Field* field = fields.find(name);
    if (field == nullptr) throw std::runtime_error("no option " + name);
    std::visit(SetField{text}, field->target);
    std::string problem;
    if (!field->legal(problem)) throw std::runtime_error(name + " " + problem);
  }
  tool->run(sources, out, {});
  return tool;
}

std::string labels_of(const std::filesystem::path& folder, const std::string& split_name,
                      const std::string& stream, int64_t id) {
  const Dataset dataset(folder);
  const Split split = dataset.open_split(split_name);
  size_t index = 0;
  while (split.streams().at(index).name != stream) ++index;
  const StreamSchema& schema = split.streams()[index];
  const int64_t length = split.length(id, index);
  std::vector<char> stored(static_cast<size_t>(length) * row_bytes(schema) + 1);
  split.read(id, index, stored.data());
  std::vector<int64_t> symbols(static_cast<size_t>(length));
  widen_symbols(schema.element, stored.data(), length, symbols.data(), 1);
  std::string text;
  for (const int64_t symbol : symbols) {
    text += (text.empty() ? "" : " ") + schema.labels.at(static_cast<size_t>(symbol));
  }
  return text;
}

std::string shard_hashes(const std::filesystem::path& folder) {
  std::string hashes;
  for (const SplitInfo& split : read_manifest(folder).splits) {
    for (const ShardInfo& shard : split.shards) hashes += shard.sha256 + " ";
  }
  return hashes;
}

}  // namespace lockstep::testing
