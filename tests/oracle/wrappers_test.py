"""Are checkpoints read that are compressed as a whole, or that lie in a tar?"""

import bz2
import gzip
import io
import lzma
import pickle
import resource
import struct
import subprocess
import tarfile
import unittest
import zlib

import torch

import oracle
from oracle import CONTAINERS, OracleTest, flatten

COMPRESSORS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "xz-crc32": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "xz-sha256": lambda data: lzma.compress(data, check=lzma.CHECK_SHA256),
    "xz-none": lambda data: lzma.compress(data, check=lzma.CHECK_NONE),
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
}


def state():
    torch.manual_seed(0)
    tied = torch.randn(30, 20)
    return {
        "weight": tied,
        "transposed": tied.t(),
        "part": tied[3:5, 1:9:2],
        "steps": torch.tensor(7),
        "half": torch.randn(5).half(),
        "empty": torch.ones(0),
    }


class Compressed(OracleTest):
    def check(self, path, compress):
        expected = flatten(self.load(path))
        packed = self.folder / "packed.bin"
        packed.write_bytes(compress(path.read_bytes()))
        self.assert_converts(packed, expected)

    def test_by_each_compressor(self):
        for writer in CONTAINERS:
            path = self.save(state(), **writer)
            for name, compress in COMPRESSORS.items():
                with self.subTest(compressor=name, **writer):
                    self.check(path, compress)

    def test_at_each_level(self):
        path = self.save(state())
        for level in range(1, 10):
            with self.subTest(level=level):
                self.check(path, lambda data: gzip.compress(data, level))
                self.check(path, lambda data: zlib.compress(data, level))
                self.check(path, lambda data: bz2.compress(data, level))
                self.check(path, lambda data: lzma.compress(data, preset=level))
                alone = {"format": lzma.FORMAT_ALONE, "preset": level}
                self.check(path, lambda data: lzma.compress(data, **alone))

    def test_in_several_streams(self):
        path = self.save(state())
        for name in ("gzip", "bzip2", "xz"):
            with self.subTest(compressor=name):
                compress = COMPRESSORS[name]
                self.check(path, lambda data: compress(data[:999]) + compress(data[999:]))

    def test_twice(self):
        self.check(self.save(state()), lambda data: gzip.compress(bz2.compress(data)))

    def test_with_a_name_and_a_comment_in_the_header(self):
        def compress(data):
            buffer = io.BytesIO()
            with gzip.GzipFile("checkpoint.pt", "wb", fileobj=buffer) as stream:
                stream.write(data)
            return buffer.getvalue()

        self.check(self.save(state()), compress)

    def test_of_zeros_alone(self):
        zeros = {"weight": torch.zeros(25_000_000)}
        self.check(self.save(zeros), bz2.compress)

    def test_in_little_memory(self):
        path = self.save({"weight": torch.zeros(50_000_000)})
        packed = self.folder / "packed.gz"
        packed.write_bytes(gzip.compress(path.read_bytes(), 1))
        most = 150 << 20  # of address space: libraries and stacks too
        run = subprocess.run(
            [oracle.UNBRINE, "convert", packed, "-o", self.folder / "out.safetensors"],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        )
        self.assertEqual(run.returncode, 0, run.stderr)


