# Debian's libraries; CONTRIBUTING.md gives the reason for each.
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(Freetype REQUIRED)
find_package(Protobuf REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)

# Debian's utf8proc brings no CMake file.
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
add_library(utf8proc::utf8proc UNKNOWN IMPORTED)
set_target_properties(utf8proc::utf8proc PROPERTIES
  IMPORTED_LOCATION ${UTF8PROC_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${UTF8PROC_INCLUDE_DIR})

# Nor does its sentencepiece. That one carries a protobuf of its own, of another version and for all
# to see: with a second one in the process either would call into the other and crash. So ours is
# linked from the archive and hidden.
find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train REQUIRED)
find_path(SENTENCEPIECE_INCLUDE_DIR sentencepiece_processor.h REQUIRED)
add_library(sentencepiece::sentencepiece UNKNOWN IMPORTED)
set_target_properties(sentencepiece::sentencepiece PROPERTIES
  IMPORTED_LOCATION ${SENTENCEPIECE_TRAIN_LIBRARY}
  INTERFACE_LINK_LIBRARIES ${SENTENCEPIECE_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${SENTENCEPIECE_INCLUDE_DIR})
find_library(PROTOBUF_LITE_ARCHIVE libprotobuf-lite.a REQUIRED)
add_library(lockstep_protobuf INTERFACE IMPORTED)
set_target_properties(lockstep_protobuf PROPERTIES
  INTERFACE_LINK_LIBRARIES ${PROTOBUF_LITE_ARCHIVE}
  INTERFACE_LINK_OPTIONS -Wl,--exclude-libs,libprotobuf-lite.a
  INTERFACE_COMPILE_OPTIONS "-fvisibility=hidden;-fvisibility-inlines-hidden")

# Nor do its libsndfile and its FFTW (single precision).
find_library(SNDFILE_LIBRARY sndfile REQUIRED)
find_path(SNDFILE_INCLUDE_DIR sndfile.h REQUIRED)
add_library(sndfile::sndfile UNKNOWN IMPORTED)
set_target_properties(sndfile::sndfile PROPERTIES
  IMPORTED_LOCATION ${SNDFILE_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${SNDFILE_INCLUDE_DIR})
find_library(FFTW3F_LIBRARY fftw3f REQUIRED)
find_path(FFTW3F_INCLUDE_DIR fftw3.h REQUIRED)
add_library(fftw3f::fftw3f UNKNOWN IMPORTED)
set_target_properties(fftw3f::fftw3f PROPERTIES
  IMPORTED_LOCATION ${FFTW3F_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${FFTW3F_INCLUDE_DIR})
