// The gate equations written out in double precision, one number at a time: the reference that
// shares no code with what it judges. T time, B batch, I inputs, H hidden.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace lockstep {

struct ReferenceLstm {
  int64_t time, batch, inputs, hidden;
  std::vector<double> weight_ih, weight_hh, bias;  // [4H, I], [4H, H], [4H]; gates i, f, g, o

  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

  struct Trace {
    std::vector<double> gates, c, h;  // [T, B, 4H] activated, [T, B, H], [T, B, H]
  };

  double h_at(const Trace& trace, const std::vector<double>& h0, int64_t t, int64_t b,
              int64_t u) const {
    return t < 0 ? (h0.empty() ? 0 : h0[b * hidden + u]) : trace.h[(t * batch + b) * hidden + u];
  }
  double c_at(const Trace& trace, const std::vector<double>& c0, int64_t t, int64_t b,
              int64_t u) const {
    return t < 0 ? (c0.empty() ? 0 : c0[b * hidden + u]) : trace.c[(t * batch + b) * hidden + u];
  }

  /// i, f, o = sigmoid(...), g = tanh(...), c_t = f c_{t-1} + i g, h_t = o tanh(c_t).
  Trace forward(const std::vector<double>& x, const std::vector<double>& h0,
                const std::vector<double>& c0) const {
    Trace trace;
    trace.gates.resize(time * batch * 4 * hidden);
    trace.c.resize(time * batch * hidden);
    trace.h.resize(time * batch * hidden);
    for (int64_t t = 0; t < time; ++t) {
      for (int64_t b = 0; b < batch; ++b) {
        for (int64_t row = 0; row < 4 * hidden; ++row) {
          double sum = bias[row];
          for (int64_t k = 0; k < inputs; ++k) {
            sum += weight_ih[row * inputs + k] * x[(t * batch + b) * inputs + k];
          }
          for (int64_t k = 0; k < hidden; ++k) {
            sum += weight_hh[row * hidden + k] * h_at(trace, h0, t - 1, b, k);
          }
          const bool candidate = row / hidden == 2;
          trace.gates[(t * batch + b) * 4 * hidden + row] =
              candidate ? std::tanh(sum) : sigmoid(sum);
        }
        for (int64_t u = 0; u < hidden; ++u) {
          const double* gate = &trace.gates[(t * batch + b) * 4 * hidden];
          const double c =
              gate[hidden + u] * c_at(trace, c0, t - 1, b, u) + gate[u] * gate[2 * hidden + u];
          trace.c[(t * batch + b) * hidden + u] = c;
          trace.h[(t * batch + b) * hidden + u] = gate[3 * hidden + u] * std::tanh(c);
        }
      }
    }
    return trace;
  }

  /// A scalar of the outputs, sum of weight * h over all steps plus weight * last c: what gradients
  /// are taken of.
  double objective(const std::vector<double>& x, const std::vector<double>& h0,
                   const std::vector<double>& c0, const std::vector<double>& weight_h,
                   const std::vector<double>& weight_c) const {
    const Trace trace = forward(x, h0, c0);
    double sum = 0;
    for (size_t i = 0; i < trace.h.size(); ++i) sum += weight_h[i] * trace.h[i];
    const size_t last = (time - 1) * batch * hidden;
    for (size_t i = 0; i < weight_c.size(); ++i) sum += weight_c[i] * trace.c[last + i];
    return sum;
  }
};

}  // namespace lockstep
