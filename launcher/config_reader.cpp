#include "launcher/config_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "launcher/config_document.h"
#include "launcher/config_value.h"

namespace lockstep {
namespace {

constexpr size_t kMaxShownMistakes = 100;
constexpr size_t kLongestComparedName = 64;  // edit distances of longer words cost and tell nothing

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

/// Which names may stand in which section.
class Names {
 public:
  explicit Names(const Fields& fields) {
    for (const Field& field : fields.all()) {
      paths_.push_back(field.path);
      add(field.path);
    }
  }

  bool is_section(const std::string& path) const { return children_.count(path) != 0; }
  const std::vector<std::string>& children(const std::string& path) const {
    return children_.at(path);
  }

  /// "; did you mean ...?" for a key that is not in `section`, or nothing.
  std::string suggestion(const std::string& section, const std::string& key) const {
    if (key.size() > kLongestComparedName) return {};
    if (is_path(key)) {
      const size_t dot = key.find('.');
      return dot == std::string::npos ? std::string()
                                      : fmt::format("; write it as a section: {}: {{{}: ...}}",
                                                    key.substr(0, dot), key.substr(dot + 1));
    }
    const std::string near = nearest_name(key, children(section));
    if (!near.empty()) return fmt::format("; did you mean \"{}\"?", near);
    return elsewhere(key);
  }

  /// The same for a whole path, as overrides have it.
  std::string suggestion(const std::string& path) const {
    if (path.size() > kLongestComparedName) return {};
    const std::string near = nearest_name(path, paths_);
    return near.empty() ? elsewhere(last_part(path)) : fmt::format("; did you mean \"{}\"?", near);
  }

 private:
  void add(const std::string& path) {
    const size_t dot = path.rfind('.');
    const std::string section = dot == std::string::npos ? "" : path.substr(0, dot);
    std::vector<std::string>& names = children_[section];
    const std::string name = last_part(path);
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    names.push_back(name);
    if (!section.empty()) add(section);
  }

  bool is_path(const std::string& key) const {
    return std::find(paths_.begin(), paths_.end(), key) != paths_.end();
  }

  std::string elsewhere(const std::string& name) const {
    std::vector<std::string> found;
    for (const std::string& path : paths_) {
      if (last_part(path) == name) found.push_back(path);
    }
    return found.empty() ? std::string() : fmt::format("; there is {}", fmt::join(found, " and "));
  }

  std::vector<std::string> paths_;
  std::map<std::string, std::vector<std::string>> children_;
};

/// Reads one source into fields, keeping count of mistakes and origins.
class FieldsReader {
 public:
  FieldsReader(const ConfigSource& source, Fields& fields)
      : source_(source), fields_(fields), names_(fields) {}

  void read_text() {
    const ConfigNode root = parse_config_document(source_.text, mistakes_);
    if (root.kind == ConfigNode::Kind::map) {
      read_section(root, "");
    } else if (root.kind != ConfigNode::Kind::null) {
      mistakes_.add(root.at, fmt::format("a run file is a map of keys and values, found {}",
                                         describe_node(root)));
    }
  }

  void read_overrides() {
    for (const std::string& word : source_.overrides) read_override(word);
  }

  void check_across(const std::vector<ConfigProblem>& problems) {
    for (const ConfigProblem& problem : problems) {
      if (refused_.count(problem.path) != 0) continue;
      const std::string message = fmt::format("{}: {}", problem.path, problem.message);
      const auto word = words_.find(problem.path);
      const auto position = positions_.find(problem.path);
      if (word != words_.end()) {
        command_line_.push_back(
            fmt::format("command line: {}: {}", excerpt(word->second), message));
      } else {
        mistakes_.add(position == positions_.end() ? TextPosition{} : position->second, message);
      }
    }
  }

  void throw_mistakes() const {
    const std::vector<std::string> lines = mistake_lines();
    if (lines.empty()) return;
    const size_t shown = std::min(lines.size(), kMaxShownMistakes);
    std::string text = lines.size() == 1
                           ? "the configuration has a mistake:"
                           : fmt::format("the configuration has {} mistakes:", lines.size());
    for (size_t i = 0; i < shown; ++i) text += "\n  " + lines[i];
    if (shown < lines.size()) text += fmt::format("\n  ... and {} more", lines.size() - shown);
    throw Error(ExitCode::config, text,
                "`lockstep config reference` lists every key and its values");
  }

  ConfigOrigins origins() const {
    ConfigOrigins origins;
    for (const Field& field : fields_.all()) {
      const auto position = positions_.find(field.path);
      origins[field.path] = words_.count(field.path) != 0 ? "command line"
                            : position == positions_.end()
                                ? "default"
                                : fmt::format("{}:{}", source_.name, position->second.line);
    }
    return origins;
  }

 private:
  void read_section(const ConfigNode& map, const std::string& section) {
    for (const ConfigEntry& entry : map.entries) {
      if (mistakes_.full()) return;
      read_entry(entry, section, section.empty() ? entry.key : section + "." + entry.key);
    }
  }

