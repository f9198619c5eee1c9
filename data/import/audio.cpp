#include "data/import/audio.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "data/audio/features.h"
#include "data/audio/sound_file.h"
#include "data/audio/speed.h"
#include "data/base/error.h"
#include "data/feature_moments.h"
#include "data/import/label_set.h"
#include "data/import/record_passes.h"
#include "data/import/recordings.h"
#include "data/import/split_writers.h"
#include "data/mix.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnknownCharacter = "<unk>";
constexpr int64_t kReportEveryStrings = 256;

void describe_features(AudioInfo& info, Fields& fields) {
  fields.add("features", info.features, "log mel energies, or mel-frequency cepstral coefficients")
      .one_of({"log-mel", "mfcc"});
  fields.add("bands", info.bands, "mel bands").at_least(1).at_most(1 << 12);
  fields.add("coefficients", info.coefficients, "of mfcc, the first (energy) counted")
      .at_least(1)
      .at_most(1 << 12);
  fields.add("deltas", info.deltas, "1 adds first derivatives, 2 also second ones")
      .at_least(0)
      .at_most(2);
  fields.add("window", info.window, "shape of the window").one_of({"hamming", "hann"});
  fields.add("window_ms", info.window_ms, "length of the window")
      .more_than(0)
      .at_most(1000)
      .unit("ms");
  fields.add("step_ms", info.step_ms, "from window to window")
      .more_than(0)
      .at_most(1000)
      .unit("ms");
  fields.add("low_hz", info.low_hz, "where mel bands begin").at_least(0).unit("Hz");
  fields.add("high_hz", info.high_hz, "where they end; 0: half of the sample rate")
      .at_least(0)
      .at_most(1 << 20)
      .unit("Hz");
  fields.add("pre_emphasis", info.pre_emphasis, "part of the sample before that is taken off each")
      .at_least(0)
      .at_most(1);
  fields
      .add("range_db", info.range_db,
           "energies that are further below the loudest one of their sequence are raised to there, "
           "which hides what differs between silences; 0: not")
      .at_least(0)
      .at_most(1000)
      .unit("dB");
  fields
      .add("normalise", info.normalise,
           "to mean 0 and deviation 1 of each feature: in every sequence, or by the training "
           "recordings")
      .one_of({"none", "utterance", "train"});
  fields.add("rate", info.sample_rate, "of all recordings; 0: that of the first one")
      .at_least(0)
      .at_most(1 << 20)
      .unit("Hz");
}

Sound read_at_rate(const Recording& recording, int64_t rate) {
  Sound sound = read_sound(recording.file);
  if (sound.sample_rate != rate) {
    throw Error(ExitCode::corrupt, fmt::format("has {} Hz, not {} Hz", sound.sample_rate, rate));
  }
  return sound;
}

/// The recordings of one split, by speaker.
struct Speakers {
  std::vector<const Recording*> all;
  std::map<std::string, std::vector<const Recording*>> by_group;

  void add(const Recording& recording) {
    all.push_back(&recording);
    by_group[recording.group].push_back(&recording);
  }

  /// From `fewest` to `most` recordings of the speaker of a random recording, with replacement.
  std::vector<const Recording*> draw(Random random, int64_t fewest, int64_t most) const {
    const auto length =
        static_cast<size_t>(fewest) + random.below(static_cast<uint64_t>(most - fewest + 1));
    std::vector<const Recording*> drawn{all[random.below(all.size())]};
    const auto& same = by_group.at(drawn[0]->group);
    while (drawn.size() < length) drawn.push_back(same[random.below(same.size())]);
    return drawn;
  }
};

