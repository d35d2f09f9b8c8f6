#include "formats/torch/torch_zip.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kEightBytes = "\1\2\3\4\5\6\7\x08";

PickleBuilder one_tensor(std::string_view storage_class = "FloatStorage") {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict().string("w");
  return pickle.tensor_v2(storage_class, "0", 2, 0, {2}, {1}).setitem().stop();
}

Checkpoint read(const std::vector<uint8_t>& zip, const Limits& limits = {}) {
  return open_checkpoint(std::make_shared<MemorySource>(zip), limits);
}

Error refusal(const std::vector<uint8_t>& zip) {
  return error_of([&] { read(zip); });
}

// A checkpoint of one float tensor, with more records or others.
std::vector<uint8_t> with_records(std::vector<TorchRecord> more) {
  std::vector<TorchRecord> records = {{"data.pkl", one_tensor().bytes()}, {"data/0", kEightBytes}};
  records.insert(records.end(), more.begin(), more.end());
  return torch_zip(records);
}

TEST(TorchZip, RefusesAStorageWithoutARecord) {
  const Error error = refusal(torch_zip({{"data.pkl", one_tensor().bytes()}}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("archive/data.pkl: storage '0': the archive has no record "
                                      "'archive/data/0'"));
}

TEST(TorchZip, RefusesARecordOfAnotherSize) {
  for (const char* content : {"1234567", "123456789"}) {
    const Error error =
        refusal(torch_zip({{"data.pkl", one_tensor().bytes()}, {"data/0", content}}));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt);
    EXPECT_THAT(error.what(), HasSubstr("torch.FloatStorage of 2 needs 8"));
  }
}

TEST(TorchZip, RefusesTwoClassesOfOneStorage) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_list().tensor_v2("FloatStorage", "0", 2, 0, {2}, {1}).append();
  pickle.tensor_v2("IntStorage", "0", 2, 0, {2}, {1}).append().stop();
  const Error error = refusal(torch_zip({{"data.pkl", pickle.bytes()}, {"data/0", kEightBytes}}));
  EXPECT_THAT(error.what(), HasSubstr("is both torch.FloatStorage and torch.IntStorage"));
}

TEST(TorchZip, RefusesBytesBehindThePickle) {
  auto pickle = one_tensor().bytes();
  pickle.push_back('N');
  const Error error = refusal(torch_zip({{"data.pkl", pickle}, {"data/0", kEightBytes}}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("1 bytes follow the pickle's STOP"));
}

TEST(TorchZip, RefusesAnUnknownByteOrder) {
  EXPECT_THAT(refusal(with_records({{"byteorder", "middle"}})).what(), HasSubstr("'middle'"));
  EXPECT_THAT(refusal(with_records({{"byteorder", "little\n"}})).what(), HasSubstr("expected"));
}

TEST(TorchZip, ReadsVersionsOneToTen) {
  EXPECT_EQ(read(with_records({{"version", "1\n"}})).tensors.tensors().size(), 1u);
  EXPECT_EQ(read(with_records({{"version", "10"}})).tensors.tensors().size(), 1u);
  EXPECT_EQ(refusal(with_records({{"version", "11\n"}})).code(), ErrorCode::Unsupported);
  EXPECT_EQ(refusal(with_records({{"version", "0\n"}})).code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(with_records({{"version", "3 \n"}})).code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(with_records({{"version", std::string(65, '1')}})).code(), ErrorCode::Corrupt);
}

TEST(TorchZip, RefusesAnArchiveWithoutAVersion) {
  ZipBuilder zip;
  zip.add_torch("archive/data.pkl", one_tensor().bytes()).add_torch("archive/data/0", kEightBytes);
  EXPECT_THAT(refusal(zip.bytes()).what(), HasSubstr("no record 'archive/version'"));
}

TEST(TorchZip, RefusesASecondRoot) {
  ZipBuilder zip = torch_zip_builder({{"data.pkl", one_tensor().bytes()}, {"data/0", kEightBytes}});
  zip.add_torch("other/data.pkl", one_tensor().bytes());
  const Error error = refusal(zip.bytes());
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("'other/data.pkl' is not below 'archive/'"));
}

