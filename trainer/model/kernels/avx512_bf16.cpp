// The same as avx512.cpp, with products of bfloat16 by the instruction for them.
#include "trainer/model/kernels/avx512_floats.h"
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/kernels/dropout_loops.h"
#include "trainer/model/kernels/lstm_products.h"
#include "trainer/model/kernels/peak_loops.h"
#include "trainer/model/kernels/softmax_loops.h"
#include "trainer/model/kernels/update_loops.h"

namespace lockstep {

using Avx512Bf16Floats = Avx512Vectors<struct Avx512Bf16>;
/// Words are two bfloat16.
struct DotOperand : PairOperand<Avx512Bf16Floats> {
  static Vec multiply_add(Vec left, Vec right, Vec sum) {
    return _mm512_dpbf16_ps(sum, std::bit_cast<__m512bh>(left), std::bit_cast<__m512bh>(right));
  }
  static Vec words(Vec first, Vec second) {
    return std::bit_cast<Vec>(rounded(first) | rounded(second) << 16);
  }

 private:
  typedef uint16_t Halves __attribute__((vector_size(32)));
  typedef uint32_t Words __attribute__((vector_size(64)));
  static Words rounded(Vec values) {
    return __builtin_convertvector(std::bit_cast<Halves>(_mm512_cvtneps_pbh(values)), Words);
  }
};

const CpuKernels kAvx512Bf16Kernels = {
    "avx512_bf16",
    make_lstm_kernel<Avx512Bf16Floats, FloatOperand<Avx512Bf16Floats>, 6, 12>(),
    make_lstm_kernel<Avx512Bf16Floats, DotOperand, 6, 12>(),
    make_update_kernel<Avx512Bf16Floats>(),
    make_softmax_kernel<Avx512Bf16Floats>(),
    &DropoutLoops<Avx512Bf16Floats>::make_mask,
    &PeakLoops<Avx512Bf16Floats>::multiply_add};

}  // namespace lockstep
