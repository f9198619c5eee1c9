#include "tests/unit/trainer/lstm_equations.h"

#include <cmath>

namespace lockstep {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// The state of step t in what a trace has of all steps; before the first, the one given (zeros
/// when empty).
const double* state_at(const std::vector<double>& trace, const std::vector<double>& first,
                       const std::vector<double>& zeros, int64_t t, int64_t size) {
  if (t >= 0) return &trace[t * size];
  return first.empty() ? zeros.data() : first.data();
}

}  // namespace

ReferenceLstm::Trace ReferenceLstm::forward(const std::vector<double>& x,
                                            const std::vector<double>& h0,
                                            const std::vector<double>& c0) const {
  Trace trace;
  trace.gates.resize(time * batch * 4 * hidden);
  trace.c.resize(time * batch * hidden);
  trace.h.resize(time * batch * hidden);
  const std::vector<double> zeros(batch * hidden);
  for (int64_t t = 0; t < time; ++t) {
    const double* before_h = state_at(trace.h, h0, zeros, t - 1, batch * hidden);
    const double* before_c = state_at(trace.c, c0, zeros, t - 1, batch * hidden);
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t row = 0; row < 4 * hidden; ++row) {
        double sum = bias[row];
        for (int64_t k = 0; k < inputs; ++k) {
          sum += weight_ih[row * inputs + k] * x[(t * batch + b) * inputs + k];
        }
        for (int64_t k = 0; k < hidden; ++k) {
          sum += weight_hh[row * hidden + k] * before_h[b * hidden + k];
        }
        const bool candidate = row / hidden == 2;
        trace.gates[(t * batch + b) * 4 * hidden + row] = candidate ? std::tanh(sum) : sigmoid(sum);
      }
      for (int64_t u = 0; u < hidden; ++u) {
        const double* gate = &trace.gates[(t * batch + b) * 4 * hidden];
        const double c =
            gate[hidden + u] * before_c[b * hidden + u] + gate[u] * gate[2 * hidden + u];
        trace.c[(t * batch + b) * hidden + u] = c;
        trace.h[(t * batch + b) * hidden + u] = gate[3 * hidden + u] * std::tanh(c);
      }
    }
  }
  return trace;
}

double ReferenceLstm::objective(const std::vector<double>& x, const std::vector<double>& h0,
                                const std::vector<double>& c0, const std::vector<double>& weight_h,
                                const std::vector<double>& weight_c) const {
  const Trace trace = forward(x, h0, c0);
  double sum = 0;
  for (size_t i = 0; i < trace.h.size(); ++i) sum += weight_h[i] * trace.h[i];
  const size_t last = (time - 1) * batch * hidden;
  for (size_t i = 0; i < weight_c.size(); ++i) sum += weight_c[i] * trace.c[last + i];
  return sum;
}

}  // namespace lockstep