TEST(TorchZip, ReadsAStorageInPlace) {
  const Checkpoint checkpoint = read(with_records({}));
  EXPECT_EQ(checkpoint.format, "torch-zip");
  ASSERT_EQ(checkpoint.tensors.tensors().size(), 1u);
  const Storage& storage = checkpoint.tensors.storages()[0];
  EXPECT_EQ(storage.name, "archive/data/0");
  EXPECT_TRUE(storage.has_crc);
  const auto bytes = storage.source->read_all(storage.offset, storage.size);
  EXPECT_EQ(as_text(bytes), kEightBytes);
  checkpoint.cross_check();
}

TEST(TorchZip, ReadsTheStoragesOfTorch14) {
  const std::vector<TorchRecord> records = {
      {"version", "1\n"}, {"data.pkl", one_tensor().bytes()}, {"tensors/0", kEightBytes}};
  EXPECT_EQ(read(torch_zip(records)).tensors.storages()[0].name, "archive/tensors/0");
}

TEST(TorchZip, ReadsUnderAnyPrefix) {
  const auto zip =
      torch_zip({{"data.pkl", one_tensor().bytes()}, {"data/0", kEightBytes}}, "naïve");
  EXPECT_EQ(read(zip).tensors.storages()[0].name, "naïve/data/0");
}

TEST(TorchZip, InflatesADeflatedStorage) {
  ZipBuilder zip = torch_zip_builder({{"data.pkl", one_tensor().bytes()}});
  zip.add({.name = "archive/data/0", .content = kEightBytes, .deflated = true});
  const Checkpoint checkpoint = read(zip.bytes());
  const Storage& storage = checkpoint.tensors.storages()[0];
  EXPECT_EQ(as_text(storage.source->read_all(storage.offset, storage.size)), kEightBytes);
}

TEST(TorchZip, MarksStoragesOfABigEndianArchive) {
  EXPECT_TRUE(read(with_records({{"byteorder", "big"}})).tensors.storages()[0].big_endian);
  EXPECT_FALSE(read(with_records({{"byteorder", "little"}})).tensors.storages()[0].big_endian);
}

TEST(TorchZip, SaysThatNoCrcIsRecorded) {
  ZipBuilder zip;
  for (const auto& [name, content] :
       {std::pair<std::string, std::string>{"data.pkl", std::string(as_text(one_tensor().bytes()))},
        {"data/0", kEightBytes},
        {"version", "3\n"}})
    zip.add({.name = "archive/" + name, .content = content, .record_crc = false});
  const Checkpoint checkpoint = read(zip.bytes());
  EXPECT_FALSE(checkpoint.tensors.storages()[0].has_crc);
  EXPECT_THAT(checkpoint.notes, ElementsAre(HasSubstr("records no CRC-32")));
  EXPECT_THAT(read(with_records({})).notes, IsEmpty());
}

TEST(TorchZip, NoticesADamagedPickle) {
  ZipBuilder zip = torch_zip_builder({{"data.pkl", one_tensor().bytes()}, {"data/0", kEightBytes}});
  zip.set_content(0, {3, 1}, 0xee);
  EXPECT_EQ(refusal(zip.bytes()).code(), ErrorCode::Corrupt);
}

TEST(TorchZip, CutShortAnywhereIsCorrupt) {
  const std::vector<uint8_t> whole = with_records({});
  for (size_t size = 4; size < whole.size(); ++size) {
    const std::vector<uint8_t> part(whole.begin(), whole.begin() + static_cast<long>(size));
    EXPECT_EQ(refusal(part).code(), ErrorCode::Corrupt) << size;
  }
}

}  // namespace
}  // namespace unbrine
