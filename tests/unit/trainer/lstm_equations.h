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

/// The same with everything that a layer can have besides, P outputs. What is empty is not there.
struct ReferenceVariant {
  int64_t time = 0, batch = 0, inputs = 0, hidden = 0, outputs = 0;
  bool coupled = false;                           // f = 1 - i, and weights have gates i, g, o only
  double zoneout_cells = 0, zoneout_outputs = 0;  // what counts where there are no masks
  std::vector<double> weight_ih, weight_hh, bias;
  std::vector<double> projection, peephole;  // [P, H], H for each gate that has one
  std::vector<double> norm_ih, norm_hh, norm_c, norm_c_bias;  // gains of the gates, of the cells
  std::vector<double> recurrent_mask;                         // [B, P]
  std::vector<double> new_cells, new_outputs;  // [T, B, H], [T, B, P]; zero: as before

  /// [T, B, P], from states of zeros.
  std::vector<double> forward(const std::vector<double>& x) const;
  double objective(const std::vector<double>& x, const std::vector<double>& weight_h) const;

 private:
  std::vector<double> product(const std::vector<double>& matrix, const double* vector,
                              int64_t columns) const;
};

}  // namespace lockstep
