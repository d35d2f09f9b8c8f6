#include "formats/numpy/npz.h"

#include <gmock/gmock.h>
#include <libdeflate.h>

#include "formats/archive/zip_archive.h"
#include "tests/formats/numpy/npy_builder.h"
#include "tests/formats/numpy/numpy_pickles.h"
#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kShorts = npy(npy_literal("'<i2'", "(2, 3)"), "abcdefghijkl");

Checkpoint open(const ZipBuilder& zip, const std::string& prefix = "") {
  Checkpoint checkpoint{Limits{}};
  const auto source = zip.source();
  const Probe probe{source, {}, checkpoint.limits};
  auto archive = std::make_shared<Archive>(open_zip(source, checkpoint.limits));
  checkpoint.root = read_npz(probe, std::move(archive), prefix, checkpoint).root;
  return checkpoint;
}

Error refusal(const ZipBuilder& zip) {
  return error_of([&] { open(zip); });
}

std::vector<std::string> keys_of(const Checkpoint& checkpoint) {
  std::vector<std::string> keys;
  const auto items = checkpoint.graph.items(checkpoint.root).to_vector();
  for (size_t i = 0; i < items.size(); i += 2) keys.emplace_back(checkpoint.graph.text(items[i]));
  return keys;
}

TEST(Npz, RefusesEveryPrefixOfAMember) {
  for (size_t size = 0; size < kShorts.size(); ++size) {
    const Error error = refusal(ZipBuilder().add("a.npy", kShorts.substr(0, size)));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size;
    EXPECT_THAT(error.what(), HasSubstr("'a.npy'"));
  }
}

TEST(Npz, RefusesBytesBehindTheArrayOfAMember) {
  EXPECT_THAT(refusal(ZipBuilder().add("a.npy", kShorts + "x")).what(),
              HasSubstr("'a.npy': 1 bytes follow the array"));
}

TEST(Npz, RefusesMembersThatAreNoNpy) {
  EXPECT_THAT(refusal(ZipBuilder().add("a.npy", kShorts).add("b.txt", "text")).what(),
              HasSubstr("'b.txt': is no .npy"));
  EXPECT_THAT(refusal(ZipBuilder().add("a.npy", "text")).what(),
              HasSubstr("does not begin as .npy"));
}

TEST(Npz, RefusesDeflatedMembersWithAWrongChecksum) {
  ZipBuilder zip;
  zip.add({.name = "a.npy", .content = kShorts, .deflated = true});
  zip.set_local(0, kLocalCrc, 1).set_central(0, kCentralCrc, 1);
  EXPECT_THAT(refusal(zip).what(), HasSubstr("'a.npy': its bytes do not match the CRC-32"));
}

TEST(Npz, RefusesStoredTextWithAWrongChecksum) {
  ZipBuilder zip;
  zip.add("a.npy", npy(npy_literal("'|S3'", "()"), "abc"));
  zip.set_local(0, kLocalCrc, 1).set_central(0, kCentralCrc, 1);
  EXPECT_THAT(refusal(zip).what(), HasSubstr("'a.npy': its bytes do not match the CRC-32"));
}

TEST(Npz, ReadsMembersByName) {
  const Checkpoint checkpoint = open(ZipBuilder().add("a.npy", kShorts).add("b.c.npy", kShorts));
  EXPECT_THAT(keys_of(checkpoint), ElementsAre("a", "b.c"));
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
  EXPECT_EQ(storage_content(checkpoint, 1), "abcdefghijkl");
}

TEST(Npz, ReadsMembersBelowAPrefix) {
  ZipBuilder zip;
  zip.add("x/a.npy", kShorts).add("y/b.npy", kShorts);
  EXPECT_THAT(keys_of(open(zip, "x/")), ElementsAre("a"));
}

TEST(Npz, GivesTheChecksumOfTheDataFromThatOfTheMember) {
  for (const std::string data : {"abcdefghijkl", "ABCDEFGHIJKL"}) {
    const Checkpoint checkpoint =
        open(ZipBuilder().add("a.npy", npy(npy_literal("'<i2'", "(2, 3)"), data)));
    const Storage& storage = checkpoint.tensors.storages().at(0);
    EXPECT_EQ(storage.size, 12u);
    ASSERT_TRUE(storage.has_crc);
    EXPECT_EQ(storage.crc32, libdeflate_crc32(0, data.data(), data.size()));
  }
}

TEST(Npz, GivesTheChecksumOfLargeDataToo) {
  const std::string data(1'000'003, 'x');
  const Checkpoint checkpoint =
      open(ZipBuilder().add("a.npy", npy(npy_literal("'|u1'", "(1000003,)"), data)));
  EXPECT_EQ(checkpoint.tensors.storages().at(0).crc32,
            libdeflate_crc32(0, data.data(), data.size()));
}

TEST(Npz, ReadsDeflatedMembers) {
  ZipBuilder zip;
  zip.add({.name = "a.npy", .content = kShorts, .deflated = true});
  const Checkpoint checkpoint = open(zip);
  EXPECT_EQ(storage_content(checkpoint, 0), "abcdefghijkl");
  EXPECT_EQ(checkpoint.inflated_bytes, kShorts.size());
}

TEST(Npz, ReadsZip64MembersWithDescriptors) {
  ZipBuilder zip;
  zip.add({.name = "a.npy", .content = kShorts, .descriptor = true});
  zip.add({.name = "b.npy", .content = kShorts, .zip64_local = true, .zip64_central = true});
  EXPECT_THAT(keys_of(open(zip)), ElementsAre("a", "b"));
}

TEST(Npz, ReadsArraysOfObjects) {
  PickleBuilder pickle;
  pickle.protocol(3).raw(array({.shape = PickleBuilder().int_tuple({1}),
                                .dtype = dtype("O8", "|"),
                                .data = PickleBuilder().empty_list().raw(array()).append()}));
  const std::string member = npy(npy_literal("'|O'", "(1,)"), as_text(pickle.stop().bytes()));
  EXPECT_EQ(storage_content(open(ZipBuilder().add("a.npy", member)), 0), "abcdefghijkl");
  EXPECT_THAT(refusal(ZipBuilder().add("a.npy", member + "x")).what(), HasSubstr("1 bytes follow"));
}

TEST(Npz, CountsOtherArraysInOneNote) {
  const std::string text = npy(npy_literal("'<U1'", "()"), "abcd");
  const Checkpoint checkpoint = open(ZipBuilder().add("a.npy", text).add("b.npy", text));
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("2 numpy arrays of text are no tensors")));
}

}  // namespace
}  // namespace unbrine
