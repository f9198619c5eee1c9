#include "data/generate/sequence_generator.h"

#include "data/base/error.h"
#include "data/staged_folder.h"

namespace lockstep {

namespace {

constexpr std::array<const char*, 3> kGeneratedSplits{"train", "validation", "test"};
constexpr int64_t kReportEverySequences = 1000;

}  // namespace

void SequenceGenerator::describe(Fields& fields) {
  constexpr double kMost = int64_t{1} << 40;
  fields.add("train", counts_[0], "number of training sequences").at_least(1).at_most(kMost);
  fields.add("validation", counts_[1], "number of validation sequences").at_least(0).at_most(kMost);
  fields.add("test", counts_[2], "number of test sequences").at_least(0).at_most(kMost);
  fields.add("seed", seed_, "another seed gives other sequences").at_least(0);
  describe_own(fields);
  describe_compression(fields, limits_.compression);
}

void SequenceGenerator::run(const std::vector<std::filesystem::path>& sources,
                            const std::filesystem::path& out, const Progress& progress) {
  if (!sources.empty()) throw Error(ExitCode::usage, "a generator takes no source");
  Manifest manifest;
  manifest.streams = schema();
  manifest.source = fmt::format("generated: {}, seed {}", source(), seed_);
  StagedFolder folder(out);
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    manifest.splits.push_back(
        write_split(kGeneratedSplits[i], i, counts_[i], folder.path(), manifest.streams, progress));
  }
  write_manifest(folder.path(), manifest);
  folder.commit();
}

SplitInfo SequenceGenerator::write_split(const std::string& name, uint64_t number, int64_t count,
                                         const std::filesystem::path& folder,
                                         const std::vector<StreamSchema>& schemas,
                                         const Progress& progress) {
  ShardWriter writer(folder, name, schemas, limits_);
  std::vector<GeneratedStream> streams(schemas.size());
  std::vector<StreamView> views(schemas.size());
  const int64_t wanted_bytes = number == 0 ? wanted_training_bytes() : 0;
  int64_t bytes = 0;
  for (int64_t i = 0; wanted_bytes > 0 ? bytes < wanted_bytes : i < count; ++i) {
    for (GeneratedStream& stream : streams) stream.clear();
    make(Random(mix64(static_cast<uint64_t>(seed_), number, static_cast<uint64_t>(i))), streams);
    for (size_t k = 0; k < streams.size(); ++k) {
      const int64_t width = std::max<int64_t>(1, schemas[k].features);
      LOCKSTEP_CHECK(streams[k].values() % width == 0, "{}: {} values", schemas[k].name,
                     streams[k].values());
      views[k] = {streams[k].data(), streams[k].values() / width};
    }
    writer.append(views, fmt::format("{}-{:08}", name, i));
    bytes += streams[0].bytes();
    const bool due = (i + 1) % kReportEverySequences == 0 || i + 1 == count;
    if (!due || !progress) continue;
    progress("making " + name, i + 1, wanted_bytes > 0 ? 0 : count, "sequences");
  }
  return writer.finish();
}

void CountRange::describe(Fields& fields, const std::string& things, const std::string& whole) {
  fields.add("shortest", shortest, fmt::format("{} in the shortest {}", things, whole))
      .at_least(1)
      .at_most(1024);
  fields.add("longest", longest, fmt::format("{} in the longest {}", things, whole))
      .at_least(1)
      .at_most(1024);
}

void CountRange::check() const {
  if (longest < shortest) throw Error(ExitCode::usage, "--longest is less than --shortest");
}

int64_t CountRange::draw(Random& random) const {
  return shortest +
         static_cast<int64_t>(random.below(static_cast<uint64_t>(longest - shortest + 1)));
}

StreamSchema symbol_stream(const std::string& name, std::vector<std::string> labels) {
  StreamSchema stream;
  stream.name = name;
  stream.element = ElementType::i32;
  stream.num_classes = static_cast<int64_t>(labels.size());
  stream.labels = std::move(labels);
  return stream;
}

std::vector<std::string> digit_labels() {
  std::vector<std::string> labels;
  for (int digit = 0; digit < 10; ++digit) labels.push_back(std::to_string(digit));
  return labels;
}

}  // namespace lockstep
