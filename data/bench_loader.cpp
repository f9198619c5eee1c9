#include "data/bench_loader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "data/base/error.h"
#include "data/dataset.h"
#include "data/element_type.h"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Bytes that a batch's sequences have on disk.
int64_t stored_bytes_of(const Batch& batch, const std::vector<StreamSchema>& schema) {
  int64_t bytes = 0;
  for (size_t i = 0; i < schema.size(); ++i) {
    int64_t steps = 0;
    for (const int64_t length : batch.streams[i].lengths) steps += length;
    bytes += steps * static_cast<int64_t>(row_bytes(schema[i]));
  }
  return bytes;
}

/// Reads `bytes` of the files, from the front again when they are at their end.
double seconds_to_read(const std::vector<std::filesystem::path>& files, int64_t bytes) {
  constexpr size_t kPiece = size_t{256} << 10;
  std::vector<char> piece(kPiece);
  const auto begin = Clock::now();
  while (bytes > 0) {
    for (const auto& file : files) {
      const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      if (descriptor < 0) throw Error(ExitCode::missing, file.string() + ": cannot be opened");
      ssize_t got = 0;
      for (off_t at = 0; bytes > 0; at += got, bytes -= got) {
        got = ::pread(descriptor, piece.data(), kPiece, at);
        if (got <= 0) break;
      }
      ::close(descriptor);
      if (got < 0) throw Error(ExitCode::corrupt, file.string() + ": cannot be read");
    }
  }
  return seconds_since(begin);
}

/// Reads sequences of a split that is not kept in memory, as the sampler orders them.
double seconds_to_read_sequences(const Split& split, Sampler sampler, int64_t bytes) {
  std::vector<char> stored;
  const auto begin = Clock::now();
  for (int64_t epoch = 0; bytes > 0; ++epoch) {
    const int64_t batches = sampler.batches_in_epoch(epoch);
    for (int64_t index = 0; index < batches && bytes > 0; ++index) {
      for (const int64_t id : sampler.batch(epoch, index)) {
        const StoredSequence sequence = split.sequence(id);
        for (size_t i = 0; i < split.streams().size(); ++i) {
          const size_t size =
              static_cast<size_t>(sequence.length(i)) * row_bytes(split.streams()[i]);
          if (stored.size() < size) stored.resize(size);
          sequence.read(i, stored.data());
          bytes -= static_cast<int64_t>(size);
        }
      }
    }
  }
  return seconds_since(begin);
}

/// What ranks would do of a batch whose samples they are dealt as the loader deals them.
double imbalance_of(const Split& split, const Sampler& sampler, int ranks) {
  std::vector<std::unique_ptr<Loader>> loaders;
  for (int rank = 0; rank < ranks; ++rank) {
    loaders.push_back(std::make_unique<Loader>(
        split, sampler, LoaderOptions{.rank = rank, .world_size = ranks, .prefetch = 1}));
  }
  double sum = 0;
  Sampler epoch = sampler;
  const int64_t batches = std::min<int64_t>(epoch.batches_in_epoch(0), 1000);
  for (int64_t index = 0; index < batches; ++index) {
    int64_t total = 0;
    int64_t most = 0;
    for (const auto& loader : loaders) {
      int64_t steps = 0;
      for (const int64_t length : loader->next()->inputs().lengths) steps += length;
      total += steps;
      most = std::max(most, steps);
    }
    if (most > 0) sum += 1 - static_cast<double>(total) / static_cast<double>(most * ranks);
  }
  return batches > 0 ? sum / static_cast<double>(batches) : 0;
}

}  // namespace

LoaderFigures bench_loader(const std::filesystem::path& folder, const std::string& split_name,
                           const SamplerOptions& order, const LoaderOptions& options,
                           double seconds, int ranks) {
  const Dataset dataset(folder);
  const Split split = dataset.open_split(split_name);
  Sampler sampler(split.size(), order, [&split](int64_t id) { return split.length(id, 0); });
  LoaderFigures figures;
  int64_t real = 0;
  int64_t padded = 0;
  {
    Loader loader(split, sampler, options);
    auto begin = Clock::now();
    for (int64_t batches = sampler.batches_in_epoch(0); batches > 0; --batches) {
      const Batch& batch = *loader.next();
      for (const int64_t length : batch.inputs().lengths) real += length;
      padded += batch.inputs().time * batch.inputs().batch;
      if (seconds_since(begin) > seconds) break;
    }
    begin = Clock::now();
    do {
      const Batch& batch = *loader.next();
      figures.samples += batch.size();
      figures.stored_bytes += stored_bytes_of(batch, split.streams());
      figures.seconds = seconds_since(begin);
    } while (figures.seconds < seconds);
  }
  figures.padding_fraction =
      padded > 0 ? 1 - static_cast<double>(real) / static_cast<double>(padded) : 0;
  std::vector<std::filesystem::path> files;
  for (const ShardInfo& shard : dataset.manifest().find_split(split_name)->shards) {
    files.push_back(folder / shard.file);
  }
  seconds_to_read(files, std::min<int64_t>(figures.stored_bytes, int64_t{1} << 30));  // warm up
  figures.read_seconds = seconds_to_read(files, figures.stored_bytes);
  const Split on_disk =
      dataset.open_split(split_name, {.verify_checksums = false, .keep_in_memory = false});
  figures.scattered_read_seconds =
      seconds_to_read_sequences(on_disk, sampler, figures.stored_bytes);
  if (ranks > 1) figures.imbalance_fraction = imbalance_of(split, sampler, ranks);
  return figures;
}

}  // namespace lockstep
