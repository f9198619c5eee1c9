// The vectors that follow a sequence of vectors: video frames, readings of many sensors.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// The target is the first dense one with as many features as the inputs. An encoder reads the
/// inputs; a decoder writes all frames of the target from what the encoder ended with, so it is
/// trained on what it does in use (the "unconditional future predictor" of Srivastava et al. 2015).
/// In training the encoder's outputs also predict each next frame of the inputs, by the same output
/// layer; the loss counts these as well. With `model.frame_loss: mse` what is written is the
/// difference from the last frame read.
///
/// Metrics, means over all values of real frames: loss, mse, mae; and two floors, the squared error
/// of the last frame copied (`last_frame_mse`) and of the inputs' mean (`mean_frame_mse`).
TaskEntry frame_prediction_entry();

}  // namespace lockstep
