// Agreement on how something went: one message for the job instead of one per rank.
#include <nlohmann/json.hpp>

#include "data/base/error.h"
#include "trainer/comm/communicator.h"

namespace lockstep {
namespace {

nlohmann::json outcome_of(const std::function<void()>& work) {
  try {
    work();
    return {{"code", 0}};
  } catch (const Error& error) {
    return {
        {"code", static_cast<int>(error.code())}, {"what", error.what()}, {"hint", error.hint()}};
  } catch (const std::exception& error) {
    return {{"code", static_cast<int>(ExitCode::bug)}, {"what", error.what()}, {"hint", ""}};
  }
}

/// "ranks 1, 3 of 4: message" when not all failed; the message alone when all did.
std::string blame(const std::vector<nlohmann::json>& outcomes, size_t first) {
  std::string failed;
  size_t count = 0;
  for (size_t rank = 0; rank < outcomes.size(); ++rank) {
    if (outcomes[rank]["code"] == 0) continue;
    failed += fmt::format("{}{}@{}", count++ > 0 ? ", " : "", rank,
                          outcomes[rank]["host"].get<std::string>());
  }
  const std::string what = outcomes[first]["what"];
  if (count == outcomes.size()) return what;
  return fmt::format("rank{} {} of {}: {}", count > 1 ? "s" : "", failed, outcomes.size(), what);
}

}  // namespace

std::vector<double> gather_numbers(Communicator& communicator, double own) {
  std::vector<double> numbers;
  for (const std::string& text : communicator.all_gather_bytes(fmt::format("{}", own))) {
    numbers.push_back(std::stod(text));
  }
  return numbers;
}

void together(Communicator& communicator, const std::function<void()>& work) {
  nlohmann::json own = outcome_of(work);
  own["host"] = communicator.place().host;
  // Messages may quote file names of any bytes: `replace` keeps the exchange from failing on them.
  const std::string text = own.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::vector<nlohmann::json> outcomes;
  for (const std::string& part : communicator.all_gather_bytes(text)) {
    outcomes.push_back(nlohmann::json::parse(part));
  }
  for (size_t rank = 0; rank < outcomes.size(); ++rank) {
    const int code = outcomes[rank]["code"];
    if (code == 0) continue;
    throw JobError(static_cast<ExitCode>(code), blame(outcomes, rank), outcomes[rank]["hint"]);
  }
}

}  // namespace lockstep
