#include "data/shard_check.h"

#include "data/base/error.h"
#include "data/base/parallel.h"
#include "data/base/sha256.h"

namespace lockstep {
namespace {

void require_file(const std::filesystem::path& file) {
  std::error_code failure;
  const std::filesystem::file_status status = std::filesystem::status(file, failure);
  if (!std::filesystem::exists(status)) {
    throw Error(ExitCode::missing, fmt::format("{}: is not there", file.string()));
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(ExitCode::corrupt, fmt::format("{}: is not a regular file", file.string()));
  }
}

void check_bytes(const std::filesystem::path& file, const ShardInfo& info, bool verify_checksum) {
  std::error_code failure;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(file, failure));
  if (bytes != info.bytes) {
    throw Error(ExitCode::corrupt,
                fmt::format("{}: has {} bytes; {} expected", file.string(), bytes, info.bytes));
  }
  if (verify_checksum && sha256_of_file(file) != info.sha256) {
    throw Error(ExitCode::corrupt, fmt::format("{}: its SHA-256 is not that of the manifest: some "
                                               "byte has changed",
                                               file.string()));
  }
}

void check_counts(const std::filesystem::path& file, const ShardInfo& info,
                  const std::vector<StreamSchema>& schema, const ShardReader& reader) {
  if (reader.sequences() != info.sequences) {
    throw Error(ExitCode::corrupt, fmt::format("{}: has {} sequences; the manifest says {}",
                                               file.string(), reader.sequences(), info.sequences));
  }
  for (size_t i = 0; i < schema.size(); ++i) {
    if (reader.steps(i) == info.steps[i]) continue;
    throw Error(ExitCode::corrupt,
                fmt::format("{}: has {} steps of \"{}\"; the manifest says {}", file.string(),
                            reader.steps(i), schema[i].name, info.steps[i]));
  }
}

std::string list(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) text += "\n  " + problem;
  return text;
}

}  // namespace

void ShardProblems::throw_if_any(const std::filesystem::path& folder) const {
  if (empty()) return;
  const size_t count = missing.size() + corrupt.size();
  throw Error(missing.empty() ? ExitCode::corrupt : ExitCode::missing,
              count == 1
                  ? (missing.empty() ? corrupt : missing)[0]
                  : fmt::format("{}: {} shards are missing and {} damaged:{}{}", folder.string(),
                                missing.size(), corrupt.size(), list(missing), list(corrupt)),
              "restore the files from where the data set came from, or import it again");
}

void ShardProblems::add(const ShardProblems& other) {
  missing.insert(missing.end(), other.missing.begin(), other.missing.end());
  corrupt.insert(corrupt.end(), other.corrupt.begin(), other.corrupt.end());
}

std::unique_ptr<ShardReader> open_shard(const std::filesystem::path& folder,
                                        const std::vector<StreamSchema>& schema,
                                        const ShardInfo& info, bool verify_checksum,
                                        ShardProblems& problems) {
  const std::filesystem::path file = folder / info.file;
  try {
    require_file(file);
    const FileStamp checked = stamp_of(file);
    check_bytes(file, info, verify_checksum);
    auto reader = std::make_unique<ShardReader>(file, schema);
    if (!(reader->stamp() == checked)) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{}: was replaced or written to while it was opened", file.string()));
    }
    check_counts(file, info, schema, *reader);
    return reader;
  } catch (const Error& error) {
    auto& list = error.code() == ExitCode::missing ? problems.missing : problems.corrupt;
    list.emplace_back(error.what());
    return nullptr;
  }
}

std::vector<std::unique_ptr<ShardReader>> open_shards(const std::filesystem::path& folder,
                                                      const std::vector<StreamSchema>& schema,
                                                      const std::vector<ShardInfo>& shards,
                                                      bool verify_checksums,
                                                      ShardProblems& problems) {
  std::vector<std::unique_ptr<ShardReader>> readers(shards.size());
  std::vector<ShardProblems> found(shards.size());
  for_each_in_parallel(shards.size(), [&](size_t i) {
    readers[i] = open_shard(folder, schema, shards[i], verify_checksums, found[i]);
  });
  for (const ShardProblems& one : found) problems.add(one);
  return readers;
}

}  // namespace lockstep
