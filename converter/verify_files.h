// The files of an output, held against its manifest: that they are there, hold what is listed and
// nothing else, and have the digests that were recorded.
#pragma once

#include <filesystem>

#include "converter/manifest_reader.h"
#include "converter/verify.h"
#include "converter/written_tensors.h"

namespace unbrine {

struct ListedOutput {
  std::filesystem::path folder;  // in which the files lie
  Manifest manifest;
  std::string name;  // of the only file that was meant; "": the folder
};

// Adds what it finds to the report, and lists the tensors as they are. True if every file is there
// and holds the tensors that are listed, whatever their values. Throws Io, Limit.
bool verify_files(const ListedOutput& output, const VerifyOptions& options, const RunOptions& run,
                  WrittenTensors& tensors, VerifyReport& report);

}  // namespace unbrine
