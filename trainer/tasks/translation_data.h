// What data sets must hold for the tasks behind translation, and what their models are built from.
#pragma once

#include <nlohmann/json.hpp>

#include "data/manifest.h"

namespace lockstep {

/// All throw Error(config), saying what the data set lacks.
nlohmann::json describe_translation(const Manifest& manifest);
nlohmann::json describe_captioning(const Manifest& manifest);
nlohmann::json describe_paths(const Manifest& manifest);

}  // namespace lockstep
