// lockstep doctor: why something does not work here.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "launcher/host_checks.h"
#include "launcher/verbs/verbs.h"
#include "trainer/versions.h"

namespace lockstep {
namespace {

const char* name_of(HostCheck::Verdict verdict) {
  switch (verdict) {
    case HostCheck::Verdict::ok:
      return "OK";
    case HostCheck::Verdict::warn:
      return "warn";
    case HostCheck::Verdict::fail:
      break;
  }
  return "FAIL";
}

int run_doctor(std::ostream& out) {
  for (const auto& [name, version] : versions()) {
    out << fmt::format("{:<5} {:<12} {}\n", "OK", name, version);
  }
  ExitCode worst = ExitCode::done;
  for (const HostCheck& check : check_host()) {
    out << fmt::format("{:<5} {:<12} {}\n", name_of(check.verdict), check.subject, check.finding);
    if (!check.hint.empty()) out << fmt::format("{:19}hint: {}\n", "", check.hint);
    if (worst == ExitCode::done) worst = check.code;
  }
  out.flush();
  return static_cast<int>(worst);
}

}  // namespace

void add_doctor(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* verb =
      app.add_subcommand("doctor", "Check this host: libraries, cores, GPUs, mpirun, Slurm");
  verb->footer("Ends with a non-zero exit code when a check fails.\n\nExample:\n  lockstep doctor");
  verb->callback([&line, &out] { line.action = [&out] { return run_doctor(out); }; });
}

}  // namespace lockstep
