// 32 registers of 16 floats: 24 accumulators leave 8 for operands.
#include "trainer/model/kernels/lstm_loops.h"
#include "trainer/model/kernels/variants.h"

namespace lockstep {

const LstmKernel kLstmAvx512 = make_lstm_kernel<LstmLoops<Simd<16, struct Avx512>, 6, 12>>("avx512");

}  // namespace lockstep
