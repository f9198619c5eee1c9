# The fuzz targets, one a line: NAME is tests/fuzz/NAME_fuzz.cpp and starts from tests/fuzz/corpus/NAME.
set(LOCKSTEP_FUZZ_TARGETS
  csv
  hdf5
  idx
  lines
  manifest
  sound
  symbols
  table
  vectors
)
