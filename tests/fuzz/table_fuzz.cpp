// Tables of numbers with dates. The first byte chooses whether there are a header and dates. Dates
// grow, and values are finite or missing.
#include <cmath>

#include "data/import/number_table.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace lockstep;
  if (size == 0) return 0;
  NumberTableColumns columns;
  columns.header = (bytes[0] & 1) != 0;
  if ((bytes[0] & 2) != 0) columns.date = columns.header ? "date" : "1";
  const fuzz::InputFile file(bytes + 1, size - 1);
  try {
    const NumberTable table = read_number_table(file.path(), columns);
    for (const double value : table.values) fuzz::require(!std::isinf(value));
    for (size_t i = 1; i < table.times.size(); ++i) {
      fuzz::require(table.times[i] > table.times[i - 1]);
    }
  } catch (const Error& error) {
    // A file may lack the columns that are asked for.
    if (error.code() != ExitCode::corrupt && error.code() != ExitCode::usage) throw;
  }
  return 0;
}
