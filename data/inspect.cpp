#include "data/inspect.h"

#include <algorithm>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "data/base/error.h"
#include "data/base/parallel.h"
#include "data/dataset.h"
#include "data/element_type.h"
#include "data/length_histogram.h"
#include "data/print_sample.h"
#include "data/shard_check.h"

namespace lockstep {
namespace {

constexpr size_t kHistogramRows = 16;
constexpr int64_t kHistogramColumns = 40;

/// Names of classes, as far as a person reads; none of the words of a text.
std::string shown_classes(const Manifest& manifest, const StreamSchema& stream) {
  constexpr size_t kShown = 20;
  if (stream.labels.empty() || manifest.text_of(stream.name) != nullptr) return {};
  std::string names = ": ";
  for (size_t i = 0; i < std::min(kShown, stream.labels.size()); ++i) {
    names += (i == 0 ? "" : ", ") + printable(stream.labels[i]);
  }
  return stream.labels.size() > kShown ? names + ", ..." : names;
}

void print_schema(const Manifest& manifest, std::ostream& out) {
  out << fmt::format("source       {}\nfingerprint  {}\n\nstreams\n", printable(manifest.source),
                     manifest.fingerprint());
  for (const StreamSchema& stream : manifest.streams) {
    out << fmt::format("  {:<16} {:<4} ", stream.name, name_of(stream.element));
    out << (stream.is_symbols() ? fmt::format("symbols of {} classes", stream.num_classes)
                                : fmt::format("{} features, value = stored * {:.6g} + {:.6g}",
                                              stream.features, stream.scale, stream.offset))
        << shown_classes(manifest, stream) << '\n';
  }
}

void print_shards(const SplitInfo& split, std::ostream& out) {
  out << fmt::format("\nsplit \"{}\": {} sequences of {} to {} steps\n", split.name,
                     split.sequences, split.shortest, split.longest);
  for (const ShardInfo& shard : split.shards) {
    out << fmt::format("  {:<24} {:>9} sequences {:>12} bytes  sha256 {}...\n", shard.file,
                       shard.sequences, shard.bytes, shard.sha256.substr(0, 12));
  }
}

/// For data sets whose manifest does not tell.
LengthHistogram count_lengths(const Split& split) {
  LengthHistogram lengths;
  for (int64_t id = 0; id < split.size(); ++id) ++lengths[length_bucket(split.length(id, 0))];
  return lengths;
}

void print_histogram(const LengthHistogram& histogram, const SplitInfo& info, std::ostream& out) {
  const LengthHistogram shown = joined_buckets(histogram, kHistogramRows);
  if (shown.empty()) return;
  int64_t largest = 0;
  for (const auto& [first, count] : shown) largest = std::max(largest, count);
  out << "  lengths of the inputs\n";
  for (auto bucket = shown.begin(); bucket != shown.end(); ++bucket) {
    const auto next = std::next(bucket);
    const int64_t low = std::max(bucket->first, info.shortest);
    const int64_t high = next == shown.end() ? info.longest : next->first - 1;
    // Rounded up: a bucket that is not empty shows.
    const int64_t width = (bucket->second * kHistogramColumns + largest - 1) / largest;
    out << fmt::format("    {:>6} to {:<6} {:>9} {}\n", low, high, bucket->second,
                       std::string(static_cast<size_t>(width), '#'));
  }
}

}  // namespace

void inspect_dataset(const std::filesystem::path& folder, std::ostream& out, int64_t samples) {
  const Dataset dataset(folder);
  const Manifest& manifest = dataset.manifest();
  print_schema(manifest, out);
  for (const SplitInfo& info : manifest.splits) {
    print_shards(info, out);
    const Split split = dataset.open_split(info.name, {.verify_checksums = false});
    print_histogram(info.lengths.empty() ? count_lengths(split) : info.lengths, info, out);
    for (int64_t id = 0; id < std::min(samples, split.size()); ++id) {
      print_sample(manifest, split, id, out);
    }
  }
}

void verify_dataset(const std::filesystem::path& folder, std::ostream& out,
                    const Progress& progress) {
  const Manifest manifest = read_manifest(folder);
  std::vector<const ShardInfo*> shards;
  int64_t total = 0;
  for (const SplitInfo& split : manifest.splits) {
    for (const ShardInfo& shard : split.shards) {
      shards.push_back(&shard);
      total += shard.bytes;
    }
  }
  std::vector<ShardProblems> problems(shards.size());
  std::mutex mutex;
  int64_t done = 0;
  for_each_in_parallel(shards.size(), [&](size_t i) {
    open_shard(folder, manifest.streams, *shards[i], true, problems[i]);
    const std::lock_guard<std::mutex> lock(mutex);
    done += shards[i]->bytes;
    if (progress) progress("verifying", done, total, "bytes");
  });
  ShardProblems all;
  for (size_t i = 0; i < shards.size(); ++i) {
    out << fmt::format("{:<24} {}\n", shards[i]->file, problems[i].empty() ? "good" : "BAD");
    all.add(problems[i]);
  }
  all.throw_if_any(folder);
}

}  // namespace lockstep
