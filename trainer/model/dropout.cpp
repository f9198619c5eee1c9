#include "trainer/model/dropout.h"

#include "trainer/model/dropout_mask.h"
#include "trainer/model/kernels/cpu_kernels.h"

namespace lockstep {

namespace {

torch::Tensor sample_keys(const DropoutKey& key, int site) {
  uint64_t step_key =
      join_key(mix_bits(static_cast<uint64_t>(key.seed)), static_cast<uint64_t>(key.step));
  step_key = join_key(step_key, static_cast<uint64_t>(site));
  torch::Tensor keys = torch::empty({static_cast<int64_t>(key.sample_ids->size())}, torch::kInt64);
  int64_t* out = keys.data_ptr<int64_t>();
  for (const int64_t id : *key.sample_ids) {
    *out++ = static_cast<int64_t>(join_key(step_key, static_cast<uint64_t>(id)));
  }
  return keys;
}

}  // namespace

torch::Tensor dropout_mask(at::IntArrayRef shape, torch::Device device, double probability,
                           const DropoutKey& key, int site) {
  const torch::Tensor keys = sample_keys(key, site).to(device);
  torch::Tensor mask = torch::empty(shape, torch::TensorOptions().device(device));
  DropoutMaskArguments arguments;
  arguments.mask_TBF = mask.data_ptr<float>();
  arguments.sample_key_B = reinterpret_cast<const uint64_t*>(keys.const_data_ptr<int64_t>());
  arguments.time = mask.dim() == 3 ? mask.size(0) : 1;
  arguments.batch = mask.size(-2);
  arguments.features = mask.size(-1);
  arguments.threshold = static_cast<uint32_t>(probability * 4294967296.0);
  arguments.scale = static_cast<float>(1.0 / (1.0 - probability));
  TORCH_CHECK(arguments.batch == keys.numel(), "dropout: ", arguments.batch, " rows but ",
              keys.numel(), " sample ids");
  if (mask.is_cuda()) {
    make_dropout_mask_on_gpu(arguments);
  } else {
    cpu_kernels().dropout_mask(arguments);
  }
  return mask;
}

torch::Tensor dropout(const torch::Tensor& x, double probability, const DropoutKey& key, int site) {
  if (!key.training || probability <= 0) return x;
  std::vector<int64_t> shape = x.sizes().vec();
  if (key.same_at_all_steps && shape.size() == 3) shape[0] = 1;
  return x * dropout_mask(shape, x.device(), probability, key, site);
}

torch::Tensor drop_steps(const torch::Tensor& x_TBF, double probability, const DropoutKey& key,
                         int site) {
  if (!key.training || probability <= 0) return x_TBF;
  return x_TBF *
         dropout_mask({x_TBF.size(0), x_TBF.size(1), 1}, x_TBF.device(), probability, key, site);
}

}  // namespace lockstep
