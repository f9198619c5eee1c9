#include "data/import/recordings.h"

#include <algorithm>
#include <unordered_map>

#include "data/base/error.h"
#include "data/import/line_reader.h"
#include "data/text/tokens.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

bool is_sound(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".wav" || ending == ".flac";
}

std::vector<fs::path> sound_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(ExitCode::missing, fmt::format("{}: is not a folder", folder.string()),
                "give a folder of .wav or .flac files");
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_sound(entry.path())) files.push_back(entry.path());
  }
  if (files.empty()) {
    throw Error(ExitCode::missing, fmt::format("{}: holds no .wav or .flac file", folder.string()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The text of each name in a file of "name<TAB>text" lines.
class Transcripts {
 public:
  explicit Transcripts(const fs::path& file) {
    LineReader reader(file);
    for (std::string line; reader.next(line);) {
      if (!reader.problem().empty()) fail(reader, reader.problem());
      if (line.empty()) continue;
      const size_t tab = line.find('\t');
      if (tab == std::string::npos) fail(reader, "has no tab between name and text");
      if (!texts_.emplace(line.substr(0, tab), line.substr(tab + 1)).second) {
        fail(reader, fmt::format("names \"{}\" a second time", line.substr(0, tab)));
      }
    }
  }

  /// Names are paths from the folder on, with or without their ending. Null when there is none.
  const std::string* find(const fs::path& name) const {
    auto found = texts_.find(name.string());
    if (found == texts_.end()) found = texts_.find(fs::path(name).replace_extension().string());
    return found == texts_.end() ? nullptr : &found->second;
  }

 private:
  [[noreturn]] static void fail(const LineReader& reader, const std::string& problem) {
    throw Error(ExitCode::corrupt, fmt::format("{}: {}", reader.place(), problem),
                "each line is the name of a recording, a tab, and what is said in it");
  }

  std::unordered_map<std::string, std::string> texts_;
};

/// Reads off a file's name what the options ask for.
class RecordingReader {
 public:
  explicit RecordingReader(const RecordingOptions& options) {
    if (options.has_transcripts()) transcripts_.emplace(options.transcripts);
    if (options.label_from.empty()) return;
    pattern_.emplace(options.label_from);
    if (!transcripts_ && !pattern_->has("label")) {
      throw Error(ExitCode::usage,
                  fmt::format("--label-from: \"{}\" has no {{label}}", pattern_->text()));
    }
    add_condition(1, "--validation-where", options.validation_where);
    add_condition(2, "--test-where", options.test_where);
  }

  Recording read(const fs::path& file, const SplitSource& folder) const {
    Recording recording{
        .file = file, .split = folder.split, .group = {}, .target = {}, .problem = {}};
    const fs::path name = file.lexically_relative(folder.file);
    try {
      read_name(name, recording);
      read_text(name, recording);
    } catch (const Error& error) {
      if (error.code() != ExitCode::corrupt) throw;
      recording.problem = error.what();
    }
    return recording;
  }

 private:
  void add_condition(size_t split, const std::string& flag, const std::string& text) {
    if (!text.empty()) conditions_.emplace_back(split, FieldCondition(flag, text, *pattern_));
  }

  void read_name(const fs::path& name, Recording& recording) const {
    if (!pattern_) return;
    const bool whole = pattern_->text().find('/') != std::string::npos;
    const auto fields = pattern_->match(whole ? name.string() : name.filename().string());
    if (!fields) {
      throw Error(ExitCode::corrupt,
                  fmt::format("its name is not of the form \"{}\"", pattern_->text()));
    }
    if (pattern_->has("group")) recording.group = fields->at("group");
    if (pattern_->has("label") && !transcripts_) recording.target = {fields->at("label")};
    for (const auto& [split, condition] : conditions_) {
      if (condition.holds(*fields)) recording.split = split;
    }
  }

  void read_text(const fs::path& name, Recording& recording) const {
    if (!transcripts_) return;
    const std::string* text = transcripts_->find(name);
    if (text == nullptr) throw Error(ExitCode::corrupt, "has no transcript");
    recording.target = tokenize(*text, TokenKind::characters);
    if (recording.target.empty()) throw Error(ExitCode::corrupt, "its transcript is empty");
  }

  std::optional<Transcripts> transcripts_;
  std::optional<NamePattern> pattern_;
  std::vector<std::pair<size_t, FieldCondition>> conditions_;
};

}  // namespace

void RecordingOptions::describe(Fields& fields) {
  fields.add("label_from", label_from,
             "what names of files say, such as {label}_{group}_{index}.wav; with a \"/\" it is the "
             "path from the folder on. {group} is the speaker");
  fields.add("transcripts", transcripts,
             "file of lines \"name<TAB>text\": the target is the text's characters, not the label");
  fields.add("validation_where", validation_where,
             "recordings that become the split \"validation\", such as index<5");
  fields.add("test_where", test_where,
             "recordings that become the split \"test\"; --split divides the others");
}

void RecordingOptions::check() const {
  if (label_from.empty() && transcripts.empty()) {
    throw Error(ExitCode::usage, "nothing says what the recordings hold",
                "give --label-from PATTERN or --transcripts FILE");
  }
  if (label_from.empty() && !(validation_where.empty() && test_where.empty())) {
    throw Error(ExitCode::usage, "--validation-where and --test-where need --label-from");
  }
}

std::vector<Recording> find_recordings(const std::vector<SplitSource>& folders,
                                       const RecordingOptions& options) {
  options.check();
  const RecordingReader reader(options);
  std::vector<Recording> recordings;
  for (const SplitSource& folder : folders) {
    for (const fs::path& file : sound_files(folder.file)) {
      recordings.push_back(reader.read(file, folder));
    }
  }
  return recordings;
}

}  // namespace lockstep