class TorchTar(OracleTest):
    """Files as torch 0.1 wrote them: laid out as torch.load of today still reads them."""

    def setUp(self):
        super().setUp()
        self.storages = {}
        self.views = []
        self.tensors = {}

    def add_storage(self, key, tensor):
        self.storages[key] = tensor

    def add_tensor(self, key, storage_key, tensor):
        self.tensors[key] = (storage_key, tensor)
        return tensor

    def persistent_id(self, value):
        if isinstance(value, torch.Tensor):
            for key, (_, tensor) in self.tensors.items():
                if tensor is value:
                    return str(key)
            self.fail("a tensor without a key")
        return None

    def storages_member(self, protocol):
        out = io.BytesIO()
        pickle.dump(len(self.storages), out, protocol)
        for key, values in self.storages.items():
            kind = getattr(torch, values.type().split(".")[-1].replace("Tensor", "Storage"))
            pickle.dump((key, "cpu", kind), out, protocol)
            out.write(struct.pack("<q", values.numel()) + values.numpy().tobytes())
        pickle.dump(self.views, out, protocol)
        return out.getvalue()

    def tensors_member(self, protocol):
        out = io.BytesIO()
        pickle.dump(len(self.tensors), out, protocol)
        for key, (storage_key, tensor) in self.tensors.items():
            kind = getattr(torch, tensor.type().split(".")[-1])
            pickle.dump((key, storage_key, kind), out, protocol)
            numbers = [tensor.dim(), *tensor.shape, *tensor.stride(), tensor.storage_offset()]
            out.write(struct.pack(f"<{len(numbers)}q", *numbers))
        return out.getvalue()

    def object_member(self, value, protocol):
        out = io.BytesIO()
        pickler = pickle.Pickler(out, protocol)
        pickler.persistent_id = self.persistent_id
        pickler.dump(value)
        return out.getvalue()

    def write(self, value, protocol=2, tar_format=tarfile.PAX_FORMAT, name="old.pt"):
        system = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"int": 4}}
        members = {
            "sys_info": pickle.dumps(system, protocol),
            "pickle": self.object_member(value, protocol),
            "tensors": self.tensors_member(protocol),
            "storages": self.storages_member(protocol),
        }
        path = self.folder / name
        with tarfile.open(path, "w:", format=tar_format) as tar:
            for member, content in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return path

    def sample(self):
        base = torch.arange(24.0)
        whole = torch.arange(10, dtype=torch.int64)
        flags = torch.tensor([0, 1, 255], dtype=torch.uint8)
        doubles = torch.randn(4, dtype=torch.float64)
        for key, values in ((101, base), (102, whole), (103, flags), (104, doubles)):
            self.add_storage(key, values)
        self.views = [(105, 101, 6, 8)]
        return {
            "matrix": self.add_tensor(201, 101, base.view(4, 6)),
            "transposed": self.add_tensor(202, 101, base.view(4, 6).t()),
            "part": self.add_tensor(203, 101, base.view(4, 6)[1:3, 2:5]),
            "of_view": self.add_tensor(204, 105, base[6:14].clone().view(2, 4)),
            "whole": self.add_tensor(205, 102, whole),
            "flags": self.add_tensor(206, 103, flags),
            "doubles": self.add_tensor(207, 104, doubles),
            "none": self.add_tensor(208, 104, torch.empty(0, dtype=torch.float64)),
        }

    def test_equals_what_torch_loads(self):
        value = self.sample()
        for protocol in (0, 1, 2, 3, 4):
            for tar_format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
                with self.subTest(protocol=protocol, tar_format=tar_format):
                    path = self.write({"epoch": 3, "state_dict": value}, protocol, tar_format)
                    loaded = self.load(path)["state_dict"]
                    for name, tensor in value.items():
                        self.assertTrue(torch.equal(loaded[name], tensor), name)
                    self.assert_converts(path, loaded)

    def test_keeps_modules_and_parameters(self):
        layer = torch.nn.Linear(3, 2)
        for key, parameter in ((301, layer.weight), (302, layer.bias)):
            self.add_storage(key, parameter.detach().reshape(-1))
            self.add_tensor(key + 100, key, parameter.detach())
        # A Parameter pickles as a call over its data, which is a tensor of its own.
        by_address = {tensor.data_ptr(): str(key) for key, (_, tensor) in self.tensors.items()}
        self.persistent_id = lambda value: (
            by_address[value.data_ptr()] if type(value) is torch.Tensor else None
        )
        path = self.write({"model": layer})
        loaded = self.load(path)["model"]
        self.assertTrue(torch.equal(loaded.weight, layer.weight))
        self.assert_converts(path, layer.state_dict())

    def test_compressed(self):
        path = self.write(self.sample())
        packed = self.folder / "old.tar.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        self.assert_converts(packed, flatten(self.load(path)))


class Nemo(OracleTest):
    def write(self, weights, mode, tar_format, prefix):
        path = self.folder / "model.nemo"
        with tarfile.open(path, mode, format=tar_format) as tar:
            for name, content in (
                ("model_config.yaml", b"target: nemo\n"),
                ("x" * 120 + "_vocab.txt", b"a\nb\n"),
                ("model_weights.ckpt", weights.read_bytes()),
            ):
                info = tarfile.TarInfo(prefix + name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return path

    def test_plain_and_compressed(self):
        for writer in CONTAINERS:
            weights = self.save(state(), "weights.ckpt", **writer)
            for mode in ("w:", "w:gz", "w:bz2", "w:xz"):
                for tar_format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
                    for prefix in ("", "./"):
                        with self.subTest(mode=mode, tar_format=tar_format, prefix=prefix):
                            path = self.write(weights, mode, tar_format, prefix)
                            run = self.assert_converts(path, flatten(self.load(weights)))
                            self.assertIn("model_config.yaml", run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
