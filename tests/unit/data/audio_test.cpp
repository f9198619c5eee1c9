// Sound: features against numpy (tests/interop/audio_features.py), and the importer of recordings.
#include "data/import/audio.h"

#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include "data/audio/features.h"
#include "data/audio/speed.h"
#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/import/name_pattern.h"
#include "data/mix.h"
#include "tests/interop/run_python.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::ToolOptions;
using Words = std::vector<std::string>;

struct TestSound {
  int rate = 8000;
  int channels = 1;
  int frames = 4000;
  int format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  uint64_t seed = 1;
};

/// A sweep with noise over it.
void write_sound(const fs::path& file, const TestSound& sound) {
  SF_INFO info{};
  info.samplerate = sound.rate;
  info.channels = sound.channels;
  info.format = sound.format;
  SNDFILE* out = sf_open(file.c_str(), SFM_WRITE, &info);
  ASSERT_NE(out, nullptr) << sf_strerror(nullptr);
  Random random(sound.seed);
  std::vector<float> samples;
  for (int i = 0; i < sound.frames; ++i) {
    const double t = static_cast<double>(i) / sound.rate;
    for (int channel = 0; channel < sound.channels; ++channel) {
      const double tone = 0.3 * std::sin(2 * M_PI * (300 + 900 * t * (channel + 1)) * t);
      samples.push_back(static_cast<float>(tone + 0.05 * random.normal()));
    }
  }
  EXPECT_EQ(sf_writef_float(out, samples.data(), sound.frames), sound.frames);
  sf_close(out);
}

class AudioTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directory(sounds()); }

  fs::path sounds() const { return folder_ / "sounds"; }
  fs::path out() const { return folder_ / "out"; }
  void sound(const std::string& name, const TestSound& sound = {}) {
    write_sound(sounds() / name, sound);
  }
  std::string import(ToolOptions options) {
    options.emplace("label_from", "{label}_{group}_{index}.wav");
    options.emplace("low_hz", "0");
    options.emplace("bands", "20");
    return testing::run_tool(audio_importer(), {sounds()}, out(), options);
  }
  /// Ten recordings of each of three speakers: digits 0 and 1.
  void thirty_recordings() {
    uint64_t seed = 0;
    for (const char* speaker : {"ann", "bob", "cy"}) {
      for (int i = 0; i < 10; ++i) {
        sound(fmt::format("{}_{}_{}.wav", i % 2, speaker, i),
              {.frames = 400 + 80 * i, .seed = ++seed});
      }
    }
  }

  testing::TempFolder folder_;
};

TEST(NamePatternTest, FieldsOfNames) {
  const NamePattern pattern("{label}_{group}_{index}.wav");
  const auto fields = pattern.match("7_theo_32.wav");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->at("label"), "7");
  EXPECT_EQ(fields->at("group"), "theo");
  EXPECT_EQ(fields->at("index"), "32");
  EXPECT_FALSE(pattern.match("7_theo.wav"));
  EXPECT_FALSE(pattern.match("7_theo_32xwav"));
  EXPECT_EQ(
      NamePattern("{label}/{group}_nohash_{index}.wav").match("yes/a_nohash_0.wav")->at("label"),
      "yes");
  for (const char* bad : {"plain.wav", "{label", "{label}{label}", "{}", "{Label}"}) {
    EXPECT_THROW(NamePattern{bad}, Error) << bad;
  }
}

TEST(NamePatternTest, Conditions) {
  const NamePattern pattern("{group}_{index}");
  const auto holds = [&](const char* condition, const char* name) {
    return FieldCondition("--test-where", condition, pattern).holds(*pattern.match(name));
  };
  EXPECT_TRUE(holds("index<5", "a_4"));
  EXPECT_FALSE(holds("index<5", "a_5"));
  EXPECT_FALSE(holds("index<5", "a_40"));
  EXPECT_TRUE(holds("index>=5", "a_5"));
  EXPECT_TRUE(holds("group=ann", "ann_5"));
  EXPECT_TRUE(holds("group!=ann", "bob_5"));
  EXPECT_THROW(holds("index<5", "a_x"), Error);
  expect_error(ExitCode::usage, "no field {speaker}", [&] { holds("speaker=a", "a_1"); });
  expect_error(ExitCode::usage, "no integer", [&] { holds("index<x", "a_1"); });
  expect_error(ExitCode::usage, "no condition", [&] { holds("index", "a_1"); });
}

