// 16 registers of 8 floats: 12 accumulators leave 4 for operands.
#include "trainer/model/kernels/lstm_loops.h"
#include "trainer/model/kernels/variants.h"

namespace lockstep {

const LstmKernel kLstmAvx2 = make_lstm_kernel<LstmLoops<Simd<8, struct Avx2>, 3, 6>>("avx2");

}  // namespace lockstep
