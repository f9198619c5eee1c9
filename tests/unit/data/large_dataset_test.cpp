// A data set far larger than the memory that its reader may have.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "data/loader.h"
#include "data/shard_hdf5.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/small_dataset.h"

namespace lockstep {
namespace {

constexpr int64_t kManySequences = 20000;
constexpr int64_t kStepsEach = 128;
constexpr int64_t kWideFeatures = 128;
/// Two threads' stacks are 16 MiB of it; glibc sets aside address space for the heap of each.
constexpr int64_t kMemory = int64_t{224} << 20;

/// Writes sequences of one step, and then puts a data set of kStepsEach each in the place of
/// theirs, none of which is ever written: a hole in the file of 1.2 GiB that reads as zeros.
Manifest write_sparse(const std::filesystem::path& folder) {
  Manifest manifest;
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.features = kWideFeatures;
  manifest.streams = {inputs, testing::image_schema().back()};
  ShardWriter writer(folder, "train", manifest.streams);
  const std::vector<float> step(kWideFeatures);
  for (int64_t id = 0; id < kManySequences; ++id) {
    const auto label = static_cast<int32_t>(id % 7);
    writer.append({{step.data(), 1}, {&label, 1}}, std::to_string(id));
  }
  manifest.splits = {writer.finish()};
  ShardInfo& shard = manifest.splits[0].shards.at(0);
  const std::filesystem::path path = folder / shard.file;
  {
    const Hdf5Session session;
    const Hdf5Id file = owned_file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    H5Ldelete(file.get(), "inputs", H5P_DEFAULT);
    const hsize_t extent[2] = {kManySequences * kStepsEach, kWideFeatures};
    const Hdf5Id space = owned_space(H5Screate_simple(2, extent, nullptr));
    const Hdf5Id creation = owned_properties(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
    const Hdf5Id hole = owned_dataset(H5Dcreate2(file.get(), "inputs", H5T_IEEE_F32LE, space.get(),
                                                 H5P_DEFAULT, creation.get(), H5P_DEFAULT));
    std::vector<int32_t> lengths;
    for (int64_t id = 0; id < kManySequences; ++id) lengths.insert(lengths.end(), {kStepsEach, 1});
    const Hdf5Id old = owned_dataset(H5Dopen2(file.get(), "seqLengths", H5P_DEFAULT));
    H5Dwrite(old.get(), H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, lengths.data());
  }
  shard.steps[0] = kManySequences * kStepsEach;
  shard.bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  return manifest;
}

int64_t data_bytes_of_this_process() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kibibytes = 0;
    if (word == "VmData:" && status >> kibibytes) return kibibytes << 10;
  }
  return 0;
}

/// This process gets at most `bytes` more memory than it has now.
void limit_memory(int64_t bytes) {
  const auto limit = static_cast<rlim_t>(data_bytes_of_this_process() + bytes);
  const rlimit data{limit, limit};
  if (::setrlimit(RLIMIT_DATA, &data) != 0) std::_Exit(3);
}

/// Reads one epoch in global order; exits.
[[noreturn]] void read_epoch(const std::filesystem::path& folder, const Manifest& manifest) {
  limit_memory(kMemory);
  try {
    const Split split(folder, manifest, manifest.splits[0], {.verify_checksums = false});
    const Sampler sampler(split.size(), {.batch_size = 32, .seed = 5});
    Loader loader(split, sampler, {.threads = 2});
    int64_t samples = 0;
    while (samples < kManySequences) {
      const Batch& batch = *loader.next();
      samples += batch.size();
      if (batch.inputs().time != kStepsEach) std::_Exit(4);
    }
    std::_Exit(0);
  } catch (const std::bad_alloc&) {
    std::_Exit(5);
  }
}

/// Whether the limit is one; exits.
[[noreturn]] void take_more_than_there_is() {
  limit_memory(kMemory);
  try {
    const std::vector<char> memory(2 * static_cast<size_t>(kMemory));
    std::_Exit(memory[0] == 0 ? 0 : 1);
  } catch (const std::bad_alloc&) {
    std::_Exit(5);
  }
}

TEST(LargeDataset, IsReadInGlobalOrderWithinLittleMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs memory of its own";
#endif
  const testing::TempFolder folder;
  const Manifest manifest = write_sparse(folder.path());
  ASSERT_GT(manifest.splits[0].shards[0].bytes, int64_t{1200} << 20);
  EXPECT_EXIT(read_epoch(folder.path(), manifest), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(take_more_than_there_is(), ::testing::ExitedWithCode(5), "");
}

}  // namespace
}  // namespace lockstep
