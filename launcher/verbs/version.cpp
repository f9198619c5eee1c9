// lockstep version: this program and what it stands on.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "launcher/verbs/verbs.h"
#include "trainer/versions.h"

namespace lockstep {

void add_version(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      app.add_subcommand("version", "Print the versions of Lockstep and its libraries");
  verb->callback([&line, &out] {
    line.action = [&out] {
      for (const auto& [name, version] : versions()) out << fmt::format("{} {}\n", name, version);
      out.flush();
      return 0;
    };
  });
}

}  // namespace lockstep
