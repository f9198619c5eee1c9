// 16 registers of 8 floats: tiles of 12 accumulators leave 4 for operands.
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/kernels/lstm_loops.h"
#include "trainer/model/kernels/update_loops.h"

namespace lockstep {

struct Avx2;
const CpuKernels kAvx2Kernels = {"avx2", make_lstm_kernel<LstmLoops<Simd<8, Avx2>, 3, 6>>(),
                                 make_update_kernel<Avx2>()};

}  // namespace lockstep
