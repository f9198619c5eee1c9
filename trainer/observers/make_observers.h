// Who watches a run.
#pragma once

#include <filesystem>
#include <iosfwd>

#include "trainer/observers/observer.h"

namespace lockstep {

struct ObserverSettings {
  std::filesystem::path run_dir;
  std::ostream* terminal = nullptr;  ///< where progress goes; null: nowhere
  bool terminal_is_tty = false;      ///< colours are welcome
  bool files = true;                 ///< metrics, TensorBoard events, report.html, result.json
};

/// For rank zero, once it owns the run folder. An observer that fails says so once, on the terminal
/// or on standard error, and stays quiet; only a result.json that cannot be written is thrown, as
/// Error(save_failed), after all others have had their on_finish.
Observers make_observers(const ObserverSettings& settings);

}  // namespace lockstep
