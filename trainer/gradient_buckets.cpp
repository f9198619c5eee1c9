#include "trainer/gradient_buckets.h"

#include <algorithm>

#include "data/base/error.h"

namespace lockstep {

std::vector<Bucket> make_buckets(const FlatBuffers& buffers, int64_t bucket_floats,
                                 const std::vector<std::string>& row_sparse) {
  std::vector<size_t> by_offset;
  for (size_t i = 0; i < buffers.ranges().size(); ++i) {
    if (buffers.ranges()[i].trained) by_offset.push_back(i);
  }
  std::sort(by_offset.begin(), by_offset.end(), [&](size_t a, size_t b) {
    return buffers.ranges()[a].offset < buffers.ranges()[b].offset;
  });
  std::vector<Bucket> buckets(1);
  for (const size_t parameter : by_offset) {
    const FlatBuffers::Range& range = buffers.ranges()[parameter];
    const bool sparse = std::count(row_sparse.begin(), row_sparse.end(), range.name) > 0;
    Bucket& last = buckets.back();
    const bool full = last.row_sparse || range.offset - last.begin >= bucket_floats;
    if (!last.parameters.empty() && (full || sparse)) {
      last.end = range.offset;
      buckets.push_back({range.offset, range.offset, {}});
    }
    buckets.back().row_sparse = sparse;
    buckets.back().parameters.push_back(parameter);
  }
  buckets.back().end = buffers.gradients().numel();
  return buckets;
}

struct GradientBuckets::State {
  std::vector<size_t> bucket_of;   ///< by parameter
  std::vector<size_t> parameters;  ///< how many each bucket has
  std::vector<size_t> missing;     ///< how many of them are not complete yet
  size_t next = 0;                 ///< the first bucket not called yet
  std::function<void(size_t)> on_complete;
  /// LibTorch holds these nodes weakly, and the hooks hang on them.
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators;

  void complete(size_t parameter) {
    if (!on_complete) return;
    --missing[bucket_of[parameter]];
    call_complete_ones();
  }
  void call_complete_ones() {
    while (next < missing.size() && missing[next] == 0) on_complete(next++);
  }
};

namespace {

/// Tells the buckets that a parameter's gradient has been accumulated. Knows the state weakly: the
/// graph may outlive it.
class CompletionHook : public torch::autograd::FunctionPostHook {
 public:
  explicit CompletionHook(std::function<void()> tell) : tell_(std::move(tell)) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    tell_();
    return outputs;
  }

 private:
  std::function<void()> tell_;
};

}  // namespace

GradientBuckets::GradientBuckets(torch::nn::Module& model, const FlatBuffers& buffers,
                                 int64_t bucket_floats, const std::vector<std::string>& row_sparse)
    : buckets_(make_buckets(buffers, bucket_floats, row_sparse)),
      state_(std::make_shared<State>()) {
  state_->bucket_of.resize(buffers.ranges().size());
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    state_->parameters.push_back(buckets_[bucket].parameters.size());
    for (const size_t parameter : buckets_[bucket].parameters) {
      state_->bucket_of[parameter] = bucket;
    }
  }
  size_t next = 0;
  for (const auto& item : model.named_parameters()) {
    const size_t index = next++;
    if (!buffers.ranges()[index].trained) continue;
    auto accumulator = torch::autograd::impl::grad_accumulator(item.value());
    LOCKSTEP_CHECK(accumulator != nullptr, "{} takes no gradient", item.key());
    accumulator->add_post_hook(
        std::make_unique<CompletionHook>([weak = std::weak_ptr<State>(state_), index] {
          if (const auto state = weak.lock()) state->complete(index);
        }));
    state_->accumulators.push_back(std::move(accumulator));
  }
}

GradientBuckets::~GradientBuckets() = default;

void GradientBuckets::watch(std::function<void(size_t)> on_complete) {
  state_->missing = state_->parameters;
  state_->next = 0;
  state_->on_complete = std::move(on_complete);
}

void GradientBuckets::finish() {
  std::fill(state_->missing.begin(), state_->missing.end(), size_t{0});
  state_->call_complete_ones();
  state_->on_complete = nullptr;
}

}  // namespace lockstep
