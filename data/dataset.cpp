#include "data/dataset.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/convert.h"
#include "data/element_type.h"
#include "data/shard_check.h"
#include "data/shard_reader.h"

namespace lockstep {
namespace {

/// What a split may keep in memory. Reading a row of a small data set from the page cache costs
/// more in system calls than turning it into numbers of a batch.
constexpr int64_t kKeptBytes = int64_t{256} << 20;

}  // namespace

Split::Split(const std::filesystem::path& folder, const Manifest& manifest, const SplitInfo& info,
             OpenOptions options)
    : info_(info), schema_(manifest.streams) {
  ShardProblems problems;
  for (auto& shard :
       open_shards(folder, schema_, info_.shards, options.verify_checksums, problems)) {
    shards_.push_back(std::move(shard));
  }
  int64_t first = 0;
  for (const ShardInfo& shard : info_.shards) {
    first_id_.push_back(first);
    first += shard.sequences;
  }
  problems.throw_if_any(folder);
  if (options.keep_in_memory) keep_in_memory();
}

void Split::keep_in_memory() {
  int64_t budget = kKeptBytes;
  for (const auto& shard : shards_) {
    for (size_t i = 0; i < schema_.size(); ++i) budget -= shard->keep_in_memory(i, budget);
  }
}

Split::~Split() = default;
Split::Split(Split&&) noexcept = default;
Split::Split(const Split&) = default;

Split Split::part(std::vector<int64_t> ids, const std::string& name) const {
  LOCKSTEP_CHECK(!ids.empty(), "no sequence of {} is left", info_.name);
  if (!chosen_.empty()) {
    for (int64_t& id : ids) id = chosen_.at(static_cast<size_t>(id));
  }
  Split part(*this);
  part.chosen_ = std::move(ids);
  part.info_.sequences = static_cast<int64_t>(part.chosen_.size());
  part.info_.name = name;
  return part;
}

StoredSequence Split::sequence(int64_t id) const {
  LOCKSTEP_CHECK(id >= 0 && id < size(), "sequence {} of {} in \"{}\"", id, size(), info_.name);
  const int64_t stored = chosen_.empty() ? id : chosen_[static_cast<size_t>(id)];
  const auto after = std::upper_bound(first_id_.begin(), first_id_.end(), stored);
  const auto shard = static_cast<size_t>(after - first_id_.begin()) - 1;
  return {*shards_[shard], stored - first_id_[shard]};
}

std::vector<char> Split::stored_bytes(int64_t id, size_t stream, bool symbols) const {
  LOCKSTEP_CHECK(stream < schema_.size(), "stream {} of {} in \"{}\"", stream, schema_.size(),
                 info_.name);
  LOCKSTEP_CHECK(schema_[stream].is_symbols() == symbols, "\"{}\" of \"{}\" does not hold {}",
                 schema_[stream].name, info_.name, symbols ? "symbols" : "numbers");
  const StoredSequence found = sequence(id);
  std::vector<char> bytes(static_cast<size_t>(found.length(stream)) * row_bytes(schema_[stream]));
  found.read(stream, bytes.data());
  return bytes;
}

std::vector<int64_t> Split::symbols(int64_t id, size_t stream) const {
  const std::vector<char> stored = stored_bytes(id, stream, true);
  const StreamSchema& schema = schema_[stream];
  std::vector<int64_t> symbols(stored.size() / size_of(schema.element));
  const auto count = static_cast<int64_t>(symbols.size());
  widen_symbols(schema.element, stored.data(), count, symbols.data(), 1);
  return symbols;
}

std::vector<float> Split::numbers(int64_t id, size_t stream) const {
  const std::vector<char> stored = stored_bytes(id, stream, false);
  const StreamSchema& schema = schema_[stream];
  std::vector<float> numbers(stored.size() / size_of(schema.element));
  const auto count = static_cast<int64_t>(numbers.size());
  const DenseConverter convert(schema);
  convert(stored.data(), 1, count, numbers.data(), count);
  return numbers;
}

int64_t Split::total_steps(size_t stream) const {
  int64_t total = 0;
  if (!chosen_.empty()) {
    for (int64_t id = 0; id < size(); ++id) total += length(id, stream);
    return total;
  }
  for (const ShardInfo& shard : info_.shards) total += shard.steps.at(stream);
  return total;
}

int64_t StoredSequence::length(size_t stream) const {
  return shard_->length(number_, stream);
}

const char* StoredSequence::kept(size_t stream) const {
  return shard_->kept(number_, stream);
}

void StoredSequence::read(size_t stream, void* destination) const {
  shard_->read(number_, stream, destination);
}

Dataset::Dataset(std::filesystem::path folder)
    : folder_(std::move(folder)), manifest_(read_manifest(folder_)) {}

Split Dataset::open_split(const std::string& name, OpenOptions options) const {
  if (const SplitInfo* info = manifest_.find_split(name)) {
    return {folder_, manifest_, *info, options};
  }
  std::string names;
  for (const SplitInfo& split : manifest_.splits) names += (names.empty() ? "" : ", ") + split.name;
  throw Error(ExitCode::missing,
              fmt::format("{}: the data set has no split \"{}\"", folder_.string(), name),
              "it has: " + names);
}

}  // namespace lockstep
