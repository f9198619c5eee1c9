// Strings of words made of tones, like spoken digits.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Ten words, each two or three pairs of tones (like formants) of random duration and pitch, with
/// pauses and noise between and under them, at 8 kHz. A step of the inputs is 10 ms: the logarithms
/// of the energies at 16 frequencies (Goertzel 1958). The target `digits` tells the words.
DataToolEntry tones_generator();

}  // namespace lockstep
