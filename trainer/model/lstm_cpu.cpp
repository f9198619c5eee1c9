#include "trainer/model/lstm_cpu.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/lstm_passes.h"

namespace lockstep {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct LstmWorkspacePool::Workspace {
  LstmMemory memory;
  const LstmKernel* kernel = nullptr;
};

struct LstmWorkspacePool::Shared {
  std::mutex mutex;
  std::vector<std::unique_ptr<Workspace>> free;
};

LstmWorkspacePool::LstmWorkspacePool() : shared_(std::make_shared<Shared>()) {}
LstmWorkspacePool::~LstmWorkspacePool() = default;

std::shared_ptr<LstmWorkspacePool::Workspace> LstmWorkspacePool::take() {
  std::unique_ptr<Workspace> workspace;
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    if (!shared_->free.empty()) {
      workspace = std::move(shared_->free.back());
      shared_->free.pop_back();
    }
  }
  if (!workspace) workspace = std::make_unique<Workspace>();
  return {workspace.release(), [shared = shared_](Workspace* used) {
            const std::lock_guard<std::mutex> lock(shared->mutex);
            shared->free.emplace_back(used);
          }};
}

namespace {

using Workspace = LstmWorkspacePool::Workspace;

/// Null for an undefined tensor, which stands for zeros.
const float* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

/// [T, B, F] as packed rows: itself when it is dense, else a copy in `buffer`.
const float* packed(const Tensor& padded, const PackedRows& rows, LstmMemory::Buffer& buffer) {
  if (!padded.defined() || rows.dense()) return data_or_null(padded);
  const int64_t features = padded.size(2);
  float* copy = buffer.of(rows.rows() * features);
  rows.pack(padded.const_data_ptr<float>(), features, copy);
  return copy;
}

/// [B, H] in the order of the packed rows.
const float* sorted(const Tensor& states, const PackedRows& rows, LstmMemory::Buffer& buffer) {
  if (!states.defined() || rows.dense()) return data_or_null(states);
  float* copy = buffer.of(states.numel());
  rows.sort(states.const_data_ptr<float>(), states.size(1), copy);
  return copy;
}

/// What forward and backward pass share; inputs are contiguous.
LstmPass pass_of(const Tensor& x_TBI, const Tensor& initial_h, const Tensor& initial_c,
                 const Tensor& weight_ih, const Tensor& weight_hh, Workspace& workspace) {
  const PackedRows& rows = workspace.memory.rows;
  LstmPass pass{*workspace.kernel, workspace.memory};
  pass.inputs = x_TBI.size(2);
  pass.hidden = weight_hh.size(1);
  pass.initial_h_BH = sorted(initial_h, rows, workspace.memory.initial_h);
  pass.initial_c_BH = sorted(initial_c, rows, workspace.memory.initial_c);
  pass.weight_ih = weight_ih.const_data_ptr<float>();
  pass.weight_hh = weight_hh.const_data_ptr<float>();
  return pass;
}

const float* sum_of_biases(const LstmWeights& weights, LstmMemory& memory) {
  const float* first = weights.bias_ih.const_data_ptr<float>();
  const float* second = weights.bias_hh.const_data_ptr<float>();
  const int64_t count = weights.bias_ih.numel();
  float* sum = memory.bias.of(count);
  std::transform(first, first + count, second, sum, std::plus<>());
  return sum;
}

/// The cell state after each sequence's last step; the initial one where there is no step.
Tensor last_cells(const LstmPass& pass) {
  const PackedRows& rows = pass.memory.rows;
  const float* cells = pass.memory.cells.of(rows.rows() * pass.hidden);
  Tensor last_BH = torch::empty({rows.batch(), pass.hidden});
  for (int64_t b = 0; b < rows.batch(); ++b) {
    float* out = last_BH.data_ptr<float>() + rows.sequence(b) * pass.hidden;
    const int64_t row = rows.last_row(b);
    if (row >= 0) {
      std::copy_n(cells + row * pass.hidden, pass.hidden, out);
    } else if (pass.initial_c_BH != nullptr) {
      std::copy_n(pass.initial_c_BH + b * pass.hidden, pass.hidden, out);
    } else {
      std::fill_n(out, pass.hidden, 0.0f);
    }
  }
  return last_BH;
}

LstmOutput run_forward(const Tensor& x_TBI, const LstmState& initial, const LstmWeights& weights,
                       const LstmCpuOptions& options, Workspace& workspace) {
  LstmMemory& memory = workspace.memory;
  const CpuKernels& kernels = cpu_kernels();
  workspace.kernel = options.bfloat16 ? &kernels.lstm_bfloat16 : &kernels.lstm;
  memory.rows.set(x_TBI.size(0), x_TBI.size(1), options.lengths);
  LstmPass pass =
      pass_of(x_TBI, initial.h_BH, initial.c_BH, weights.weight_ih, weights.weight_hh, workspace);
  pass.x_NI = packed(x_TBI, memory.rows, memory.x);
  Tensor h_TBH = torch::empty({x_TBI.size(0), x_TBI.size(1), pass.hidden});
  float* h = h_TBH.data_ptr<float>();
  if (memory.rows.dense()) {
    run_lstm_forward(pass, sum_of_biases(weights, memory), h);
  } else {
    float* h_NH = memory.h.of(memory.rows.rows() * pass.hidden);
    run_lstm_forward(pass, sum_of_biases(weights, memory), h_NH);
    memory.rows.unpack(h_NH, pass.hidden, h);
  }
  return {h_TBH, last_cells(pass)};
}

/// The gradient of the last cell states in the packed order, which becomes that of the initial
/// ones.
float* cell_gradient(const Tensor& grad_last_c, int64_t count, LstmMemory& memory) {
  float* grad_c = memory.grad_cells.of(count);
  if (grad_last_c.defined()) {
    const Tensor gradient = grad_last_c.contiguous();
    memory.rows.sort(gradient.const_data_ptr<float>(), gradient.size(1), grad_c);
  } else {
    std::fill_n(grad_c, count, 0.0f);
  }
  return grad_c;
}

class LstmCpuFunction : public torch::autograd::Function<LstmCpuFunction> {
 public:
  // Autograd takes a tensor that may be missing only as an optional.
  static variable_list forward(AutogradContext* context, const Tensor& x,
                               const std::optional<Tensor>& h0, const std::optional<Tensor>& c0,
                               const Tensor& weight_ih, const Tensor& weight_hh,
                               const Tensor& bias_ih, const Tensor& bias_hh,
                               const LstmCpuOptions& options,
                               std::shared_ptr<Workspace> workspace) {
    const Tensor initial_h = h0.value_or(Tensor()), initial_c = c0.value_or(Tensor());
    const LstmOutput output = run_forward(
        x, {initial_h, initial_c}, {weight_ih, weight_hh, bias_ih, bias_hh}, options, *workspace);
    context->save_for_backward({x, initial_h, initial_c, weight_ih, weight_hh, output.h_TBH});
    context->saved_data["workspace"] =
        at::IValue::make_capsule(c10::make_intrusive<WorkspaceHolder>(std::move(workspace)));
    return {output.h_TBH, output.last_c_BH};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &initial_h = saved[1], &initial_c = saved[2];
    const Tensor &weight_ih = saved[3], &weight_hh = saved[4], &h_TBH = saved[5];
    auto holder = c10::dynamic_intrusive_pointer_cast<WorkspaceHolder>(
        context->saved_data["workspace"].toCapsule());
    Workspace& workspace = *holder->workspace;
    LstmMemory& memory = workspace.memory;
    const PackedRows& rows = memory.rows;

    LstmPass pass = pass_of(x, initial_h, initial_c, weight_ih, weight_hh, workspace);
    const int64_t hidden = pass.hidden, states = rows.batch() * hidden;
    // Not packed again: the forward pass did.
    pass.x_NI = rows.dense() ? data_or_null(x) : memory.x.of(rows.rows() * pass.inputs);
    const float* h_NH = rows.dense() ? data_or_null(h_TBH) : memory.h.of(rows.rows() * hidden);
    const Tensor grad_h = gradients[0].defined() ? gradients[0].contiguous() : Tensor();
    Tensor grad_x = context->needs_input_grad(0) ? torch::empty_like(x) : Tensor();
    Tensor grad_initial_h = initial_h.defined() ? torch::empty_like(initial_h) : Tensor();
    Tensor grad_initial_c = initial_c.defined() ? torch::empty_like(initial_c) : Tensor();
    Tensor grad_weight_ih = torch::empty_like(weight_ih);
    Tensor grad_weight_hh = torch::empty_like(weight_hh);
    Tensor grad_bias = torch::empty({4 * hidden});

    LstmGradients out;
    out.weight_ih = grad_weight_ih.data_ptr<float>();
    out.weight_hh = grad_weight_hh.data_ptr<float>();
    out.bias = grad_bias.data_ptr<float>();
    if (grad_x.defined()) {
      out.x_NI =
          rows.dense() ? grad_x.data_ptr<float>() : memory.grad_x.of(rows.rows() * pass.inputs);
    }
    if (initial_h.defined()) out.initial_h_BH = memory.grad_initial_h.of(states);
    float* grad_c = cell_gradient(gradients[1], states, memory);
    run_lstm_backward(pass, h_NH, packed(grad_h, rows, memory.grad_h), grad_c, out);

    if (grad_x.defined() && !rows.dense()) {
      rows.unpack(out.x_NI, pass.inputs, grad_x.data_ptr<float>());
    }
    if (initial_h.defined()) {
      rows.unsort(out.initial_h_BH, hidden, grad_initial_h.data_ptr<float>());
    }
    if (initial_c.defined()) rows.unsort(grad_c, hidden, grad_initial_c.data_ptr<float>());
    return {grad_x,    grad_initial_h, grad_initial_c, grad_weight_ih, grad_weight_hh,
            grad_bias, grad_bias,      Tensor(),       Tensor()};
  }

