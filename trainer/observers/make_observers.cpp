#include "trainer/observers/make_observers.h"

#include <iostream>
#include <string>
#include <utility>

#include "trainer/observers/html_report.h"
#include "trainer/observers/metrics_files.h"
#include "trainer/observers/progress.h"
#include "trainer/observers/result_file.h"
#include "trainer/observers/shielded_observer.h"
#include "trainer/observers/tensorboard.h"

namespace lockstep {

Observers make_observers(const ObserverSettings& settings) {
  Observers observers;
  const auto to_stderr = [](const std::string& text) { std::cerr << "warning: " << text << '\n'; };
  ShieldedObserver::Warn warn = to_stderr;
  std::unique_ptr<Progress> progress;
  if (settings.terminal != nullptr) {
    progress =
        std::make_unique<Progress>(*settings.terminal, settings.terminal_is_tty, settings.files);
    // Lives as long as the others: they are all in the same list.
    warn = [terminal = progress.get()](const std::string& text) { terminal->on_warning(text); };
  }
  const auto add_shielded = [&](const char* what, std::unique_ptr<Observer> observer,
                                const ShieldedObserver::Warn& tell) {
    observers.add(std::make_unique<ShieldedObserver>(what, std::move(observer), tell));
  };
  if (settings.files) {
    add_shielded("metrics files", std::make_unique<MetricsFiles>(settings.run_dir), warn);
    add_shielded("TensorBoard events", std::make_unique<TensorBoard>(settings.run_dir), warn);
    add_shielded("report", std::make_unique<HtmlReport>(settings.run_dir), warn);
  }
  // After the files it points to, before the result, whose failure is thrown.
  if (progress) add_shielded("progress", std::move(progress), to_stderr);
  if (settings.files) observers.add(std::make_unique<ResultFile>(settings.run_dir));
  return observers;
}

}  // namespace lockstep
