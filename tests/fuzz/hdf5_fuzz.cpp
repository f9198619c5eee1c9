// HDF5 files: our reader of shards, and the importer's look at files of RETURNN's layout.
//
// libhdf5 is not made for hostile files, and its crashes are known. Training never gets that far: a
// shard whose SHA-256 is not the manifest's is refused before libhdf5 opens it. `data import h5`
// opens files that nobody vouches for. Hence every input is read in another process with limits,
// and what it dies of decides:
//
//  - a finding is every death in our own code: a report of the sanitizers or a signal with no frame
//    of libhdf5 on the stack, an exception that is not Error(corrupt), a file that is accepted
//    although its symbols are out of range, more memory or time than the limits by our doing;
//  - a finding is also a death inside of libhdf5 while it reads rows (H5Dread) of a data set: we
//    have checked its type, layout, filters and shape by then, and should have refused it first;
//  - not a finding is a death inside of libhdf5 before, while it opens files, objects and
//    attributes: there is nothing yet that we could have looked at. Those are counted and shown.
//
// LOCKSTEP_FUZZ_NO_FORK=1 ASAN_OPTIONS=symbolize=1 reads in the process itself, to debug.
#include <cstdio>

#include "data/import/h5_layout.h"
#include "data/shard_reader.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/sandbox.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* bytes, size_t size, size_t max_size);

namespace {

using namespace lockstep;

int64_t inputs_read = 0;
int64_t deaths_in_library = 0;

/// What the files of the corpus hold (tests/fuzz/make_corpus.py).
std::vector<StreamSchema> corpus_schema() {
  StreamSchema inputs;
  inputs.name = "inputs";
  inputs.features = 2;
  StreamSchema words;
  words.name = "words";
  words.element = ElementType::i32;
  words.num_classes = 4;
  return {inputs, words};
}

/// Reads everything that an accepted file says it has.
void read_shard(const std::filesystem::path& path) {
  const std::vector<StreamSchema> schema = corpus_schema();
  const ShardReader reader(path, schema);
  std::vector<float> inputs;
  std::vector<int32_t> words;
  for (int64_t id = 0; id < reader.sequences() && id < 100; ++id) {
    inputs.resize(static_cast<size_t>(reader.length(id, 0)) * 2);
    words.resize(static_cast<size_t>(reader.length(id, 1)));
    reader.read(id, 0, inputs.data());
    reader.read(id, 1, words.data());
    for (const int32_t word : words) fuzz::require(word >= 0 && word < 4);
  }
}

void read_layout(const std::filesystem::path& path) {
  const ShardFile file(path);
  const H5Layout layout = returnn_layout(file);
  for (const H5Stream& stream : layout.streams) {
    fuzz::require(static_cast<int64_t>(stream.lengths.size()) == layout.sequences());
  }
}

void read_all() {
  const std::filesystem::path file = fuzz::scratch_folder() / "input.h5";
  fuzz::expect_documented_ending([&] { read_shard(file); });
  fuzz::expect_documented_ending([&] { read_layout(file); });
}

void show_counts() {
  std::fprintf(stderr, "%lld inputs, %lld of them ended inside of libhdf5\n",
               static_cast<long long>(inputs_read), static_cast<long long>(deaths_in_library));
}

}  // namespace

/// Bytes change in their place: a file whose parts have moved is refused before it gets anywhere.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* bytes, size_t size, size_t max_size,
                                          unsigned seed) {
  constexpr size_t kMostChanged = 16;
  constexpr unsigned kElseOneIn = 50;  // how often the size may change
  if (size <= kMostChanged || seed % kElseOneIn == 0) {
    return LLVMFuzzerMutate(bytes, size, max_size);
  }
  const size_t place = seed / kElseOneIn % (size - kMostChanged);
  const size_t changed = 1 + seed / 7 % kMostChanged;
  LLVMFuzzerMutate(bytes + place, changed, changed);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static fuzz::Sandbox sandbox = [] {
    const Hdf5Session session;
    ::H5open();  // once, not in every child
    std::atexit(show_counts);
    return fuzz::Sandbox(read_all, "libhdf5", "H5Dread");
  }();
  fuzz::write_scratch_file("input.h5", bytes, size);
  ++inputs_read;
  if (std::getenv("LOCKSTEP_FUZZ_NO_FORK") != nullptr) {
    read_all();
    return 0;
  }
  const fuzz::Outcome outcome = sandbox.run();
  fuzz::require(outcome != fuzz::Outcome::finding);
  if (outcome == fuzz::Outcome::died_in_library) ++deaths_in_library;
  return 0;
}
