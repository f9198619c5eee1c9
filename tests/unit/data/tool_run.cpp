#include "tests/unit/data/tool_run.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "data/import/rejections.h"

namespace lockstep::testing {
namespace {

void set(bool& target, const std::string& word) {
  target = word == "true";
}
void set(int64_t& target, const std::string& word) {
  target = std::stoll(word);
}
void set(double& target, const std::string& word) {
  target = std::stod(word);
}
void set(std::string& target, const std::string& word) {
  target = word;
}

template <class Item>
void set(std::vector<Item>& target, const std::string& word) {
  target.clear();
  std::stringstream stream(word);
  for (std::string item; std::getline(stream, item, ',');) {
    target.emplace_back();
    set(target.back(), item);
  }
}

size_t stream_index(const Split& split, const std::string& name) {
  for (size_t i = 0; i < split.streams().size(); ++i) {
    if (split.streams()[i].name == name) return i;
  }
  throw std::runtime_error("no stream " + name);
}

std::unique_ptr<DataTool> finished_tool(const DataToolEntry& entry,
                                        const std::vector<std::filesystem::path>& sources,
                                        const std::filesystem::path& out,
                                        const ToolOptions& options) {
  auto tool = entry.make();
  Fields fields;
  tool->describe(fields);
  for (const auto& [name, word] : options) {
    const Field* field = fields.find(name);
    if (field == nullptr) throw std::runtime_error("no option " + name);
    std::visit([&word = word](auto* target) { set(*target, word); }, field->target);
    std::string problem;
    if (!field->legal(problem)) throw std::runtime_error(name + ": " + problem);
  }
  tool->run(sources, out, {});
  return tool;
}

}  // namespace

std::string run_tool(const DataToolEntry& entry, const std::vector<std::filesystem::path>& sources,
                     const std::filesystem::path& out, const ToolOptions& options) {
  const auto tool = finished_tool(entry, sources, out, options);
  return tool->rejections() == nullptr ? "" : tool->rejections()->text();
}

std::string notes_of(const DataToolEntry& entry, const std::vector<std::filesystem::path>& sources,
                     const std::filesystem::path& out, const ToolOptions& options) {
  std::string lines;
  for (const std::string& note : finished_tool(entry, sources, out, options)->notes()) {
    lines += note + "\n";
  }
  return lines;
}

std::vector<std::string> labels_of(const Split& split, int64_t id, const std::string& stream) {
  const size_t index = stream_index(split, stream);
  std::vector<std::string> labels;
  for (const int64_t symbol : split.symbols(id, index)) {
    labels.push_back(split.streams()[index].labels.at(static_cast<size_t>(symbol)));
  }
  return labels;
}

std::vector<float> floats_of(const Split& split, int64_t id, const std::string& stream) {
  return split.numbers(id, stream_index(split, stream));
}

std::string text_of(const std::filesystem::path& folder, const std::string& split, int64_t id,
                    const std::string& stream) {
  const Dataset dataset(folder);
  std::string text;
  for (const std::string& label : labels_of(dataset.open_split(split), id, stream)) {
    text += (text.empty() ? "" : " ") + label;
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

std::filesystem::path real_data(const std::string& name) {
  const char* root = std::getenv("LOCKSTEP_DATA");
  if (root == nullptr) return {};
  const std::filesystem::path path = std::filesystem::path(root) / name;
  return std::filesystem::exists(path) ? path : std::filesystem::path{};
}

}  // namespace lockstep::testing
