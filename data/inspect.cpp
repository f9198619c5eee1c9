#include "data/inspect.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/element_type.h"
#include "data/shard_check.h"

namespace lockstep {
namespace {

constexpr int64_t kMaxColumns = 80;
constexpr int64_t kMaxShown = 40;  // rows of a picture, numbers of a list
constexpr size_t kHistogramBins = 8;

void print_schema(const Manifest& manifest, std::ostream& out) {
  out << fmt::format("source       {}\nfingerprint  {}\n\nstreams\n", manifest.source,
                     manifest.fingerprint());
  for (const StreamSchema& stream : manifest.streams) {
    out << fmt::format("  {:<16} {:<4} ", stream.name, name_of(stream.element));
    out << (stream.is_symbols() ? fmt::format("symbols of {} classes\n", stream.num_classes)
                                : fmt::format("{} features, value = stored * {:.6g} + {:.6g}\n",
                                              stream.features, stream.scale, stream.offset));
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

void print_histogram(const Split& split, std::ostream& out) {
  if (split.size() == 0) return;
  int64_t shortest = split.length(0, 0);
  int64_t longest = shortest;
  for (int64_t id = 0; id < split.size(); ++id) {
    shortest = std::min(shortest, split.length(id, 0));
    longest = std::max(longest, split.length(id, 0));
  }
  const int64_t bin = (longest - shortest) / static_cast<int64_t>(kHistogramBins) + 1;
  std::array<int64_t, kHistogramBins> counts{};
  for (int64_t id = 0; id < split.size(); ++id) {
    ++counts[static_cast<size_t>((split.length(id, 0) - shortest) / bin)];
  }
  const int64_t largest = *std::max_element(counts.begin(), counts.end());
  out << "  lengths of the inputs\n";
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t low = shortest + static_cast<int64_t>(i) * bin;
    if (low > longest) break;
    const auto width = static_cast<size_t>(counts[i] * 40 / largest);
    out << fmt::format("    {:>6} to {:<6} {:>9} {}\n", low, std::min(low + bin - 1, longest),
                       counts[i], std::string(width, '#'));
  }
}

/// Dark characters for large values, between the smallest and the largest of the picture.
void print_picture(const std::vector<float>& values, int64_t rows, int64_t columns,
                   std::ostream& out) {
  static constexpr std::string_view kShades = " .:-=+*#%@";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const float range = std::max(*high - *low, 1e-30F);
  for (int64_t row = 0; row < std::min(rows, kMaxShown); ++row) {
    out << "    ";
    for (int64_t column = 0; column < columns; ++column) {
      const float share = (values[static_cast<size_t>(row * columns + column)] - *low) / range;
      out << kShades[static_cast<size_t>(share * static_cast<float>(kShades.size() - 1) + 0.5F)];
    }
    out << '\n';
  }
}

void print_dense(const StreamSchema& schema, const void* stored, int64_t length,
                 std::ostream& out) {
  std::vector<float> values(static_cast<size_t>(length * schema.features));
  DenseConverter{schema}(stored, static_cast<int64_t>(values.size()), values.data());
  if (schema.element == ElementType::u8 && schema.features > 1 && schema.features <= kMaxColumns) {
    print_picture(values, length, schema.features, out);
    return;
  }
  out << "    ";
  for (size_t i = 0; i < std::min<size_t>(values.size(), kMaxShown); ++i) {
    out << fmt::format("{:.4g} ", values[i]);
  }
  out << (values.size() > kMaxShown ? "...\n" : "\n");
}

void print_symbols(const StreamSchema& schema, const void* stored, int64_t length,
                   std::ostream& out) {
  std::vector<int64_t> symbols(static_cast<size_t>(length));
  widen_symbols(schema.element, stored, length, symbols.data(), 1);
  out << "    ";
  for (size_t i = 0; i < std::min<size_t>(symbols.size(), kMaxShown); ++i) {
    const auto symbol = static_cast<size_t>(symbols[i]);
    out << (symbol < schema.labels.size() ? schema.labels[symbol] : std::to_string(symbol)) << ' ';
  }
  out << (symbols.size() > kMaxShown ? "...\n" : "\n");
}

void print_sample(const Split& split, int64_t id, std::ostream& out) {
  out << fmt::format("  sequence {}\n", id);
  for (size_t i = 0; i < split.streams().size(); ++i) {
    const StreamSchema& schema = split.streams()[i];
    const int64_t length = split.length(id, i);
    std::vector<char> stored(static_cast<size_t>(length) * row_bytes(schema));
    split.read(id, i, stored.data());
    out << fmt::format("   {} ({} steps)\n", schema.name, length);
    if (length == 0) continue;
    if (schema.is_symbols()) {
      print_symbols(schema, stored.data(), length, out);
    } else {
      print_dense(schema, stored.data(), length, out);
    }
  }
}

}  // namespace

void inspect_dataset(const std::filesystem::path& folder, std::ostream& out, int64_t samples) {
  const Dataset dataset(folder);
  print_schema(dataset.manifest(), out);
  for (const SplitInfo& info : dataset.manifest().splits) {
    print_shards(info, out);
    const Split split = dataset.open_split(info.name, false);
    print_histogram(split, out);
    for (int64_t id = 0; id < std::min(samples, split.size()); ++id) print_sample(split, id, out);
  }
}

void verify_dataset(const std::filesystem::path& folder, std::ostream& out,
                    const Progress& progress) {
  const Manifest manifest = read_manifest(folder);
  int64_t total = 0;
  for (const SplitInfo& split : manifest.splits) {
    for (const ShardInfo& shard : split.shards) total += shard.bytes;
  }
  ShardProblems problems;
  int64_t done = 0;
  for (const SplitInfo& split : manifest.splits) {
    for (const ShardInfo& shard : split.shards) {
      const bool good = open_shard(folder, manifest.streams, shard, true, problems) != nullptr;
      out << fmt::format("{:<24} {}\n", shard.file, good ? "good" : "BAD");
      done += shard.bytes;
      if (progress) progress("verifying", done, total, "bytes");
    }
  }
  problems.throw_if_any(folder);
}

}  // namespace lockstep