TEST_F(AudioTest, FeaturesAreThoseOfNumpy) {
  if (std::getenv("LOCKSTEP_PYTHON") == nullptr) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set";
  sound("1_a_1.wav", {.rate = 16000, .frames = 9000, .seed = 1});
  sound("1_b_2.wav", {.rate = 16000, .channels = 2, .frames = 5000, .seed = 2});
  sound("2_a_1.wav", {.rate = 16000, .frames = 399, .seed = 3});  // one sample short of a window
  sound("2_a_2.wav", {.rate = 16000, .frames = 560, .seed = 4});  // exactly two windows
  const std::vector<ToolOptions> cases{
      {},
      {{"window", "hann"}, {"low_hz", "100"}, {"high_hz", "7000"}, {"pre_emphasis", "0"}},
      {{"features", "mfcc"}, {"deltas", "2"}},
      {{"features", "mfcc"}, {"coefficients", "20"}, {"deltas", "1"}, {"normalise", "train"}},
      {{"range_db", "12"}},
      {{"bands", "24"}, {"window_ms", "20"}, {"step_ms", "8"}, {"normalise", "train"}},
  };
  for (ToolOptions options : cases) {
    options.insert({{"split", "1,0,0"}, {"split_by", "position"}});
    EXPECT_EQ(import(options), "");
    EXPECT_EQ(testing::run_python("interop/audio_features.py", {out().string(), sounds().string()}),
              0);
    fs::remove_all(out());
  }
  fs::remove(sounds() / "2_a_1.wav");  // a single frame has no deviation
  import({{"split", "1,0,0"}, {"split_by", "position"}, {"normalise", "utterance"}, {
            "window",
            "hann"
          }});
  EXPECT_EQ(testing::run_python("interop/audio_features.py", {out().string(), sounds().string()}),
            0);
}

TEST(SpeedTest, FrequenciesAreMultipliedAndHighOnesGo) {
  constexpr int kCount = 1200;
  const auto wave = [](double frequency, int count) {  // in periods for each sample
    std::vector<float> samples;
    for (int i = 0; i < count; ++i) {
      samples.push_back(static_cast<float>(std::sin(2 * M_PI * frequency * i)));
    }
    return samples;
  };
  for (const double speed : {0.8, 1.25}) {
    const std::vector<float> fast = at_speed(wave(0.11, kCount), speed);
    const std::vector<float> wanted = wave(0.11 * speed, static_cast<int>(kCount / speed));
    ASSERT_EQ(fast.size(), wanted.size());
    for (size_t i = 30; i + 30 < fast.size(); ++i) EXPECT_NEAR(fast[i], wanted[i], 2e-3) << i;
  }
  const std::vector<float> gone = at_speed(wave(0.45, kCount), 1.5);  // would be 0.675
  for (size_t i = 30; i + 30 < gone.size(); ++i) EXPECT_NEAR(gone[i], 0, 2e-2) << i;
  EXPECT_EQ(at_speed({0.5F}, 4).size(), 1U);
}

TEST_F(AudioTest, TrainingRecordingsStandThereAtOtherSpeedsToo) {
  thirty_recordings();
  const ToolOptions options{{"test_where", "group=cy"}, {"split", "1,0,0"}, {"speeds", "0.5,2"}};
  EXPECT_EQ(import(options), "");
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("test").size(), 10);
  const Split train = dataset.open_split("train");
  ASSERT_EQ(train.size(), 60);
  const auto frames_of = [](int64_t samples) { return 1 + (samples - 200) / 80; };
  for (int64_t id = 0; id < 60; id += 3) {
    const int64_t samples = 400 + 80 * (train.length(id, 0) - frames_of(400));
    EXPECT_EQ(train.length(id + 1, 0), frames_of(2 * samples));
    EXPECT_EQ(train.length(id + 2, 0), frames_of(samples / 2));
  }
  expect_error(ExitCode::usage, "--speeds: 5", [&] { import({{ "speeds", "5" }}); });
}

