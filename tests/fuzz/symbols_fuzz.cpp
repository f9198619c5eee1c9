// Files of symbol sequences (FASTA and its relatives), plain and gzip. The first byte chooses the
// form and the columns.
#include "data/import/symbol_reader.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace lockstep;
  if (size == 0) return 0;
  SymbolSource source;
  source.form = static_cast<SymbolForm>(bytes[0] % 4);
  source.columns = {"label", "skip", "sequence"};
  if ((bytes[0] & 4) != 0) source.header.emplace("{name} {group} {label}");
  const fuzz::InputFile file(bytes + 1, size - 1);
  fuzz::expect_documented_ending([&] {
    read_symbol_records(file.path(), source,
                        [&](const SymbolRecord& record) { fuzz::require(record.line >= 1); });
  });
  return 0;
}