class AudioImporter : public DataTool {
 public:
  AudioImporter() { split_.split = {0.8, 0.1, 0.1}; }

  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"random", "label", "group", "position"});
    recording_options_.describe(fields);
    describe_features(info_, fields);
    fields.add("join", join_,
               "fewest and most recordings that are joined to one sequence, such as 3,7");
    fields
        .add("join_count", join_count_,
             "joined sequences of the split \"train\", and of the others in proportion to their "
             "recordings; 0: as many as recordings")
        .at_least(0);
    fields.add("speeds", speeds_,
               "training recordings also stand there at these speeds, such as 0.9,1.1, pitch and "
               "formants with them: other speakers (Ko et al. 2015); joined sequences at one of "
               "them or as they are");
    describe_compression(fields, limits_.compression);
    rejections_.describe(fields);
  }

  const Rejections* rejections() const override { return &rejections_; }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    check_join();
    check_speeds();
    const SplitRule rule = split_.rule();
    const std::vector<SplitSource> folders = find_sources(sources, files_);
    recordings_ = find_recordings(folders, recording_options_);
    StagedFolder folder(out);
    RecordPasses<Recording> passes(read_all(), rejections_, progress);
    passes.plan(rule, key_function(rule.by));
    Manifest manifest;
    manifest.source = name_sources(folders);
    learn(passes, manifest);
    SplitWriters writers(folder.path(), wanted(folders, rule.shares), manifest.streams, limits_);
    if (join_.empty()) {
      passes.all("importing", [&](const Recording& recording, size_t split) {
        write({&recording}, split, 1, writers);
        if (split != 0) return;
        for (const double speed : speeds_) write({&recording}, split, speed, writers);
      });
    } else {
      write_joined(passes, writers, progress);
    }
    manifest.splits = writers.finish();
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  void check_join() const {
    if (join_.empty()) return;
    if (join_.size() != 2 || join_[0] < 1 || join_[1] < join_[0] || join_[1] > 10000) {
      throw Error(ExitCode::usage, "--join needs the fewest and the most recordings of a sequence",
                  "for example --join 3,7");
    }
  }

  void check_speeds() const {
    for (const double speed : speeds_) {
      if (speed >= 0.25 && speed <= 4) continue;
      throw Error(ExitCode::usage, fmt::format("--speeds: {} is not from 0.25 to 4", speed),
                  "for example --speeds 0.9,1.1");
    }
  }

  RecordPasses<Recording>::ReadAll read_all() {
    return [this](const RecordPasses<Recording>::Visit& visit) {
      for (const Recording& recording : recordings_) {
        visit(RecordPlace{recording.file, 0, recording.split}, recording);
      }
    };
  }

  /// Checks a recording by its name and header, and gives the key it is divided by.
  std::function<int64_t(const Recording&)> key_function(SplitBy by) {
    return [this, by, numbers = NameNumbers()](const Recording& recording) mutable -> int64_t {
      if (!recording.problem.empty()) throw Error(ExitCode::corrupt, recording.problem);
      const int64_t rate = read_sample_rate(recording.file);
      if (info_.sample_rate == 0) info_.sample_rate = rate;
      if (rate != info_.sample_rate) {
        throw Error(ExitCode::corrupt,
                    fmt::format("has {} Hz; the data set has {} Hz", rate, info_.sample_rate));
      }
      if (by == SplitBy::group) return numbers.of(recording.group);
      return by == SplitBy::label ? numbers.of(fmt::format("{}", fmt::join(recording.target, "")))
                                  : 0;
    };
  }

  /// Learns classes or characters, and the means to normalise with, from the training recordings.
  void learn(RecordPasses<Recording>& passes, Manifest& manifest) {
    LabelSet labels;
    VocabularyCounter characters;
    FeatureScaling scaling;
    AudioFeatures features(info_);
    FeatureMoments moments(features.features());
    if (!join_.empty()) characters.add(" ");  // between joined texts
    const bool measured = info_.normalise == "train";
    passes.train(measured ? "measuring" : "reading labels", [&](const Recording& recording) {
      if (measured) {
        moments.add_frames(features.measure(read_at_rate(recording, info_.sample_rate).samples));
      }
      for (const std::string& token : recording.target) {
        labels.add(token);
        characters.add(token);
      }
    });
    if (measured) manifest.scaling["inputs"] = scaling = moments.scaling();
    features_ = std::make_unique<AudioFeatures>(info_, scaling);
    targets_ = std::make_unique<Vocabulary>(
        recording_options_.has_transcripts()
            ? Vocabulary(characters.most_frequent({kUnknownCharacter}, 0), kUnknownCharacter)
            : labels.finish());
    manifest.audio = info_;
    StreamSchema inputs;
    inputs.name = "inputs";
    inputs.features = features_->features();
    manifest.streams = {
        inputs,
        symbol_stream(recording_options_.has_transcripts() ? "text" : "classes", *targets_)};
  }

  std::vector<size_t> wanted(const std::vector<SplitSource>& folders,
                             const SplitShares& shares) const {
    std::vector<size_t> splits = wanted_splits(folders, shares);
    const auto want = [&](size_t split, const std::string& condition) {
      if (condition.empty() || std::count(splits.begin(), splits.end(), split) > 0) return;
      splits.push_back(split);
    };
    want(1, recording_options_.validation_where);
    want(2, recording_options_.test_where);
    return splits;
  }

  /// Writes a sequence of one recording or of several behind each other.
  void write(const std::vector<const Recording*>& parts, size_t split, double speed,
             SplitWriters& writers) {
    std::vector<float> samples;
    std::vector<int32_t> symbols;
    for (const Recording* part : parts) {
      const Sound sound = read_at_rate(*part, info_.sample_rate);
      samples.insert(samples.end(), sound.samples.begin(), sound.samples.end());
      if (static_cast<int64_t>(samples.size()) > kMaxSamples) {
        throw Error(ExitCode::corrupt, fmt::format("is longer than {} samples", kMaxSamples));
      }
      if (recording_options_.has_transcripts() && part != parts.front()) {
        symbols.push_back(label_number(*targets_, " "));
      }
      for (const std::string& token : part->target) {
        symbols.push_back(label_number(*targets_, token));
      }
    }
    const std::vector<float> values = features_->compute(at_speed(samples, speed));
    const int64_t frames = static_cast<int64_t>(values.size()) / features_->features();
    writers.append(
        split, {{values.data(), frames}, {symbols.data(), static_cast<int64_t>(symbols.size())}});
  }

  void write_joined(RecordPasses<Recording>& passes, SplitWriters& writers,
                    const Progress& progress) {
    std::array<Speakers, kSplitNames.size()> speakers;
    passes.all("checking", [&](const Recording& recording, size_t split) {
      for (const std::string& token : recording.target) label_number(*targets_, token);
      if (read_at_rate(recording, info_.sample_rate).samples.empty()) {
        throw Error(ExitCode::corrupt, "holds no sample");
      }
      speakers.at(split).add(recording);
    });
    for (size_t split = 0; split < speakers.size(); ++split) {
      const int64_t count = joined_count(speakers, split);
      for (int64_t i = 0; i < count; ++i) {
        const Random random(
            mix64(static_cast<uint64_t>(split_.seed), split, static_cast<uint64_t>(i)));
        const double speed = split == 0 ? drawn_speed(random) : 1;
        write(speakers[split].draw(random, join_[0], join_[1]), split, speed, writers);
        const bool due = (i + 1) % kReportEveryStrings == 0 || i + 1 == count;
        if (due && progress) {
          progress(fmt::format("joining {}", kSplitNames[split]), i + 1, count, "sequences");
        }
      }
    }
  }

  /// One of the speeds, or 1.
  double drawn_speed(Random random) const {
    constexpr uint64_t kPurpose = 0x73706565647300;  // apart from what else is drawn
    const uint64_t i = Random(mix64(random.next(), kPurpose)).below(speeds_.size() + 1);
    return i == 0 ? 1 : speeds_[i - 1];
  }

  int64_t joined_count(const std::array<Speakers, kSplitNames.size()>& speakers,
                       size_t split) const {
    const auto recordings = static_cast<int64_t>(speakers[split].all.size());
    if (recordings == 0 || join_count_ == 0 || speakers[0].all.empty()) return recordings;
    const double share =
        static_cast<double>(recordings) / static_cast<double>(speakers[0].all.size());
    return std::max<int64_t>(1, std::llround(static_cast<double>(join_count_) * share));
  }

  SplitFiles files_;
  SplitOptions split_;
  RecordingOptions recording_options_;
  AudioInfo info_;
  std::vector<double> speeds_;
  std::vector<int64_t> join_;
  int64_t join_count_ = 0;
  ShardLimits limits_;
  Rejections rejections_;

  std::vector<Recording> recordings_;
  std::unique_ptr<AudioFeatures> features_;
  std::unique_ptr<Vocabulary> targets_;
};

}  // namespace

DataToolEntry audio_importer() {
  return {"audio", "recordings (.wav, .flac) with labels or transcripts, as mel features",
          "folders of sound files, divided by --split; or none, with --train",
          [] { return std::make_unique<AudioImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
