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

namespace {

/// (a - mean) / sqrt(variance + 1e-5) times gain plus bias; a itself without a gain.
void normalise(std::vector<double>& a, const std::vector<double>& gain,
               const std::vector<double>& bias) {
  if (gain.empty()) return;
  double mean = 0, variance = 0;
  for (const double value : a) mean += value / static_cast<double>(a.size());
  for (const double value : a) {
    variance += (value - mean) * (value - mean) / static_cast<double>(a.size());
  }
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = (a[i] - mean) / std::sqrt(variance + 1e-5) * gain[i] + (bias.empty() ? 0 : bias[i]);
  }
}

double zoned(double now, double before, const std::vector<double>& mask, size_t place,
             double share) {
  if (mask.empty()) return share * before + (1 - share) * now;
  return mask[place] == 0 ? before : now;
}

}  // namespace

std::vector<double> ReferenceVariant::product(const std::vector<double>& matrix,
                                              const double* vector, int64_t columns) const {
  std::vector<double> result(matrix.size() / static_cast<size_t>(columns));
  for (size_t row = 0; row < result.size(); ++row) {
    for (int64_t k = 0; k < columns; ++k) {
      result[row] +=
          matrix[row * static_cast<size_t>(columns) + static_cast<size_t>(k)] * vector[k];
    }
  }
  return result;
}

std::vector<double> ReferenceVariant::forward(const std::vector<double>& x) const {
  std::vector<double> all(time * batch * outputs);
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<double> h(outputs), c(hidden);
    for (int64_t t = 0; t < time; ++t) {
      std::vector<double> read = h;
      for (int64_t p = 0; !recurrent_mask.empty() && p < outputs; ++p) {
        read[p] *= recurrent_mask[b * outputs + p];
      }
      std::vector<double> gates = product(weight_ih, &x[(t * batch + b) * inputs], inputs);
      std::vector<double> from_h = product(weight_hh, read.data(), outputs);
      normalise(gates, norm_ih, {});
      normalise(from_h, norm_hh, {});
      for (size_t row = 0; row < gates.size(); ++row) gates[row] += from_h[row] + bias[row];
      const auto peep = [&](int64_t gate, int64_t u) {
        return peephole.empty() ? 0 : peephole[gate * hidden + u];
      };
      const int64_t last = coupled ? 2 : 3;  // the output gate
      std::vector<double> now(hidden), open(hidden);
      for (int64_t u = 0; u < hidden; ++u) {
        const double i = sigmoid(gates[u] + peep(0, u) * c[u]);
        const double f = coupled ? 1 - i : sigmoid(gates[hidden + u] + peep(1, u) * c[u]);
        const double g = std::tanh(gates[(last - 1) * hidden + u]);
        now[u] = f * c[u] + i * g;
        open[u] = sigmoid(gates[last * hidden + u] + peep(last - 1, u) * now[u]);
      }
      std::vector<double> cell = now;
      normalise(cell, norm_c, norm_c_bias);
      std::vector<double> output(hidden);
      for (int64_t u = 0; u < hidden; ++u) output[u] = open[u] * std::tanh(cell[u]);
      if (!projection.empty()) output = product(projection, output.data(), hidden);
      for (int64_t u = 0; u < hidden; ++u) {
        c[u] = zoned(now[u], c[u], new_cells, (t * batch + b) * hidden + u, zoneout_cells);
      }
      for (int64_t p = 0; p < outputs; ++p) {
        h[p] = zoned(output[p], h[p], new_outputs, (t * batch + b) * outputs + p, zoneout_outputs);
        all[(t * batch + b) * outputs + p] = h[p];
      }
    }
  }
  return all;
}

double ReferenceVariant::objective(const std::vector<double>& x,
                                   const std::vector<double>& weight_h) const {
  const std::vector<double> h = forward(x);
  double sum = 0;
  for (size_t i = 0; i < h.size(); ++i) sum += weight_h[i] * h[i];
  return sum;
}

}  // namespace lockstep
