// Imports sound: recordings with a label or a transcript each.
#pragma once

#include "data/data_tool.h"

namespace lockstep {

/// Each recording becomes a sequence of log mel energies or cepstral coefficients (`inputs`), its
/// label a target `classes` of one step, or the characters of its transcript a target `text`. With
/// --join, sequences are several recordings of one speaker behind each other, and so are their
/// targets.
DataToolEntry audio_importer();

}  // namespace lockstep
