#include "trainer/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "data/base/error.h"
#include "trainer/strict_json.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;
static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr size_t kSizeBytes = 8;
constexpr size_t kMaxHeaderBytes = size_t{16} << 20;
constexpr size_t kAlignment = 64;
constexpr const char* kMetadata = "__metadata__";

[[noreturn]] void refuse(const std::string& origin, const std::string& reason) {
  throw Error(ExitCode::corrupt, fmt::format("{}: not a safetensors file: {}", origin, reason),
              "the file is damaged or was written by something else");
}

/// What the header says about one tensor; offsets count from the start of the data.
struct Entry {
  std::string name;
  std::vector<int64_t> shape;
  size_t begin = 0;
  size_t end = 0;
};

size_t non_negative(const Json& value, const std::string& origin, const std::string& what) {
  if (!value.is_number_unsigned()) refuse(origin, what + " is not a whole number from 0");
  return value.get<size_t>();
}

/// The bytes a tensor of this shape takes; refuses products that do not fit.
size_t bytes_of_shape(const Entry& entry, const std::string& origin) {
  size_t bytes = sizeof(float);
  for (const int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes)) {
      refuse(origin, fmt::format("the shape of \"{}\" overflows", entry.name));
    }
  }
  return bytes;
}

Entry read_entry(const std::string& name, const Json& fields, const std::string& origin) {
  const auto label = [&](const char* what) { return fmt::format("{} of \"{}\"", what, name); };
  if (!fields.is_object() || fields.size() != 3 || !fields.contains("dtype") ||
      !fields.contains("shape") || !fields.contains("data_offsets")) {
    refuse(origin, fmt::format("\"{}\" has other fields than dtype, shape and data_offsets", name));
  }
  if (fields["dtype"] != "F32") {
    refuse(origin,
           fmt::format("{} is {}; only F32 is read here", label("dtype"), fields["dtype"].dump()));
  }
  if (!fields["shape"].is_array()) refuse(origin, label("shape") + " is not a list");
  Entry entry{.name = name, .shape = {}};
  for (const Json& extent : fields["shape"]) {
    const size_t value = non_negative(extent, origin, label("shape"));
    if (value > static_cast<size_t>(INT64_MAX)) refuse(origin, label("shape") + " is too large");
    entry.shape.push_back(static_cast<int64_t>(value));
  }
  const Json& offsets = fields["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2)
    refuse(origin, label("data_offsets") + " is not a pair");
  entry.begin = non_negative(offsets[0], origin, label("data_offsets"));
  entry.end = non_negative(offsets[1], origin, label("data_offsets"));
  if (entry.begin > entry.end) refuse(origin, label("data_offsets") + " run backwards");
  if (bytes_of_shape(entry, origin) != entry.end - entry.begin) {
    refuse(origin, label("data_offsets") + " do not fit its shape");
  }
  return entry;
}

void check_metadata(const Json& metadata, const std::string& origin) {
  if (!metadata.is_object()) refuse(origin, "__metadata__ is not an object");
  for (const Json& value : metadata) {
    if (!value.is_string()) refuse(origin, "__metadata__ holds something else than text");
  }
}

std::vector<Entry> read_entries(const Json& header, const std::string& origin) {
  if (!header.is_object()) refuse(origin, "its header is not an object");
  std::vector<Entry> entries;
  for (const auto& [name, fields] : header.items()) {
    if (name == kMetadata) {
      check_metadata(fields, origin);
    } else {
      entries.push_back(read_entry(name, fields, origin));
    }
  }
  return entries;
}

/// Every byte of the data belongs to exactly one tensor: nothing can hide, nothing is shared.
void check_coverage(std::vector<Entry>& entries, size_t data_bytes, const std::string& origin) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  size_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < expected)
      refuse(origin, fmt::format("\"{}\" overlaps another tensor", entry.name));
    if (entry.begin > expected)
      refuse(origin, fmt::format("there is a hole before \"{}\"", entry.name));
    expected = entry.end;
  }
  if (expected != data_bytes) {
    refuse(origin, fmt::format("its tensors take {} bytes, the file has {}", expected, data_bytes));
  }
}

std::string_view header_of(std::string_view bytes, const std::string& origin) {
  if (bytes.size() < kSizeBytes) refuse(origin, "shorter than its first field");
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), kSizeBytes);
  if (size > kMaxHeaderBytes)
    refuse(origin, fmt::format("a header of {} bytes is over 16 MiB", size));
  if (size > bytes.size() - kSizeBytes) refuse(origin, "it ends inside its header");
  return bytes.substr(kSizeBytes, size);
}

Json header_for(const std::vector<TensorView>& tensors,
                const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  size_t offset = 0;
  for (const TensorView& tensor : tensors) {
    LOCKSTEP_CHECK(tensor.name != kMetadata && !header.contains(tensor.name),
                   "the tensor name \"{}\" is taken", tensor.name);
    const size_t end = offset + static_cast<size_t>(tensor.count()) * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  return header;
}

}  // namespace

int64_t TensorView::count() const {
  int64_t product = 1;
  for (const int64_t extent : shape) {
    LOCKSTEP_CHECK(extent >= 0 && !__builtin_mul_overflow(product, extent, &product),
                   "impossible shape of {}", name);
  }
  return product;
}

std::string to_safetensors(const std::vector<TensorView>& tensors,
                           const std::map<std::string, std::string>& metadata) {
  std::string header = header_for(tensors, metadata).dump();
  // Spaces are legal padding, and aligned data can be mapped into memory and used in place.
  while ((kSizeBytes + header.size()) % kAlignment != 0) header += ' ';
  size_t total = kSizeBytes + header.size();
  for (const TensorView& tensor : tensors)
    total += static_cast<size_t>(tensor.count()) * sizeof(float);

  std::string bytes;
  bytes.reserve(total);
  const uint64_t header_size = header.size();
  bytes.append(reinterpret_cast<const char*>(&header_size), kSizeBytes);
  bytes += header;
  for (const TensorView& tensor : tensors) {
    bytes.append(reinterpret_cast<const char*>(tensor.values),
                 static_cast<size_t>(tensor.count()) * sizeof(float));
  }
  return bytes;
}

std::map<std::string, StoredTensor> from_safetensors(std::string_view bytes,
                                                     const std::string& origin) {
  const std::string_view header = header_of(bytes, origin);
  if (header.empty() || header.front() != '{') refuse(origin, "its header does not begin with {");
  std::vector<Entry> entries = read_entries(parse_strict_json(header, origin, 4), origin);
  const std::string_view data = bytes.substr(kSizeBytes + header.size());
  check_coverage(entries, data.size(), origin);

  std::map<std::string, StoredTensor> tensors;
  for (Entry& entry : entries) {
    StoredTensor tensor{std::move(entry.shape),
                        std::vector<float>((entry.end - entry.begin) / sizeof(float))};
    // An empty vector's data() may be null, which memcpy must not get even for 0 bytes.
    if (!tensor.values.empty()) {
      std::memcpy(tensor.values.data(), data.data() + entry.begin, entry.end - entry.begin);
    }
    tensors.emplace(entry.name, std::move(tensor));
  }
  return tensors;
}

}  // namespace lockstep
