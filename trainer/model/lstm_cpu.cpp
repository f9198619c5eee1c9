#include "trainer/model/lstm_cpu.h"

#include <mutex>
#include <optional>
#include <vector>

#include "trainer/model/kernels/cpu_kernels.h"

namespace lockstep {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Buffers only grow; views of the shape at hand are cut from them.
struct LstmWorkspacePool::Workspace {
  Tensor gates, cells, tanh_cells, grad_cells, packed_forward, packed_backward;
  bool gates_hold_activations = false;

  static Tensor cut(Tensor& buffer, at::IntArrayRef shape) {
    const int64_t count = c10::multiply_integers(shape);
    if (!buffer.defined() || buffer.numel() < count) buffer = torch::empty({count});
    return buffer.narrow(0, 0, count).view(shape);
  }
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

const float* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

Tensor flat_rows(const Tensor& x_TBF) {
  return x_TBF.reshape({-1, x_TBF.size(-1)});
}

/// All steps; fills the workspace. Inputs are contiguous.
LstmOutput run_forward(const Tensor& x_TBI, const LstmState& initial, const LstmWeights& weights,
                       Workspace& workspace) {
  const LstmKernel& kernel = cpu_kernels().lstm;
  const int64_t time = x_TBI.size(0), batch = x_TBI.size(1), hidden = weights.hidden();
  Tensor gates = Workspace::cut(workspace.gates, {time * batch, 4 * hidden});
  at::addmm_out(gates, weights.bias_ih + weights.bias_hh, flat_rows(x_TBI), weights.weight_ih.t());
  Tensor packed = Workspace::cut(workspace.packed_forward,
                                 {static_cast<int64_t>(kernel.packed_forward_size(hidden))});
  kernel.pack_forward(weights.weight_hh.const_data_ptr<float>(), hidden, packed.data_ptr<float>());
  Tensor cells = Workspace::cut(workspace.cells, {time, batch, hidden});
  Tensor tanh_cells = Workspace::cut(workspace.tanh_cells, {time, batch, hidden});
  Tensor h_TBH = torch::empty({time, batch, hidden});
  kernel.forward({time, batch, hidden, packed.const_data_ptr<float>(), data_or_null(initial.h_BH),
                  data_or_null(initial.c_BH), gates.data_ptr<float>(), cells.data_ptr<float>(),
                  tanh_cells.data_ptr<float>(), h_TBH.data_ptr<float>()});
  workspace.gates_hold_activations = true;
  return {h_TBH, cells.select(0, time - 1).clone()};
}

/// Gradient before the activations of all gates [T*B, 4H], in place of the activations.
Tensor run_backward(const Tensor& h_TBH, const Tensor& weight_hh, const Tensor& initial_c,
                    const Tensor& grad_h, const Tensor& grad_last_c, Workspace& workspace,
                    Tensor grad_initial_h) {
  TORCH_CHECK(
      workspace.gates_hold_activations,
      "an LSTM layer's backward pass can run once: it reuses the memory of its forward pass");
  workspace.gates_hold_activations = false;
  const LstmKernel& kernel = cpu_kernels().lstm;
  const int64_t time = h_TBH.size(0), batch = h_TBH.size(1), hidden = h_TBH.size(2);
  Tensor packed = Workspace::cut(workspace.packed_backward,
                                 {static_cast<int64_t>(kernel.packed_backward_size(hidden))});
  kernel.pack_backward(weight_hh.const_data_ptr<float>(), hidden, packed.data_ptr<float>());
  Tensor grad_cells = Workspace::cut(workspace.grad_cells, {batch, hidden});
  if (grad_last_c.defined()) {
    grad_cells.copy_(grad_last_c);
  } else {
    grad_cells.zero_();
  }
  Tensor gates = Workspace::cut(workspace.gates, {time * batch, 4 * hidden});
  Tensor cells = Workspace::cut(workspace.cells, {time, batch, hidden});
  Tensor tanh_cells = Workspace::cut(workspace.tanh_cells, {time, batch, hidden});
  kernel.backward({time, batch, hidden, packed.const_data_ptr<float>(), data_or_null(initial_c),
                   cells.const_data_ptr<float>(), tanh_cells.const_data_ptr<float>(),
                   data_or_null(grad_h), nullptr, gates.data_ptr<float>(),
                   grad_cells.data_ptr<float>(),
                   grad_initial_h.defined() ? grad_initial_h.data_ptr<float>() : nullptr});
  return gates;
}

/// dW_hh = sum over t of dgates_t^T h_{t-1}.
Tensor recurrent_weight_gradient(const Tensor& grad_gates, const Tensor& h_TBH,
                                 const Tensor& initial_h) {
  const int64_t time = h_TBH.size(0), batch = h_TBH.size(1), hidden = h_TBH.size(2);
  const int64_t later_rows = (time - 1) * batch;
  Tensor gradient = torch::mm(grad_gates.narrow(0, batch, later_rows).t(),
                              h_TBH.view({-1, hidden}).narrow(0, 0, later_rows));
  if (initial_h.defined()) gradient.addmm_(grad_gates.narrow(0, 0, batch).t(), initial_h);
  return gradient;
}

class LstmCpuFunction : public torch::autograd::Function<LstmCpuFunction> {
 public:
  // Autograd takes a tensor that may be missing only as an optional.
  static variable_list forward(AutogradContext* context, const Tensor& x,
                               const std::optional<Tensor>& h0, const std::optional<Tensor>& c0,
                               const Tensor& weight_ih, const Tensor& weight_hh,
                               const Tensor& bias_ih, const Tensor& bias_hh,
                               std::shared_ptr<Workspace> workspace) {
    const Tensor initial_h = h0.value_or(Tensor()), initial_c = c0.value_or(Tensor());
    const LstmOutput output = run_forward(x, {initial_h, initial_c},
                                          {weight_ih, weight_hh, bias_ih, bias_hh}, *workspace);
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

    const Tensor grad_h = gradients[0].defined() ? gradients[0].contiguous() : Tensor();
    Tensor grad_initial_h = initial_h.defined() ? torch::empty_like(initial_h) : Tensor();
    const Tensor grad_gates =
        run_backward(h_TBH, weight_hh, initial_c, grad_h, gradients[1], workspace, grad_initial_h);
    const Tensor grad_x =
        context->needs_input_grad(0) ? torch::mm(grad_gates, weight_ih).view_as(x) : Tensor();
    const Tensor grad_initial_c =
        initial_c.defined() ? Workspace::cut(workspace.grad_cells, initial_c.sizes()).clone()
                            : Tensor();
    const Tensor grad_bias = grad_gates.sum(0);
    return {grad_x,
            grad_initial_h,
            grad_initial_c,
            torch::mm(grad_gates.t(), flat_rows(x)),
            recurrent_weight_gradient(grad_gates, h_TBH, initial_h),
            grad_bias,
            grad_bias,
            Tensor()};
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

LstmOutput lstm_cpu(const Tensor& x_TBI, const LstmState& initial, const LstmWeights& weights,
                    LstmWorkspacePool& pool) {
  const Tensor x = x_TBI.contiguous();
  const LstmState state{contiguous_or_undefined(initial.h_BH),
                        contiguous_or_undefined(initial.c_BH)};
  if (!torch::GradMode::is_enabled()) return run_forward(x, state, weights, *pool.take());
  const variable_list outputs =
      LstmCpuFunction::apply(x, if_defined(state.h_BH), if_defined(state.c_BH), weights.weight_ih,
                             weights.weight_hh, weights.bias_ih, weights.bias_hh, pool.take());
  return {outputs[0], outputs[1]};
}

}  // namespace lockstep
