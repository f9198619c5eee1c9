// Whatever the compiler makes of 4 floats at a time on any processor.
#include "trainer/model/kernels/cpu_kernels.h"
#include "trainer/model/kernels/dropout_loops.h"
#include "trainer/model/kernels/lstm_products.h"
#include "trainer/model/kernels/peak_loops.h"
#include "trainer/model/kernels/softmax_loops.h"
#include "trainer/model/kernels/update_loops.h"

namespace lockstep {

using PortableFloats = Simd<4, struct Portable>;
const CpuKernels kPortableKernels = {
    "portable",
    make_lstm_kernel<PortableFloats, FloatOperand<PortableFloats>, 3, 6>(),
    make_lstm_kernel<PortableFloats, PairOperand<PortableFloats>, 3, 6>(),
    make_update_kernel<PortableFloats>(),
    make_softmax_kernel<PortableFloats>(),
    &DropoutLoops<PortableFloats>::make_mask,
    &PeakLoops<PortableFloats>::multiply_add};

}  // namespace lockstep
