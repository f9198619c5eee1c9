#include "data/shard_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/base/sha256.h"
#include "data/element_type.h"
#include "data/shard_hdf5.h"
#include "data/shard_layout.h"
#include "data/shard_rows.h"

namespace lockstep {
namespace {

constexpr size_t kTagBytes = 32;  // with the final zero

void require(bool done, const std::filesystem::path& file, const char* action) {
  if (done) return;
  const int reason = errno;
  throw Error(ExitCode::save_failed,
              fmt::format("{}: cannot {}{}{}", file.string(), action, reason == 0 ? "" : ": ",
                          reason == 0 ? "" : std::strerror(reason)),
              "check that the folder exists, its rights and its free space");
}

Hdf5Id fixed_text_type(size_t bytes) {
  Hdf5Id type = owned_type(H5Tcopy(H5T_C_S1));
  LOCKSTEP_CHECK(H5Tset_size(type.get(), bytes) >= 0, "text of {} bytes", bytes);
  return type;
}

Hdf5Id create_file(const std::filesystem::path& path) {
  const Hdf5Id creation = owned_properties(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(creation.get(), false);
  Hdf5Id file = owned_file(H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation.get(), H5P_DEFAULT));
  require(file.valid(), path, "create");
  return file;
}

Hdf5Id create_group(hid_t parent, const char* name, const std::filesystem::path& path) {
  const Hdf5Id creation = owned_properties(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(creation.get(), false);
  Hdf5Id group = owned_group(H5Gcreate2(parent, name, H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  require(group.valid(), path, "create a group");
  return group;
}

void write_attribute(hid_t owner, const std::string& name, const std::vector<int64_t>& values,
                     const std::filesystem::path& path) {
  const hsize_t count = values.size();
  const Hdf5Id space =
      owned_space(count == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr));
  const Hdf5Id attribute = owned_attribute(
      H5Acreate2(owner, name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  require(attribute.valid() && H5Awrite(attribute.get(), H5T_NATIVE_INT64, values.data()) >= 0,
          path, "write an attribute");
}

}  // namespace

void describe_compression(Fields& fields, int64_t& compression) {
  fields
      .add("compression", compression,
           "level of gzip in the shards: 1 is fast, 9 small, 0 none, which is read several times "
           "faster in random order")
      .at_least(0)
      .at_most(9);
}

/// The shard being written.
class ShardWriter::File {
 public:
  File(const std::filesystem::path& folder, const std::string& name, int64_t compression)
      : path_(folder / name),
        aside_(folder / ("." + name + ".partial")),
        compression_(compression) {
    info_.file = name;
  }
  ~File();

  void create(const std::vector<StreamSchema>& schema);
  void append(const std::vector<StreamView>& streams, std::string_view tag);
  ShardInfo finish();

  int64_t sequences() const { return info_.sequences; }
  int64_t bytes() const { return bytes_; }

 private:
  void write_sizes_and_labels(const std::vector<StreamSchema>& schema);
  void publish();

  std::filesystem::path path_;
  std::filesystem::path aside_;
  int64_t compression_;
  ShardInfo info_;
  int64_t bytes_ = 0;
  std::vector<size_t> row_bytes_;
  Hdf5Id tag_type_;
  Hdf5Id file_;
  std::vector<ShardRows> data_;
  std::vector<ShardRows> lengths_and_tags_;
};

ShardWriter::File::~File() {
  if (!file_.valid()) return;
  data_.clear();  // libhdf5 keeps a file open until the last of its data sets is closed
  lengths_and_tags_.clear();
  file_.close();
  ::unlink(aside_.c_str());
}

void ShardWriter::File::create(const std::vector<StreamSchema>& schema) {
  const Hdf5Session session;
  errno = 0;
  tag_type_ = fixed_text_type(kTagBytes);
  file_ = create_file(aside_);
  write_sizes_and_labels(schema);
  for (size_t i = 0; i < schema.size(); ++i) {
    const ElementType element = schema[i].element;
    data_.emplace_back(path_, shard_layout::data_path(schema, i), little_endian_type(element),
                       native_type(element), static_cast<int>(shard_layout::rank_of(schema[i])),
                       width_of(schema[i]), compression_);
    row_bytes_.push_back(row_bytes(schema[i]));
  }
  info_.steps.resize(schema.size());
  lengths_and_tags_.emplace_back(path_, shard_layout::kLengths, H5T_STD_I32LE, H5T_NATIVE_INT32, 2,
                                 static_cast<int64_t>(schema.size()), compression_);
  lengths_and_tags_.emplace_back(path_, shard_layout::kTags, tag_type_.get(), tag_type_.get(), 1, 1,
                                 compression_);
}

void ShardWriter::File::write_sizes_and_labels(const std::vector<StreamSchema>& schema) {
  write_attribute(file_.get(), shard_layout::kInputSize, {shard_layout::dimension_of(schema[0])},
                  path_);
  const Hdf5Id targets = create_group(file_.get(), shard_layout::kTargets, path_);
  const Hdf5Id data = create_group(file_.get(), shard_layout::kTargetData, path_);
  const Hdf5Id sizes = create_group(file_.get(), shard_layout::kTargetSize, path_);
  const Hdf5Id labels = create_group(file_.get(), shard_layout::kTargetLabels, path_);
  for (size_t i = 1; i < schema.size(); ++i) {
    const StreamSchema& stream = schema[i];
    write_attribute(sizes.get(), stream.name,
                    {shard_layout::dimension_of(stream), shard_layout::rank_of(stream)}, path_);
    size_t longest = 1;
    for (const std::string& label : stream.labels) longest = std::max(longest, label.size());
    const Hdf5Id type = fixed_text_type(longest + 1);
    ShardRows rows(path_, stream.name, type.get(), type.get(), 1, 1, compression_);
    for (std::string label : stream.labels) {
      label.resize(longest + 1);
      rows.append(labels.get(), label.data(), 1);
    }
    rows.finish(labels.get());
  }
}

void ShardWriter::File::append(const std::vector<StreamView>& streams, std::string_view tag) {
  LOCKSTEP_CHECK(streams.size() == data_.size(), "{} streams of {}", streams.size(), data_.size());
  LOCKSTEP_CHECK(tag.size() < kTagBytes, "the tag \"{}\" is too long", tag);
  const Hdf5Session session;
  errno = 0;
  std::vector<int32_t> lengths;
  for (size_t i = 0; i < streams.size(); ++i) {
    const int64_t steps = streams[i].steps;
    LOCKSTEP_CHECK(steps >= 0 && steps <= std::numeric_limits<int32_t>::max(),
                   "a sequence of {} steps", steps);
    data_[i].append(file_.get(), streams[i].values, steps);
    lengths.push_back(static_cast<int32_t>(steps));
    info_.steps[i] += steps;
    bytes_ += steps * static_cast<int64_t>(row_bytes_[i]);
  }
  std::array<char, kTagBytes> padded{};
  std::copy(tag.begin(), tag.end(), padded.begin());
  lengths_and_tags_[0].append(file_.get(), lengths.data(), 1);
  lengths_and_tags_[1].append(file_.get(), padded.data(), 1);
  ++info_.sequences;
}

ShardInfo ShardWriter::File::finish() {
  const Hdf5Session session;
  errno = 0;
  for (ShardRows& rows : data_) rows.finish(file_.get());
  for (ShardRows& rows : lengths_and_tags_) rows.finish(file_.get());
  require(H5Fflush(file_.get(), H5F_SCOPE_LOCAL) >= 0, path_, "write");
  require(file_.close(), path_, "write");
  try {
    publish();
  } catch (...) {
    ::unlink(aside_.c_str());
    throw;
  }
  info_.sha256 = sha256_of_file(path_);
  info_.bytes = static_cast<int64_t>(std::filesystem::file_size(path_));
  return info_;
}

void ShardWriter::File::publish() {
  const int descriptor = ::open(aside_.c_str(), O_RDONLY | O_CLOEXEC);
  require(descriptor >= 0, path_, "open again");
  const bool synced = ::fsync(descriptor) == 0;
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  require(synced, path_, "fsync");
  require(::rename(aside_.c_str(), path_.c_str()) == 0, path_, "rename into place");
}

ShardWriter::ShardWriter(std::filesystem::path folder, std::string split,
                         std::vector<StreamSchema> schema, ShardLimits limits)
    : folder_(std::move(folder)), schema_(std::move(schema)), limits_(limits) {
  LOCKSTEP_CHECK(!schema_.empty() && schema_[0].name == "inputs", "the first stream is not inputs");
  LOCKSTEP_CHECK(limits_.compression >= 0 && limits_.compression <= 9, "compression {}",
                 limits_.compression);
  info_.name = std::move(split);
}

ShardWriter::~ShardWriter() = default;

void ShardWriter::append(const std::vector<StreamView>& streams, std::string_view tag) {
  const bool full =
      file_ && ((limits_.max_sequences > 0 && file_->sequences() >= limits_.max_sequences) ||
                file_->bytes() >= limits_.max_bytes);
  if (full) close_shard();
  if (!file_) {
    file_ = std::make_unique<File>(
        folder_, fmt::format("{}-{:05}.h5", info_.name, info_.shards.size()), limits_.compression);
    file_->create(schema_);
  }
  file_->append(streams, tag);
  const int64_t length = streams[0].steps;
  info_.shortest = info_.sequences == 0 ? length : std::min(info_.shortest, length);
  info_.longest = std::max(info_.longest, length);
  ++info_.lengths[length_bucket(length)];
  ++info_.sequences;
}

void ShardWriter::close_shard() {
  info_.shards.push_back(file_->finish());
  file_.reset();
}

SplitInfo ShardWriter::finish() {
  if (file_) close_shard();
  sync_folder(folder_);
  return info_;
}

}  // namespace lockstep
