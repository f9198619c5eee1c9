// Reading and writing the safetensors format (huggingface/safetensors, "Format"): an 8-byte
// little-endian header size, a JSON header {"name": {"dtype", "shape", "data_offsets"}}, the data.
// Float32 tensors only; PyTorch opens the files with safetensors.torch.load_file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

/// A tensor that lives elsewhere (a range of a flat buffer).
struct TensorView {
  std::string name;
  std::vector<int64_t> shape;
  const float* values = nullptr;  ///< contiguous, host memory
  int64_t count() const;
};

struct StoredTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// The file's bytes, tensors in the order given. The data begins at a multiple of 64 bytes;
/// `metadata` goes into `__metadata__`.
std::string to_safetensors(const std::vector<TensorView>& tensors,
                           const std::map<std::string, std::string>& metadata = {});

/// Throws Error(corrupt) naming `origin` and the tensor when sizes, offsets, types or names break
/// the format: header over 16 MiB, holes, overlaps, duplicate names, products that overflow.
std::map<std::string, StoredTensor> from_safetensors(std::string_view bytes,
                                                     const std::string& origin);

}  // namespace lockstep
