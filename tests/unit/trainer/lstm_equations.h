// The gate equations written out in double precision, one number at a time: the reference that
// shares no code with what it judges. T time, B batch, I inputs, H hidden.
#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

struct ReferenceLstm {
  int64_t time, batch, inputs, hidden;
  std::vector<double> weight_ih, weight_hh, bias;  // [4H, I], [4H, H], [4H]; gates i, f, g, o

  struct Trace {
    std::vector<double> gates, c, h;  // [T, B, 4H] activated, [T, B, H], [T, B, H]
  };

  /// i, f, o = sigmoid(...), g = tanh(...), c_t = f c_{t-1} + i g, h_t = o tanh(c_t).
  Trace forward(const std::vector<double>& x, const std::vector<double>& h0,
                const std::vector<double>& c0) const;

  /// A scalar of the outputs, sum of weight * h over all steps plus weight * last c: what gradients
  /// are taken of.
  double objective(const std::vector<double>& x, const std::vector<double>& h0,
                   const std::vector<double>& c0, const std::vector<double>& weight_h,
                   const std::vector<double>& weight_c) const;
};

}  // namespace lockstep