  void read_entry(const ConfigEntry& entry, const std::string& section, const std::string& path) {
    const auto& names = names_.children(section);
    if (std::find(names.begin(), names.end(), entry.key) == names.end()) {
      mistakes_.add(entry.at, fmt::format("unknown key \"{}\"{}{}", excerpt(entry.key),
                                          section.empty() ? "" : " in section " + section,
                                          names_.suggestion(section, entry.key)));
    } else if (names_.is_section(path)) {
      enter_section(entry, path);
    } else {
      read_value(entry, path);
    }
  }

  void enter_section(const ConfigEntry& entry, const std::string& path) {
    if (entry.value.kind == ConfigNode::Kind::map) return read_section(entry.value, path);
    const bool empty = entry.value.kind == ConfigNode::Kind::null;
    mistakes_.add(empty ? entry.at : entry.value.at,
                  fmt::format("{} is a section with the keys {}; found {}", path,
                              fmt::join(names_.children(path), ", "), describe_node(entry.value)));
  }

  void read_value(const ConfigEntry& entry, const std::string& path) {
    const std::string problem = assign_node(*fields_.find(path), entry.value);
    if (problem.empty()) {
      positions_[path] = entry.at;
      return;
    }
    const bool empty = entry.value.kind == ConfigNode::Kind::null;
    mistakes_.add(empty ? entry.at : entry.value.at, fmt::format("{}: {}", path, problem));
    refused_.insert(path);
  }

  void read_override(const std::string& word) {
    const std::string problem = apply_override(word);
    if (!problem.empty()) {
      command_line_.push_back(fmt::format("command line: {}: {}", excerpt(word), problem));
    }
  }

  std::string apply_override(const std::string& word) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return "expected key=value";
    const std::string path = word.substr(0, equals);
    const Field* field = fields_.find(path);
    if (field == nullptr && !path.empty() && names_.is_section(path)) {
      return fmt::format("{} is a section; name one of its keys, as in {}.{}=...", path, path,
                         names_.children(path).front());
    }
    if (field == nullptr) {
      return fmt::format("unknown key \"{}\"{}", excerpt(path), names_.suggestion(path));
    }
    const std::string problem = assign_word(*field, std::string_view(word).substr(equals + 1));
    problem.empty() ? void(words_[path] = word) : void(refused_.insert(path));
    return problem;
  }

  std::vector<std::string> mistake_lines() const {
    std::vector<ConfigMistake> sorted = mistakes_.list();
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const ConfigMistake& a, const ConfigMistake& b) {
                       return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
                     });
    std::vector<std::string> lines;
    for (const ConfigMistake& mistake : sorted) {
      const TextPosition at =
          lines.size() < kMaxShownMistakes ? in_characters(source_.text, mistake.at) : mistake.at;
      lines.push_back(at.line == 0 ? fmt::format("{}: {}", source_.name, mistake.message)
                                   : fmt::format("{}:{}:{}: {}", source_.name, at.line, at.column,
                                                 mistake.message));
    }
    lines.insert(lines.end(), command_line_.begin(), command_line_.end());
    return lines;
  }

  const ConfigSource& source_;
  Fields& fields_;
  Names names_;
  ConfigMistakes mistakes_;
  std::vector<std::string> command_line_;
  std::map<std::string, TextPosition> positions_;  ///< of fields that the text sets
  std::map<std::string, std::string> words_;       ///< that set a field on the command line
  std::set<std::string> refused_;                  ///< fields whose own value is wrong already
};

/// The text of a run file; a device or a very large file is refused before it is read to its end.
std::string read_config_text(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw Error(ExitCode::missing, fmt::format("{} is a folder, not a run file", file.string()),
                "give a YAML file, for example configs/mnist.yaml");
  }
  try {
    return read_file(file, kMaxConfigBytes);
  } catch (const Error& error) {
    if (error.code() == ExitCode::corrupt) throw Error(ExitCode::config, error.what());
    std::filesystem::path with_ending = file;
    with_ending += ".yaml";
    for (const std::filesystem::path& near : {with_ending, "configs" / with_ending}) {
      if (std::filesystem::exists(near, ignored)) {
        throw Error(error.code(), error.what(), fmt::format("did you mean {}?", near.string()));
      }
    }
    throw;
  }
}

}  // namespace

ConfigOrigins read_fields(const ConfigSource& source, Fields& fields,
                          const std::function<std::vector<ConfigProblem>()>& across) {
  FieldsReader reader(source, fields);
  reader.read_text();
  reader.read_overrides();
  if (across) reader.check_across(across());
  reader.throw_mistakes();
  return reader.origins();
}

LoadedConfig read_run_config(const ConfigSource& source) {
  LoadedConfig loaded;
  Fields fields;
  loaded.config.describe(fields);
  loaded.origins =
      read_fields(source, fields, [&] { return problems_across_fields(loaded.config); });
  return loaded;
}

LoadedConfig load_run_config(const std::filesystem::path& file,
                             const std::vector<std::string>& overrides) {
  LoadedConfig loaded = read_run_config({file.string(), read_config_text(file), overrides});
  if (loaded.config.run.dir.empty()) loaded.config.run.dir = "runs/" + file.stem().string();
  return loaded;
}

}  // namespace lockstep
