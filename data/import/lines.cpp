#include "data/import/lines.h"

#include <cmath>
#include <limits>

#include "data/base/error.h"
#include "data/import/line_reader.h"
#include "data/import/split_plan.h"
#include "data/import/text_options.h"
#include "data/manifest.h"
#include "data/shard_writer.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kReportEveryLines = 4096;

/// Part of a file that becomes a split: lines whose first byte lies in [begin, end) of its text.
struct TextPart {
  std::string split;
  fs::path file;
  int64_t begin = 0;
  int64_t end = std::numeric_limits<int64_t>::max();
};

/// Calls `use(reader, line)` for each line of a part.
template <class Use>
void for_each_line(const TextPart& part, TextEncoding encoding, Use use) {
  LineReader reader(part.file, encoding);
  std::string line;
  int64_t at = 0;
  while (reader.next(line)) {
    if (at >= part.begin && at < part.end) use(reader, line);
    at += static_cast<int64_t>(line.size()) + 1;
  }
}

int64_t text_bytes(const fs::path& file, TextEncoding encoding) {
  int64_t bytes = 0;
  for_each_line({{}, file, 0}, encoding, [&](const LineReader&, const std::string& line) {
    bytes += static_cast<int64_t>(line.size()) + 1;
  });
  return bytes;
}

class LinesImporter : public DataTool {
 public:
  void describe(Fields& fields) override {
    files_.describe(fields);
    fields.add("split", split_,
               "with one SOURCE: which shares of its text, from front to back, become train, "
               "validation and test");
    fields.add("encoding", encoding_, "of the files").one_of(text_encoding_names());
    text_.describe(fields);
    text_.describe_reuse(fields);
    describe_compression(fields, compression_);
  }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    text_encoding_ = text_encoding_of(encoding_);
    const std::vector<TextPart> parts = find_parts(sources);
    StagedFolder folder(out);
    const LearnedText learned = learn(parts.front());
    const TextSymbols symbols_of = learned.symbols();
    Manifest manifest;
    manifest.streams = {learned.schema("inputs")};
    manifest.text = learned.info;
    for (const TextPart& part : parts) {
      manifest.splits.push_back(write_split(part, symbols_of, folder.path(), manifest, progress));
      manifest.source += fmt::format("{}{} from {}", manifest.source.empty() ? "" : ", ",
                                     part.split, part.file.filename().string());
    }
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  std::vector<TextPart> find_parts(const std::vector<fs::path>& sources) const {
    const std::vector<SplitSource> found = find_sources(sources, files_);
    if (!found.front().split) {
      if (found.size() == 1) return cut_source(found.front().file);
      throw Error(ExitCode::usage, "give either one SOURCE or --train, --validation and --test");
    }
    std::vector<TextPart> parts;
    for (const SplitSource& source : found) {
      parts.push_back({kSplitNames[*source.split], source.file});
    }
    return parts;
  }

  std::vector<TextPart> cut_source(const fs::path& source) const {
    const SplitShares shares = shares_of(split_);
    const auto bytes = static_cast<double>(text_bytes(source, text_encoding_));
    std::vector<TextPart> parts;
    double share = 0;
    for (size_t i = 0; i < shares.size(); ++i) {
      // Rounded alike, or a line at the cut would be in both parts.
      const auto begin = std::llround(bytes * share);
      share += shares[i];
      const auto end = std::llround(bytes * share);
      const bool last = i + 1 == shares.size();
      if (shares[i] > 0) parts.push_back({kSplitNames[i], source, begin, last ? end + 1 : end});
    }
    return parts;
  }

  /// Calls `use(line)` for each line of a part; what is wrong with one is told with its place.
  template <class Use>
  void for_each_text(const TextPart& part, Use use) const {
    for_each_line(part, text_encoding_, [&](const LineReader& reader, const std::string& line) {
      if (!reader.problem().empty()) {
        throw Error(ExitCode::corrupt, fmt::format("{}: {}", reader.place(), reader.problem()),
                    "name the encoding of the text with --encoding");
      }
      use(line);
    });
  }

  LearnedText learn(const TextPart& train) const {
    TextLearner learner(text_, text_.tokens == "characters" ? "\n" : "<eos>");
    for_each_text(train, [&](const std::string& line) { learner.add(line); });
    return learner.finish("inputs.model");
  }

  SplitInfo write_split(const TextPart& part, const TextSymbols& symbols_of, const fs::path& folder,
                        const Manifest& manifest, const Progress& progress) const {
    ShardWriter writer(folder, part.split, manifest.streams, {.compression = compression_});
    int64_t lines = 0;
    for_each_text(part, [&](const std::string& line) {
      const std::vector<int64_t> wide = symbols_of(line);
      std::vector<int32_t> symbols(wide.begin(), wide.end());
      symbols.push_back(static_cast<int32_t>(symbols_of.end()));
      writer.append({{symbols.data(), static_cast<int64_t>(symbols.size())}},
                    fmt::format("{}-{:08}", part.split, lines));
      if (++lines % kReportEveryLines == 0 && progress) {
        progress("importing " + part.split, lines, 0, "lines");
      }
    });
    if (lines == 0) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: no line for the split {}", part.file.string(), part.split));
    }
    if (progress) progress("importing " + part.split, lines, lines, "lines");
    return writer.finish();
  }

  SplitFiles files_;
  std::vector<double> split_ = {0.9, 0.05, 0.05};
  std::string encoding_ = "utf-8";
  TextEncoding text_encoding_ = TextEncoding::utf8;
  TextOptions text_;
  int64_t compression_ = 0;
};

}  // namespace

DataToolEntry lines_importer() {
  return {"lines", "plain text, each line a sequence of characters or words",
          "one text file, cut by --split; or none, with --train",
          [] { return std::make_unique<LinesImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
