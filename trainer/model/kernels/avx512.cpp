// 32 registers of 16 floats: tiles of 24 accumulators leave 8 for operands.
#include "trainer/model/kernels/avx512_floats.h"
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/kernels/dropout_loops.h"
#include "trainer/model/kernels/lstm_products.h"
#include "trainer/model/kernels/peak_loops.h"
#include "trainer/model/kernels/softmax_loops.h"
#include "trainer/model/kernels/update_loops.h"

namespace lockstep {

using Avx512Floats = Avx512Vectors<struct Avx512>;
const CpuKernels kAvx512Kernels = {
    "avx512",
    make_lstm_kernel<Avx512Floats, FloatOperand<Avx512Floats>, 6, 12>(),
    make_lstm_kernel<Avx512Floats, PairOperand<Avx512Floats>, 6, 12>(),
    make_update_kernel<Avx512Floats>(),
    make_softmax_kernel<Avx512Floats>(),
    &DropoutLoops<Avx512Floats>::make_mask,
    &PeakLoops<Avx512Floats>::multiply_add};

}  // namespace lockstep