TEST_F(AudioTest, PredictionComputesTheStoredFeatures) {
  thirty_recordings();
  import({{"features", "mfcc"}, {"deltas", "1"}, {"normalise", "train"}, {"split", "1,0,0"}, {
            "split_by",
            "position"
          }});
  const Dataset dataset(out());
  const Manifest& manifest = dataset.manifest();
  AudioFeatures features(*manifest.audio, manifest.scaling.at("inputs"));
  EXPECT_EQ(features.features(), 26);
  SNDFILE* file = nullptr;
  SF_INFO info{};
  ASSERT_NE(file = sf_open((sounds() / "0_ann_0.wav").c_str(), SFM_READ, &info), nullptr);
  std::vector<float> samples(static_cast<size_t>(info.frames));
  sf_readf_float(file, samples.data(), info.frames);
  sf_close(file);
  EXPECT_EQ(features.compute(samples),
            testing::floats_of(dataset.open_split("train"), 0, "inputs"));
}

TEST_F(AudioTest, FlacIsTheSameAsWav) {
  sound("1_a_1.wav");
  fs::create_directory(folder_ / "flac");
  write_sound(folder_ / "flac" / "1_a_1.flac", {.format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16});
  import({{ "split", "1,0,0" }});
  testing::run_tool(audio_importer(), {folder_ / "flac"}, folder_ / "out2",
                    {{"label_from", "{label}_{group}_{index}.flac"},
                     {"low_hz", "0"},
                     {"bands", "20"},
                     {"split", "1,0,0"}});
  EXPECT_EQ(testing::floats_of(Dataset(out()).open_split("train"), 0, "inputs"),
            testing::floats_of(Dataset(folder_ / "out2").open_split("train"), 0, "inputs"));
}

TEST_F(AudioTest, ConditionsMakeTheOfficialSplit) {
  thirty_recordings();
  import({{"test_where", "index<2"}, { "split", "0.75,0.25,0" }});
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("test").size(), 6);
  EXPECT_EQ(dataset.open_split("train").size(), 18);
  EXPECT_EQ(dataset.open_split("validation").size(), 6);
  const Split test = dataset.open_split("test");
  std::multiset<std::string> labels;
  std::multiset<int64_t> frames;
  for (int64_t id = 0; id < test.size(); ++id) {
    labels.insert(testing::labels_of(test, id, "classes").at(0));
    frames.insert(test.length(id, 0));
  }
  EXPECT_EQ(labels, (std::multiset<std::string>{"0", "0", "0", "1", "1", "1"}));
  EXPECT_EQ(frames, (std::multiset<int64_t>{3, 3, 3, 4, 4, 4}));  // 400 and 480 samples, 200 and 80
}

TEST_F(AudioTest, SpeakersAreInOneSplitOnly) {
  thirty_recordings();
  import({{"split", "0.4,0.3,0.3"}, { "split_by", "group" }});
  for (const char* split : {"train", "validation", "test"}) {
    EXPECT_EQ(Dataset(out()).open_split(split).size(), 10) << split;
  }
}

TEST_F(AudioTest, JoinedRecordingsAreOfOneSpeaker) {
  // The length of a recording tells its speaker: 2, 20 and 200 frames.
  int frames = 200 + 80;
  for (const char* speaker : {"ann", "bob", "cy"}) {
    for (int i = 0; i < 4; ++i) {
      sound(fmt::format("{}_{}_{}.wav", i == 0 ? 3 : i, speaker, i), {.frames = frames});
    }
    frames *= 10;
  }
  const ToolOptions options{{"test_where", "index=3"},
                            {"split", "1,0,0"},
                            {"join", "3,7"},
                            {"join_count", "30"},
                            {"window_ms", "25"}};
  import(options);
  const Dataset dataset(out());
  const Split train = dataset.open_split("train");
  EXPECT_EQ(train.size(), 30);
  EXPECT_EQ(dataset.open_split("test").size(), 10);  // in proportion: 3 of 9 recordings
  std::set<size_t> lengths;
  for (int64_t id = 0; id < train.size(); ++id) {
    const size_t digits = testing::labels_of(train, id, "classes").size();
    lengths.insert(digits);
    const int64_t samples = (train.length(id, 0) - 1) * 80 + 200;
    const int64_t each = (samples + 79) / static_cast<int64_t>(digits);
    EXPECT_TRUE((each >= 280 && each <= 310) || (each >= 2780 && each <= 2830) || each >= 27980)
        << samples << " samples of " << digits;
  }
  EXPECT_EQ(lengths, (std::set<size_t>{3, 4, 5, 6, 7}));
  const Split test = dataset.open_split("test");
  for (const std::string& label : testing::labels_of(test, 0, "classes")) EXPECT_EQ(label, "3");

  const std::string fingerprint = dataset.manifest().fingerprint();
  fs::remove_all(out());
  import(options);
  EXPECT_EQ(Dataset(out()).manifest().fingerprint(), fingerprint);
}

