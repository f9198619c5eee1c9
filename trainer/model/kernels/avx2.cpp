// 16 registers of 8 floats: tiles of 12 accumulators leave 4 for operands.
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/kernels/dropout_loops.h"
#include "trainer/model/kernels/lstm_products.h"
#include "trainer/model/kernels/peak_loops.h"
#include "trainer/model/kernels/softmax_loops.h"
#include "trainer/model/kernels/update_loops.h"

namespace lockstep {

using Avx2Floats = Simd<8, struct Avx2>;
const CpuKernels kAvx2Kernels = {"avx2",
                                 make_lstm_kernel<Avx2Floats, FloatOperand<Avx2Floats>, 3, 6>(),
                                 make_lstm_kernel<Avx2Floats, PairOperand<Avx2Floats>, 3, 6>(),
                                 make_update_kernel<Avx2Floats>(),
                                 make_softmax_kernel<Avx2Floats>(),
                                 &DropoutLoops<Avx2Floats>::make_mask,
                                 &PeakLoops<Avx2Floats>::multiply_add};

}  // namespace lockstep
