// Whatever the compiler makes of 4 floats at a time on any processor.
#include "trainer/model/kernels/lstm_loops.h"
#include "trainer/model/kernels/variants.h"

namespace lockstep {

const LstmKernel kLstmPortable =
    make_lstm_kernel<LstmLoops<Simd<4, struct Portable>, 3, 6>>("portable");

}  // namespace lockstep