TEST_F(AudioTest, TranscriptsBecomeCharacters) {
  fs::create_directory(sounds() / "deep");
  sound("a.wav");
  sound("deep/b.wav");
  write_file_atomically(folder_ / "text", "a\tein Öl\ndeep/b.wav\tzwei\n");
  import({{"label_from", ""}, {"transcripts", (folder_ / "text").string()}, {"split", "1,0,0"}, {
            "split_by",
            "position"
          }});
  const Split train = Dataset(out()).open_split("train");
  EXPECT_EQ(testing::labels_of(train, 0, "text"), (Words{"e", "i", "n", " ", "Ö", "l"}));
  EXPECT_EQ(testing::labels_of(train, 1, "text"), (Words{"z", "w", "e", "i"}));
}

TEST_F(AudioTest, UnusableRecordingsAreRejectedWithTheirPlace) {
  sound("0_a_1.wav");
  sound("1_a_1.wav");
  sound("1_a_2.wav", {.rate = 16000});
  sound("what.wav");
  sound("1_a_3.wav", {.frames = 0});
  sound("1_a_4.wav");
  sound("1_a_5.wav");
  write_file_atomically(sounds() / "0_a_2.wav", "RIFF but nothing else");
  fs::resize_file(sounds() / "1_a_4.wav", fs::file_size(sounds() / "1_a_4.wav") / 2);
  sound("1_a_6.wav", {.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT});
  {
    std::FILE* file = std::fopen((sounds() / "1_a_6.wav").c_str(), "r+b");
    std::fseek(file, -4, SEEK_END);
    const float nan = std::nanf("");
    std::fwrite(&nan, 4, 1, file);
    std::fclose(file);
  }
  const std::string rejected = import({{"split", "1,0,0"}, {"max_rejected", "0.9"}});
  for (const char* part :
       {"1_a_2.wav: has 16000 Hz; the data set has 8000 Hz", "what.wav: its name",
        "1_a_3.wav: holds no sample", "0_a_2.wav: cannot be read",
        "1_a_6.wav: cannot be read: sample 3999 is not a number"}) {
    EXPECT_NE(rejected.find(part), std::string::npos) << part << "\n" << rejected;
  }
  fs::remove_all(out());
  expect_error(ExitCode::corrupt, "were rejected", [&] { import({{ "split", "1,0,0" }}); });
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(AudioTest, WrongUseIsTold) {
  expect_error(ExitCode::missing, "holds no .wav", [&] { import({}); });
  sound("0_a_1.wav");
  expect_error(ExitCode::usage, "--label-from", [&] { import({{ "label_from", "" }}); });
  expect_error(ExitCode::usage, "no {label}", [&] { import({{ "label_from", "{group}" }}); });
  expect_error(ExitCode::usage, "--join", [&] { import({{ "join", "7,3" }}); });
  expect_error(ExitCode::config, "fewer bands", [&] {
    import({{"bands", "200"}, { "split", "1,0,0" }});
  });
  expect_error(ExitCode::config, "4000", [&] {
    import({{"high_hz", "5000"}, { "split", "1,0,0" }});
  });
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(AudioTest, RealSpokenDigits) {
  const fs::path archive = testing::real_data("speech/fsdd_recordings.tar.xz");
  if (archive.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no speech/fsdd_recordings.tar.xz";
  const std::string unpack =
      fmt::format("tar xJf '{}' -C '{}'", archive.string(), sounds().string());
  ASSERT_EQ(std::system(unpack.c_str()), 0);
  EXPECT_EQ(
      import({{"test_where", "index<5"}, {"split", "1,0,0"}, {"bands", "40"}, {"low_hz", "20"}}),
      "");
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("train").size(), 2700);
  EXPECT_EQ(dataset.open_split("test").size(), 300);
  EXPECT_EQ(dataset.manifest().stream("classes").num_classes, 10);
  EXPECT_EQ(dataset.manifest().audio->sample_rate, 8000);
}

}  // namespace
}  // namespace lockstep
