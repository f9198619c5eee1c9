// Ranges of the flat gradient buffer, in the order in which the backward pass completes them, and
// the moment when each is complete.
#pragma once

#include "trainer/model/libtorch.h"

#include <functional>
#include <memory>
#include <vector>

#include "trainer/flat_buffers.h"

namespace lockstep {

/// One bucket: whole parameters, next to each other in the buffer.
struct Bucket {
  int64_t begin = 0;  ///< floats; the gap behind the last parameter is part of it
  int64_t end = 0;
  std::vector<size_t> parameters;  ///< indices into FlatBuffers::ranges()
  bool row_sparse = false;         ///< one row-sparse matrix
  int64_t size() const { return end - begin; }
};

/// At least `bucket_floats` each, but for the last one and for `row_sparse` parameters, each of
/// which has a bucket to itself.
std::vector<Bucket> make_buckets(const FlatBuffers& buffers, int64_t bucket_floats,
                                 const std::vector<std::string>& row_sparse = {});

/// Watches one backward pass at a time through hooks on the parameters' gradients.
class GradientBuckets {
 public:
  /// `model` is the one whose parameters lie in `buffers`.
  GradientBuckets(torch::nn::Module& model, const FlatBuffers& buffers, int64_t bucket_floats,
                  const std::vector<std::string>& row_sparse = {});
  ~GradientBuckets();

  const std::vector<Bucket>& buckets() const { return buckets_; }

  /// For the backward passes until finish(): `on_complete(bucket)` is called, on the thread of the
  /// backward pass, as soon as a bucket and all before it are complete. Every rank calls in the
  /// same order, whatever the order of its gradients.
  void watch(std::function<void(size_t bucket)> on_complete);
  /// The backward pass is over, so all are complete: also where a parameter had no part in the
  /// loss, or this rank had no samples.
  void finish();

 private:
  struct State;  ///< shared with the hooks, which live as long as the model

  std::vector<Bucket> buckets_;
  std::shared_ptr<State> state_;
};

}  // namespace lockstep
