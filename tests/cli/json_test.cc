// --json: one object on one line of stdout, with a schema, whatever the names hold.
#include <simdjson.h>
#include <xxhash.h>

#include "tests/cli/cli_test.h"
#include "tests/support/sample_checkpoints.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

class Json : public CliTest {
 protected:
  // stdout as one JSON object; its strings live as long as this test.
  simdjson::dom::object object_of(std::vector<std::string> arguments) {
    const Outcome run = unbrine(std::move(arguments));
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_TRUE(is_one_line(run.out)) << run.out;
    return parser_.parse(run.out).get_object();
  }

  static std::vector<std::string> names_of(const simdjson::dom::object& document) {
    std::vector<std::string> names;
    for (const simdjson::dom::element tensor : document["tensors"].get_array())
      names.emplace_back(std::string_view(tensor["name"]));
    std::ranges::sort(names);
    return names;
  }

 private:
  simdjson::dom::parser parser_;
};

std::string digest_of(const std::string& bytes) {
  char text[40];
  std::snprintf(text, sizeof text, "xxh3-256k:%016llx",
                static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
  return text;
}

TEST_F(Json, ManifestTellsWhatWasWritten) {
  folder.write("model.pt", zip_checkpoint({"weight"}));
  const simdjson::dom::object manifest = object_of({"convert", "model.pt", "--json"});
  EXPECT_EQ(std::string_view(manifest["schema"]), "unbrine.manifest/1");
  const simdjson::dom::element tensor = manifest["tensors"].at(0);
  const std::string written = folder.read("model.safetensors");
  EXPECT_EQ(std::string_view(tensor["name"]), "weight");
  EXPECT_EQ(std::string_view(tensor["file"]), "model.safetensors");
  EXPECT_EQ(std::string_view(tensor["dtype"]), "F32");
  EXPECT_EQ(uint64_t(tensor["shape"].at(0)), 2U);
  EXPECT_EQ(uint64_t(tensor["offset"]), written.size() - 8);
  EXPECT_EQ(std::string_view(tensor["digest"]), digest_of(written.substr(written.size() - 8)));
  EXPECT_EQ(uint64_t(manifest["files"].at(0)["size"]), written.size());
}

TEST_F(Json, InspectTellsWhatWouldBeWritten) {
  folder.write("model.pt", legacy_checkpoint({"weight", "bias"}));
  const simdjson::dom::object document = object_of({"inspect", "model.pt", "--json"});
  EXPECT_EQ(std::string_view(document["schema"]), "unbrine.inspect/1");
  EXPECT_EQ(std::string_view(document["format"]), "torch-legacy");
  EXPECT_THAT(names_of(document), ElementsAre("bias", "weight"));
}

TEST_F(Json, NamesOfAnyKindAreEscaped) {
  std::vector<std::string> names = {"\"quoted\"", "back\\slash",          "line\nbreak",
                                    "\x1b[31m",   std::string("n\0l", 3), "\u202eedrow"};
  folder.write("model.pt", zip_checkpoint(names));
  const std::vector<std::string> inspected = names_of(object_of({"inspect", "model.pt", "--json"}));
  const std::vector<std::string> written = names_of(object_of({"convert", "model.pt", "--json"}));
  std::ranges::sort(names);
  EXPECT_EQ(inspected, names);
  EXPECT_EQ(written, names);
}

TEST_F(Json, BytesThatAreNoTextStayValid) {
  folder.write("model.pt", zip_checkpoint({"\xff\xfe", "\xed\xa0\x80"}));
  EXPECT_THAT(names_of(object_of({"convert", "model.pt", "--json"})),
              ElementsAre("\\xed\\xa0\\x80", "\\xff\\xfe"));
  EXPECT_EQ(names_of(object_of({"inspect", "model.pt", "--json"})).size(), 2U);
}

TEST_F(Json, NothingIsPrintedWhenTheRunFails) {
  folder.write("model.pt", "");
  refusal(5, {"convert", "model.pt", "--json"});
  refusal(5, {"inspect", "model.pt", "--json"});
}

}  // namespace
}  // namespace unbrine
