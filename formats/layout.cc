#include "formats/layout.h"

#include "formats/safetensors/safetensors_writer.h"

namespace unbrine {
namespace {

constexpr WriterFormat kWriterFormats[] = {
    {.name = "safetensors", .suffix = ".safetensors", .layout = safetensors_layout},
};

}  // namespace

const WriterFormat& default_writer() { return kWriterFormats[0]; }

}  // namespace unbrine
