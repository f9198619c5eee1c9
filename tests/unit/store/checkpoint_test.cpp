#include "trainer/checkpoint.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/unit/store/checkpoint_fixture.h"
#include "trainer/run_directory.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using testing::code_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using testing::newest_step;
using testing::save;
using testing::TempFolder;
using testing::text_of;
using ::testing::UnorderedElementsAre;

void ignore_warning(const std::string&) {}

class CheckpointTest : public ::testing::Test {
 protected:
  fs::path folder_of(const std::string& name) const { return run_.path() / "checkpoints" / name; }
  std::vector<std::string> names() const { return names_in(run_.path() / "checkpoints"); }
  void damage(const std::string& name, const char* file = "model.safetensors") const {
    const fs::path path = folder_of(name) / file;
    std::string bytes = testing::read_all(path);
    ASSERT_FALSE(bytes.empty());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    testing::write_all(path, bytes);
  }

  TempFolder run_;
  CheckpointStore store_{run_.path()};
};

TEST_F(CheckpointTest, RoundTrip) {
  EXPECT_TRUE(store_.empty());
  EXPECT_EQ(newest_step(store_), -1);
  const CheckpointReport report = save(store_, 938);
  EXPECT_EQ(report.step, 938);
  EXPECT_EQ(report.folder, folder_of("step-00000938"));
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(report.folder))
    bytes += static_cast<int64_t>(entry.file_size());
  EXPECT_EQ(report.bytes, bytes);
  EXPECT_FALSE(store_.empty());

  const Checkpoint read = load_checkpoint(report.folder);
  EXPECT_EQ(read.state.step, 938);
  EXPECT_EQ(read.state.metrics, testing::state_at(938).metrics);
  EXPECT_EQ(read.model.at("w").values, std::vector<float>(3, 938.0F));
  EXPECT_EQ(read.optimizer.at("square/w").values, std::vector<float>(3, 0.5F));
  EXPECT_THAT(names_in(report.folder),
              UnorderedElementsAre("model.safetensors", "optimizer.safetensors", "state.json"));
}

TEST_F(CheckpointTest, StepsOfMoreThanEightDigits) {
  save(store_, 99999999);
  save(store_, 1234567890123);
  EXPECT_EQ(newest_step(store_), 1234567890123);
}

TEST_F(CheckpointTest, ForeignNamesAreLeftAlone) {
  save(store_, 1);
  for (const char* name :
       {"step-1", "step-00000001.1", "step-00000001.x", "step-0000000x", "notes"}) {
    fs::create_directory(folder_of(name));
  }
  std::vector<std::string> warnings;
  EXPECT_EQ(newest_step(store_, &warnings), 1);
  store_.keep_newest(1);
  EXPECT_EQ(names().size(), 6U);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CheckpointTest, EveryFlippedByteOfEveryFileIsDetectedAndTheOneBeforeUsed) {
  save(store_, 1);
  const fs::path newest = save(store_, 2).folder;
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
    const std::string good = testing::read_all(newest / file);
    for (size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      testing::write_all(newest / file, bad);
      ASSERT_EQ(code_of([&] { load_checkpoint(newest); }), ExitCode::corrupt)
          << file << " byte " << at;
      if (at % 16 == 0) {
        std::vector<std::string> warnings;
        ASSERT_EQ(newest_step(store_, &warnings), 1) << file << " byte " << at;
        ASSERT_THAT(warnings, ElementsAre(HasSubstr("step-00000002 is damaged")));
      }
    }
    testing::write_all(newest / file, good);
  }
  EXPECT_EQ(newest_step(store_), 2);
}

