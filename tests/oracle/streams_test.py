"""Are torch tensors read from pickles that torch.save did not write, at any depth and in a row?"""

import io
import pickle
import unittest

import torch

from oracle import OracleTest, expected_bytes, flatten

GRID = torch.arange(24.0).reshape(4, 6)
PROTOCOLS = range(6)


class Net:
    """Keeps what may live on a GPU as a pickle of its own, as skorch does."""

    key = "__cuda_dependent_attributes__"

    def __init__(self):
        self.module_ = torch.nn.Linear(2, 3)
        self.history = [1, 2]

    def __getstate__(self):
        return {"history": self.history, self.key: self.dumped({"module_": self.module_})}

    def dumped(self, attributes):
        return pickle.dumps(attributes)


class OldNet(Net):
    """As skorch 0.5 did: a torch stream under another name."""

    key = "cuda_dependent_attributes_"

    def dumped(self, attributes):
        buffer = io.BytesIO()
        torch.save(attributes, buffer, _use_new_zipfile_serialization=False)
        return buffer.getvalue()


class Streams(OracleTest):
    def dump(self, *values, protocol=2):
        path = self.folder / "dump.pkl"
        path.write_bytes(b"".join(pickle.dumps(value, protocol) for value in values))
        return path

    def test_tensors_in_bare_pickles_of_every_protocol(self):
        value = {
            "w": GRID, "view": GRID[1:3, ::2], "p": torch.nn.Parameter(torch.ones(3)),
            "i": torch.arange(5), "empty": torch.zeros(0, 3), "n": 5, "large": torch.rand(50000),
        }
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.assert_converts(self.dump(value, protocol=protocol), flatten(value))

    def test_types_that_torch_writes_untyped(self):
        value = {"f8": torch.ones(4).to(torch.float8_e5m2), "u": torch.arange(4).to(torch.uint16)}
        self.assert_converts(self.dump(value), value)

    def test_a_module_in_a_bare_pickle(self):
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        for protocol in (2, 4):
            with self.subTest(protocol=protocol):
                self.assert_converts(self.dump(module, protocol=protocol), module.state_dict())

    def test_a_stream_inside_a_pickle_inside_a_stream(self):
        for net in (Net(), OldNet()):
            with self.subTest(kind=type(net).__name__):
                expected = net.module_.state_dict()
                self.assert_converts(self.dump(net), expected)
                named = {f"module_.{name}": tensor for name, tensor in expected.items()}
                self.assert_converts(self.dump(net), named, "--select", "all")

    def test_several_pickles_are_numbered(self):
        values = {"a": GRID}, torch.ones(3), [1, torch.zeros(2)]
        expected = {"#1.a": GRID, "#2": torch.ones(3), "#3.1": torch.zeros(2)}
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.assert_converts(self.dump(*values, protocol=protocol), expected)

    def test_several_legacy_streams_are_numbered(self):
        path = self.folder / "many.pt"
        with path.open("wb") as file:
            for value in ({"a": GRID}, {"b": torch.arange(3)}):
                torch.save(value, file, _use_new_zipfile_serialization=False)
            pickle.dump({"c": torch.ones(1)}, file)
        expected = {"#1.a": GRID, "#2.b": torch.arange(3), "#3.c": torch.ones(1)}
        self.assert_converts(path, expected)

    def test_every_prefix_of_a_bare_pickle_is_refused(self):
        whole = self.dump({"w": torch.arange(3.0)}, protocol=0).read_bytes()
        cut = self.folder / "cut.pkl"
        for size in range(0, len(whole), 17):
            cut.write_bytes(whole[:size])
            run = self.unbrine("convert", cut, "-o", self.folder / "out.safetensors")
            self.assertIn(run.returncode, (5, 7), run.stderr)

    def test_tensors_as_keys_are_named_once(self):
        parameter = torch.nn.Parameter(torch.ones(2))
        value = {"p": parameter, "state": {parameter: {"step": torch.tensor(3)}}}
        expected = {"p": parameter, "state.0.step": torch.tensor(3)}
        self.assert_converts(self.save(value), expected, "--select", "all")

    def test_tensors_that_are_only_keys_are_named_by_their_entry(self):
        value = {"state": {torch.ones(2): torch.zeros(1)}}
        expected = {"state.0": torch.zeros(1), "state.0.key": torch.ones(2)}
        self.assert_converts(self.save(value), expected, "--select", "all")


if __name__ == "__main__":
    unittest.main()