 private:
  /// Lets the autograd node own the workspace.
  struct WorkspaceHolder : torch::CustomClassHolder {
    explicit WorkspaceHolder(std::shared_ptr<Workspace> held) : workspace(std::move(held)) {}
    std::shared_ptr<Workspace> workspace;
  };
};

Tensor contiguous_or_undefined(const Tensor& tensor) {
  return tensor.defined() ? tensor.contiguous() : tensor;
}

std::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

}  // namespace

LstmOutput lstm_cpu(const Tensor& x_TBI, const LstmState& initial, const LstmWeights& given,
                    LstmWorkspacePool& pool, const LstmCpuOptions& options) {
  const LstmWeights weights{given.weight_ih.contiguous(), given.weight_hh.contiguous(),
                            given.bias_ih.contiguous(), given.bias_hh.contiguous()};
  const Tensor x = x_TBI.contiguous();
  const LstmState state{contiguous_or_undefined(initial.h_BH),
                        contiguous_or_undefined(initial.c_BH)};
  if (!torch::GradMode::is_enabled()) return run_forward(x, state, weights, options, *pool.take());
  const variable_list outputs = LstmCpuFunction::apply(
      x, if_defined(state.h_BH), if_defined(state.c_BH), weights.weight_ih, weights.weight_hh,
      weights.bias_ih, weights.bias_hh, options, pool.take());
  return {outputs[0], outputs[1]};
}

}  // namespace lockstep