TEST_F(CheckpointTest, EveryTruncationAndEveryMissingFileIsDetected) {
  save(store_, 1);
  const fs::path newest = save(store_, 2).folder;
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
    const std::string good = testing::read_all(newest / file);
    for (size_t size = 0; size < good.size(); ++size) {
      testing::write_all(newest / file, good.substr(0, size));
      ASSERT_EQ(code_of([&] { load_checkpoint(newest); }), ExitCode::corrupt)
          << file << " cut to " << size;
    }
    testing::write_all(newest / file, good + "x");
    EXPECT_EQ(code_of([&] { load_checkpoint(newest); }), ExitCode::corrupt);
    fs::remove(newest / file);
    EXPECT_EQ(code_of([&] { load_checkpoint(newest); }), ExitCode::corrupt);
    EXPECT_EQ(newest_step(store_), 1);
    testing::write_all(newest / file, good);
  }
  EXPECT_EQ(newest_step(store_), 2);
}

TEST_F(CheckpointTest, FilesOfAnotherCheckpointAreDetected) {
  save(store_, 1);
  const fs::path newest = save(store_, 2).folder;
  fs::copy_file(folder_of("step-00000001") / "model.safetensors", newest / "model.safetensors",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(text_of([&] { load_checkpoint(newest); }),
              HasSubstr("model.safetensors: its SHA-256"));
}

TEST_F(CheckpointTest, NoneIntactIsAnErrorAndNothingIsDeleted) {
  save(store_, 1);
  save(store_, 2);
  damage("step-00000001");
  damage("step-00000002", "state.json");
  std::vector<std::string> warnings;
  EXPECT_EQ(code_of([&] { newest_step(store_, &warnings); }), ExitCode::corrupt);
  EXPECT_EQ(warnings.size(), 2U);
  store_.keep_newest(1);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(CheckpointTest, KeepsTheNewestIntactOnesAndRemovesLeftovers) {
  for (const int64_t step : {1, 2, 3, 4}) save(store_, step);
  fs::create_directory(folder_of(".tmp-1-step-00000005-99"));
  damage("step-00000004");
  store_.keep_newest(2);
  EXPECT_THAT(names(), UnorderedElementsAre("step-00000002", "step-00000003"));
  store_.keep_newest(5);
  EXPECT_THAT(names(), UnorderedElementsAre("step-00000002", "step-00000003"));
}

TEST_F(CheckpointTest, TheLastIntactOneIsNeverDeleted) {
  for (const int64_t step : {1, 2, 3}) save(store_, step);
  damage("step-00000003");
  damage("step-00000002", "optimizer.safetensors");
  store_.keep_newest(1);
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
  EXPECT_EQ(newest_step(store_), 1);
}

TEST_F(CheckpointTest, ARepeatedStepReplacesTheOldOne) {
  save(store_, 7);
  EXPECT_EQ(save(store_, 7, 1, 5).folder, folder_of("step-00000007.2"));
  EXPECT_THAT(names(), ElementsAre("step-00000007.2"));
  EXPECT_EQ(save(store_, 7, 2, 6).folder, folder_of("step-00000007.3"));
  EXPECT_EQ(store_.newest_intact(ignore_warning)->model.at("w").values.size(), 6U);
}

TEST_F(CheckpointTest, ADamagedOneOfTheSameStepIsReplaced) {
  save(store_, 7);
  damage("step-00000007", "state.json");
  save(store_, 7, 2);
  EXPECT_THAT(names(), ElementsAre("step-00000007.2"));
  EXPECT_EQ(newest_step(store_), 7);
}

TEST_F(CheckpointTest, AHigherIncarnationWinsOverAHigherStep) {
  save(store_, 500, 1);
  save(store_, 200, 2);
  EXPECT_EQ(newest_step(store_), 200);
  store_.keep_newest(1);
  EXPECT_THAT(names(), ElementsAre("step-00000200"));
}

TEST_F(CheckpointTest, AnOlderIncarnationIsFencedOff) {
  save(store_, 200, 2);
  EXPECT_EQ(code_of([&] { save(store_, 500, 1); }), ExitCode::run_directory);
  EXPECT_THAT(names(), ElementsAre("step-00000200"));
  save(store_, 300, 2);
  EXPECT_EQ(newest_step(store_), 300);
}

TEST_F(CheckpointTest, AProcessThatDoesNotOwnTheRunFolderIsFencedOff) {
  { const RunDirectory own(run_.path()); }
  save(store_, 1);
  save(store_, 2);
  std::string owner = testing::read_all(run_.path() / "run.lock");
  const std::string pid = fmt::format("\"pid\": {}", ::getpid());
  owner.replace(owner.find(pid), pid.size(), "\"pid\": 1");
  testing::write_all(run_.path() / "run.lock", owner);
  EXPECT_EQ(code_of([&] { save(store_, 3); }), ExitCode::run_directory);
  EXPECT_THAT(text_of([&] { save(store_, 3); }), HasSubstr("taken over (process 1 on"));
  store_.keep_newest(1);
  EXPECT_THAT(names(), UnorderedElementsAre("step-00000001", "step-00000002"));
}

TEST_F(CheckpointTest, AnOwnerWhoseLockFileWasLostCountsOnFromWhatIsThere) {
  save(store_, 500, 9);
  const RunDirectory own(run_.path());
  ASSERT_EQ(own.incarnation(), 1);
  CheckpointStore next(run_.path());
  save(next, 300, own.incarnation());
  save(next, 400, own.incarnation());
  const auto newest = next.newest_intact(ignore_warning);
  EXPECT_EQ(newest->state.step, 400);
  EXPECT_EQ(newest->state.incarnation, 10);
}

TEST_F(CheckpointTest, FilesOfATwinAreLinkedWhereTheyAreTheSame) {
  CheckpointStore best(run_.path(), "best");
  const std::vector<float> w = {1, 2, 3}, own_moments = {4, 5, 6}, other_moments = {7, 8, 9};
  const auto save_to = [&](CheckpointStore& store, const std::vector<float>& moments,
                           const std::optional<fs::path>& twin) {
    return store
        .commit(testing::state_at(5), {{"w", {3}, w.data()}}, {{"m/w", {3}, moments.data()}}, twin)
        .folder;
  };
  const fs::path first = save_to(best, own_moments, {});
  const fs::path second = save_to(store_, other_moments, first);
  EXPECT_EQ(fs::hard_link_count(first / "model.safetensors"), 2u);
  EXPECT_TRUE(fs::equivalent(first / "model.safetensors", second / "model.safetensors"));
  EXPECT_EQ(fs::hard_link_count(second / "optimizer.safetensors"), 1u);
  EXPECT_EQ(load_checkpoint(first).optimizer.at("m/w").values, own_moments);
  EXPECT_EQ(load_checkpoint(second).optimizer.at("m/w").values, other_moments);
  fs::remove_all(first);
  EXPECT_EQ(load_checkpoint(second).model.at("w").values, w);
  // One that is gone is no help, and does no harm.
  EXPECT_EQ(load_checkpoint(save_to(best, own_moments, first)).model.at("w").values, w);
}

TEST_F(CheckpointTest, AnUnwritablePlaceIsASaveFailure) {
  testing::write_all(run_.path() / "checkpoints", "a file where the folder should be");
  EXPECT_EQ(code_of([&] { save(store_, 1); }), ExitCode::save_failed);
}

TEST_F(CheckpointTest, LoadsFromARunOrFromACheckpoint) {
  save(store_, 1);
  save(store_, 2);
  EXPECT_EQ(load_run_or_checkpoint(run_.path(), ignore_warning).state.step, 2);
  EXPECT_EQ(load_run_or_checkpoint(folder_of("step-00000001"), ignore_warning).state.step, 1);
  EXPECT_EQ(code_of([&] { load_run_or_checkpoint(run_.path() / "no", ignore_warning); }),
            ExitCode::missing);
  EXPECT_EQ(code_of([&] { load_checkpoint(folder_of("no")); }), ExitCode::missing);
  const TempFolder empty;
  EXPECT_EQ(code_of([&] { load_run_or_checkpoint(empty.path(), ignore_warning); }),
            ExitCode::missing);
}

}  // namespace
}  // namespace lockstep
