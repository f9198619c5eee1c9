// A replica's parameters and gradients, each in one contiguous buffer.
#pragma once

#include "trainer/model/libtorch.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trainer/safetensors.h"

namespace lockstep {

/// Moves a model's parameters into one buffer and gives each a view of it; the same for gradients.
/// Whatever runs over all parameters (exchange, norm, update, hash) then runs over one range.
///
/// The last parameter of the model comes first: that is the order in which a backward pass
/// completes gradients. Each parameter starts on a 64-byte boundary; the gaps hold zeros and stay
/// so. Parameters that take no gradient are frozen: they lie behind all others, where neither
/// gradients nor the optimizer's state reach. Behind the gradients lies a tail of `tail_size`
/// values that travels with the last of them (see control_word.h).
class FlatBuffers {
 public:
  struct Range {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset = 0;
    int64_t count = 0;
    bool trained = true;  ///< false: frozen
  };

  /// Memory for `count` floats, zeros, that outlives the buffers; null for ordinary memory.
  using Allocate = std::function<float*(size_t count)>;

  FlatBuffers(torch::nn::Module& model, torch::Device device, int64_t tail_size,
              const Allocate& allocate = {});

  /// In the order of the model's parameters.
  const std::vector<Range>& ranges() const { return ranges_; }
  int64_t num_parameters() const;                           ///< gaps not counted
  torch::Tensor parameters() const { return parameters_; }  ///< [trained size + frozen size]
  torch::Tensor gradients() const { return gradients_; }    ///< [trained size]
  torch::Tensor tail() const { return tail_; }              ///< [tail_size]
  torch::Tensor gradients_and_tail() const { return storage_; }

  void zero_gradients() { storage_.zero_(); }

  /// Views of a buffer laid out like the parameters, or like the gradients, in host memory, for a
  /// checkpoint. Names get `prefix` in front. `host_copy` keeps the memory alive where the buffer
  /// is a GPU's.
  std::vector<TensorView> views(const torch::Tensor& buffer, const std::string& prefix,
                                torch::Tensor& host_copy) const;
  /// The reverse. Throws Error(corrupt) naming the tensor when one is missing or of another shape.
  void load(const std::map<std::string, StoredTensor>& tensors, const std::string& prefix,
            torch::Tensor buffer, const std::string& origin) const;

  /// What the model holds besides parameters, its buffers: saved and loaded with them, never
  /// trained. `host_copies` keeps memory alive as above.
  std::vector<TensorView> fixed_views(std::vector<torch::Tensor>& host_copies) const;
  void load_fixed(const std::map<std::string, StoredTensor>& tensors,
                  const std::string& origin) const;
  const std::vector<std::pair<std::string, torch::Tensor>>& fixed() const { return fixed_; }

  /// SHA-256 over names, shapes and values of all parameters.
  std::string parameters_sha256() const;

 private:
  std::vector<Range> ranges_;
  std::vector<std::pair<std::string, torch::Tensor>> fixed_;  ///< float32, contiguous
  torch::Tensor parameters_;
  torch::Tensor storage_;
  torch::Tensor gradients_;
  torch::Tensor tail_;
};

}  // namespace lockstep
