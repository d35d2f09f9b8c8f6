#include "tests/support/sample_checkpoints.h"

#include <algorithm>
#include <cstring>

#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

constexpr int64_t kElements = 2;

std::string values(size_t tensor) {
  const float numbers[] = {static_cast<float>(tensor), static_cast<float>(tensor) + 0.5F};
  std::string bytes(sizeof numbers, '\0');
  std::memcpy(bytes.data(), numbers, sizeof numbers);
  return bytes;
}

std::string little_endian(uint64_t number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

PickleBuilder legacy_tensor(const std::string& key, int64_t elements) {
  PickleBuilder tensor;
  tensor.global("torch._utils", "_rebuild_tensor_v2").mark();
  tensor.mark().string("storage").global("torch", "FloatStorage").string(key).string("cpu");
  tensor.integer(elements).none().tuple().binpersid();
  tensor.integer(0).int_tuple({elements}).int_tuple({1}).newfalse().ordered_dict();
  return tensor.tuple().reduce();
}

// The pickles before the object: magic number, protocol and properties of the writing machine.
PickleBuilder legacy_preamble() {
  PickleBuilder pickle;
  pickle.protocol(2).long1("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").stop();
  pickle.protocol(2).integer(1001).stop();
  pickle.protocol(2).empty_dict().string("little_endian").newtrue().setitem().stop();
  return pickle;
}

std::string entry(const std::string& quoted_name, size_t place) {
  return "," + quoted_name + R"(:{"dtype":"F32","shape":[2],"data_offsets":[)" +
         std::to_string(8 * place) + "," + std::to_string(8 * place + 8) + "]}";
}

}  // namespace

std::vector<uint8_t> zip_of_object(const PickleBuilder& object) {
  PickleBuilder pickle;
  pickle.protocol(2).raw(object).stop();
  return torch_zip({{"data.pkl", pickle.bytes()}});
}

std::vector<uint8_t> zip_checkpoint(const std::vector<std::string>& names) {
  PickleBuilder pickle;
  pickle.protocol(2).empty_dict();
  std::vector<TorchRecord> storages;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string key = std::to_string(i);
    pickle.string(names[i]).tensor_v2("FloatStorage", key, kElements, 0, {kElements}, {1});
    pickle.setitem();
    storages.push_back({"data/" + key, values(i)});
  }
  std::vector<TorchRecord> records = {{"data.pkl", pickle.stop().bytes()}};
  records.insert(records.end(), storages.begin(), storages.end());
  return torch_zip(records);
}

std::vector<uint8_t> legacy_checkpoint(const std::vector<std::string>& names) {
  PickleBuilder keys, storages;
  PickleBuilder pickle = legacy_preamble();
  pickle.protocol(2).empty_dict();
  keys.protocol(2).empty_list();
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string key = std::to_string(1000 + i);  // equally long: their order is that of i
    pickle.string(names[i]).raw(legacy_tensor(key, kElements)).setitem();
    keys.string(key).append();
    storages.raw(little_endian(kElements)).raw(values(i));
  }
  return pickle.stop().raw(keys.stop()).raw(storages).bytes();
}

std::vector<uint8_t> legacy_start(int64_t element_count) {
  PickleBuilder pickle = legacy_preamble();
  pickle.protocol(2).empty_dict().string("weight");
  pickle.raw(legacy_tensor("0", element_count)).setitem().stop();
  pickle.protocol(2).empty_list().string("0").append().stop();
  return pickle.raw(little_endian(static_cast<uint64_t>(element_count))).bytes();
}

std::string safetensors_of(const std::vector<std::string>& names) {
  std::vector<size_t> order(names.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return names[i]; });
  std::string header = R"({"__metadata__":{"format":"pt"})", data;
  for (size_t place = 0; place < order.size(); ++place) {
    header += entry('"' + names[order[place]] + '"', place);
    data += values(order[place]);
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return little_endian(header.size()) + header + data;
}

}  // namespace unbrine
