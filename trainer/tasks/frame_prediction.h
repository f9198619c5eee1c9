// The vectors that follow a sequence of vectors: video frames, readings of many sensors.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// The target is the first dense one with as many features as the inputs. An encoder reads the
/// inputs; a decoder writes all frames of the target from what the encoder ended with, so it is
/// trained on what it does in use (the "unconditional future predictor" of Srivastava et al. 2015).
/// With `model.frame_loss: mse` the decoder says how frames differ from the last one of the inputs.
///
/// Metrics, means over all values of real frames: loss, mse, mae; and two floors, the squared error
/// of the last frame copied (`last_frame_mse`) and of the inputs' mean (`mean_frame_mse`).
TaskEntry frame_prediction_entry();

}  // namespace lockstep
