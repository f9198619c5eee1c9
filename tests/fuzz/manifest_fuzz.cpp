// manifest.json: any bytes are refused as corrupt, or read, written and read again as the same.
#include "data/manifest.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace lockstep;
  fuzz::write_scratch_file("manifest.json", bytes, size);
  fuzz::expect_documented_ending([] {
    const Manifest manifest = read_manifest(fuzz::scratch_folder());
    write_manifest(fuzz::scratch_folder(), manifest);
    fuzz::require(read_manifest(fuzz::scratch_folder()).fingerprint() == manifest.fingerprint());
  });
  return 0;
}
