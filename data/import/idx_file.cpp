#include "data/import/idx_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "data/base/error.h"
#include "data/import/gz_file.h"

namespace lockstep {
namespace {

constexpr uint8_t kUnsignedBytes = 0x08;
constexpr size_t kMostAtOnce = size_t{1} << 20;

}  // namespace

struct IdxReader::Stream : GzFile {
  using GzFile::GzFile;
};

IdxReader::IdxReader(std::filesystem::path file, int rank) : file_(std::move(file)) {
  stream_ = std::make_unique<Stream>(file_);
  read_dimensions(rank);
  check_plain_size();
}

IdxReader::~IdxReader() = default;

void IdxReader::read_dimensions(int rank) {
  std::array<uint8_t, 4> magic{};
  read_bytes(magic.size(), magic.data());
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != kUnsignedBytes || magic[3] != rank) {
    offset_ = 0;
    fail(fmt::format(
        "the magic number is {:02x}{:02x}{:02x}{:02x}; IDX with unsigned bytes and "
        "{} dimension{} begins 0000{:02x}{:02x}",
        magic[0], magic[1], magic[2], magic[3], rank, rank == 1 ? "" : "s", kUnsignedBytes, rank));
  }
  for (int i = 0; i < rank; ++i) {
    dimensions_.push_back(read_number());
    if (i == 0) continue;
    if (dimensions_.back() == 0) fail(fmt::format("dimension {} is zero", i));
    item_bytes_ *= dimensions_.back();  // below 2^24 * 2^32 even for hostile files
    if (item_bytes_ > kMaxItemBytes) {
      fail(fmt::format("one item would take more than {} bytes", kMaxItemBytes));
    }
  }
}

/// A file that is not compressed tells at once whether its dimensions can be true.
void IdxReader::check_plain_size() {
  if (gzdirect(stream_->handle) == 0) return;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(file_));
  const int64_t expected = offset_ + count() * item_bytes_;
  if (size == expected) return;
  fail(fmt::format("{} items of {} bytes make a file of {} bytes, but it has {}", count(),
                   item_bytes_, expected, size));
}

void IdxReader::read_items(int64_t count, uint8_t* items) {
  read_bytes(static_cast<size_t>(count * item_bytes_), items);
}

void IdxReader::expect_end() {
  uint8_t extra = 0;
  const int count = gzread(stream_->handle, &extra, 1);
  if (count > 0) fail("there are more bytes than the dimensions say");
  int code = Z_OK;
  gzerror(stream_->handle, &code);
  if (count < 0 || (code != Z_OK && code != Z_STREAM_END)) fail("the compressed data is damaged");
}

void IdxReader::read_bytes(size_t bytes, uint8_t* destination) {
  while (bytes > 0) {
    const auto part = static_cast<unsigned>(std::min(bytes, kMostAtOnce));
    const int count = gzread(stream_->handle, destination, part);
    if (count > 0) offset_ += count;
    if (count < 0) fail("the compressed data is damaged, or the file cannot be read");
    if (count == 0) fail("the file ends too early");
    destination += count;
    bytes -= static_cast<size_t>(count);
  }
}

uint32_t IdxReader::read_number() {
  std::array<uint8_t, 4> bytes{};
  read_bytes(bytes.size(), bytes.data());
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

void IdxReader::fail(const std::string& problem) const {
  throw Error(ExitCode::corrupt,
              fmt::format("{}: at byte {}: {}", file_.string(), offset_, problem),
              "fetch the file again from where it came from");
}

IdxWriter::IdxWriter(std::filesystem::path file, const std::vector<int64_t>& dimensions)
    : file_(std::move(file)), stream_(std::fopen(file_.c_str(), "wbxe")) {
  require(stream_ != nullptr);
  std::vector<uint8_t> header{0, 0, kUnsignedBytes, static_cast<uint8_t>(dimensions.size())};
  for (const int64_t dimension : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      header.push_back(static_cast<uint8_t>(dimension >> shift));
    }
  }
  write(header);
}

IdxWriter::~IdxWriter() {
  if (stream_ != nullptr) std::fclose(stream_);
}

void IdxWriter::write(const std::vector<uint8_t>& item) {
  require(std::fwrite(item.data(), 1, item.size(), stream_) == item.size());
}

void IdxWriter::finish() {
  require(std::fflush(stream_) == 0 && ::fsync(fileno(stream_)) == 0);
  require(std::fclose(std::exchange(stream_, nullptr)) == 0);
}

void IdxWriter::require(bool done) {
  if (done) return;
  throw Error(ExitCode::save_failed,
              fmt::format("{}: cannot be written: {}", file_.string(), std::strerror(errno)),
              "check the free space and the rights of this folder");
}

}  // namespace lockstep
