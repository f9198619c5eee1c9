#include "trainer/loaded_model.h"

#include <iostream>

#include "trainer/saved_config.h"

namespace lockstep {

LoadedModel load_model(const std::filesystem::path& source, const std::string& device,
                       Communicator& host) {
  LoadedModel loaded;
  together(host, [&] {
    loaded.checkpoint = load_run_or_checkpoint(source, [&](const std::string& text) {
      if (host.is_root()) std::cerr << "warning: " << text << "\n";
    });
    loaded.config =
        config_from_saved(loaded.checkpoint.state.config, loaded.checkpoint.folder.string());
    loaded.config.device = device;
    if (device != "cpu" && loaded.config.model.kernel == "cpu") loaded.config.model.kernel = "auto";
  });
  loaded.compute = prepare_compute(loaded.config, host);
  together(host, [&] {
    loaded.replica = replica_from(loaded.checkpoint, loaded.config, loaded.compute.device);
  });
  return loaded;
}

}  // namespace lockstep
