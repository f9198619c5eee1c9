// Forecasts the next steps of a series of numbers.
#pragma once

#include "trainer/tasks/task.h"

namespace lockstep {

/// All steps of the horizon at once: an autoregressive part, solved in closed form before training
/// (ridge regression on each series' own last values), and an LSTM over the history that learns
/// what is left, of the point forecast and of quantiles. Metrics: see forecast_errors.h, beside
/// those of three floors: the ridge alone, the last value, and the last season.
TaskEntry forecasting_entry();

}  // namespace lockstep
