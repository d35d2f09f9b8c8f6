"""Do tensors arrive that torch keeps as several (quantized, sparse, nested), or wraps in classes?"""

import unittest
import warnings

import torch

from oracle import CONTAINERS, WRITERS, OracleTest

GRID = torch.arange(24.0).reshape(4, 6)
SPARSE_GRID = torch.tensor([[0.0, 2, 0, 0], [0, 0, 0, 3], [1, 0, 0, 0], [0, 0, 4, 5]])


def scalar(value, dtype):
    return torch.tensor(value, dtype=dtype)


def quantized_parts(name, tensor):
    """The integers and what turns them back into numbers."""
    parts = {name: tensor.int_repr()}
    if tensor.qscheme() == torch.per_tensor_affine:
        parts[f"{name}.scale"] = scalar(tensor.q_scale(), torch.float64)
        parts[f"{name}.zero_point"] = scalar(tensor.q_zero_point(), torch.int64)
    else:
        parts[f"{name}.scale"] = tensor.q_per_channel_scales()
        parts[f"{name}.zero_point"] = tensor.q_per_channel_zero_points()
        parts[f"{name}.axis"] = scalar(tensor.q_per_channel_axis(), torch.int64)
    return parts


def per_channel(dtype, scales=None, zero_points=None):
    scales = torch.tensor([0.5, 0.25, 1.0, 2.0], dtype=torch.float64) if scales is None else scales
    if zero_points is None:
        zero_points = torch.tensor([0, 1, 2, 3])
    return torch.quantize_per_channel(GRID, scales, zero_points, 0, dtype)


class Tagged(torch.Tensor):
    """A subclass whose instances may have attributes."""


class Wrapper(torch.Tensor):
    """A subclass that holds no data of its own."""

    @staticmethod
    def __new__(cls, data, scale):
        return torch.Tensor._make_wrapper_subclass(cls, data.shape, dtype=data.dtype)

    def __init__(self, data, scale):
        self.data_part = data
        self.scale_part = scale

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise NotImplementedError


class Composites(OracleTest):
    def check(self, value, expected, writers=CONTAINERS, *options):
        for writer in writers:
            with self.subTest(**writer):
                self.assert_converts(self.save(value, **writer), expected, *options)

    # --- Quantized ---

    def test_quantized_per_tensor(self):
        for dtype in (torch.qint8, torch.quint8, torch.qint32):
            with self.subTest(dtype=dtype):
                tensor = torch.quantize_per_tensor(GRID, 0.25, 3, dtype)
                self.check({"w": tensor}, quantized_parts("w", tensor), WRITERS)

    def test_quantized_per_channel(self):
        tensor = per_channel(torch.qint8)
        self.check({"w": tensor}, quantized_parts("w", tensor))

    def test_quantized_per_channel_with_float_parameters(self):
        tensor = per_channel(
            torch.quint8, torch.rand(4, dtype=torch.float32), torch.rand(4, dtype=torch.float32)
        )
        self.check({"w": tensor}, quantized_parts("w", tensor))

    def test_a_view_of_a_quantized_tensor(self):
        tensor = torch.quantize_per_tensor(GRID, 0.25, 3, torch.qint8)[1:3].transpose(0, 1)
        self.check({"w": tensor}, quantized_parts("w", tensor))

    def test_packed_integers_keep_their_bytes(self):
        scales = torch.rand(4, dtype=torch.float32)
        for dtype, per_byte in ((torch.quint4x2, 2), (torch.quint2x4, 4)):
            with self.subTest(dtype=dtype):
                tensor = torch.quantize_per_channel(
                    torch.rand(4, 8), scales, torch.zeros(4), 0, dtype
                )
                raw = torch.frombuffer(
                    bytearray(bytes(tensor.untyped_storage())), dtype=torch.uint8
                )
                self.assertEqual(raw.numel(), 32 // per_byte)
                expected = {
                    "w": raw,
                    "w.scale": tensor.q_per_channel_scales(),
                    "w.zero_point": tensor.q_per_channel_zero_points(),
                    "w.axis": scalar(0, torch.int64),
                }
                self.check({"w": tensor}, expected)

    def test_a_quantized_module(self):
        torch.backends.quantized.engine = torch.backends.quantized.supported_engines[-1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = torch.ao.quantization.quantize_dynamic(
                torch.nn.Sequential(torch.nn.Linear(4, 3)), {torch.nn.Linear}, dtype=torch.qint8
            )
        state = model.state_dict()
        weight, bias = state["0._packed_params._packed_params"]
        expected = {
            "0.scale": state["0.scale"],
            "0.zero_point": state["0.zero_point"],
            **quantized_parts("0._packed_params._packed_params.0", weight),
            "0._packed_params._packed_params.1": bias,
        }
        self.check(state, expected, CONTAINERS, "--select", "all")

    # --- Sparse ---

    def test_sparse_coo(self):
        tensor = SPARSE_GRID.to_sparse_coo()
        expected = {"w.indices": tensor.indices(), "w.values": tensor.values()}
        self.check({"w": tensor}, expected, WRITERS)

    def test_sparse_compressed_by_rows(self):
        for tensor in (SPARSE_GRID.to_sparse_csr(), SPARSE_GRID.to_sparse_bsr((2, 2))):
            with self.subTest(layout=tensor.layout):
                expected = {
                    "w.crow_indices": tensor.crow_indices(),
                    "w.col_indices": tensor.col_indices(),
                    "w.values": tensor.values(),
                }
                self.check({"w": tensor}, expected)

    def test_sparse_compressed_by_columns(self):
        for tensor in (SPARSE_GRID.to_sparse_csc(), SPARSE_GRID.to_sparse_bsc((2, 2))):
            with self.subTest(layout=tensor.layout):
                expected = {
                    "w.ccol_indices": tensor.ccol_indices(),
                    "w.row_indices": tensor.row_indices(),
                    "w.values": tensor.values(),
                }
                self.check({"w": tensor}, expected)

    def test_a_sparse_parameter(self):
        tensor = SPARSE_GRID.to_sparse_coo()
        expected = {"w.indices": tensor.indices(), "w.values": tensor.values()}
        self.check({"w": torch.nn.Parameter(tensor)}, expected)

    # --- Nested ---

    def test_nested_strided(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tensor = torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 3)])
        expected = {
            "w.values": tensor.values(),
            "w.sizes": tensor._nested_tensor_size(),
            "w.strides": tensor._nested_tensor_strides(),
            "w.offsets": tensor._nested_tensor_storage_offsets(),
        }
        self.check({"w": tensor}, expected)

    def test_nested_jagged(self):
        tensor = torch.nested.nested_tensor(
            [torch.ones(2, 3), torch.zeros(1, 3)], layout=torch.jagged
        )
        expected = {"w.values": tensor.values(), "w.offsets": tensor.offsets()}
        self.check({"w": tensor}, expected)

    # --- Without data ---

    def test_meta_tensors_are_reported_and_the_others_written(self):
        value = {"w": torch.ones(2), "m": torch.ones(3, device="meta")}
        for writer in CONTAINERS:
            with self.subTest(**writer):
                run = self.assert_converts(self.save(value, **writer), {"w": value["w"]})
                self.assertIn("1 tensor on the meta device", run.stderr)

    def test_only_meta_tensors_are_refused(self):
        value = {"m": torch.nn.Parameter(torch.ones(3, device="meta"))}
        run = self.assert_refused(self.save(value), 7)
        self.assertIn("1 tensor on the meta device", run.stderr)

    def test_lazy_parameters_are_reported(self):
        module = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.Linear(2, 2))
        path = self.save(module)
        run = self.assert_converts(path, {f"1.{k}": v for k, v in module[1].state_dict().items()})
        self.assertIn("2 tensors on the meta device or not initialised", run.stderr)

    # --- Classes ---

    def test_a_subclass_is_the_tensor_it_is(self):
        tensor = GRID.as_subclass(Tagged)
        self.check({"w": tensor}, {"w": GRID}, WRITERS)

    def test_attributes_of_a_subclass_are_kept_with_everything(self):
        tensor = GRID.clone().as_subclass(Tagged)
        tensor.extra = torch.ones(2)
        self.check({"w": tensor}, {"w": GRID})
        self.check({"w": tensor}, {"w": GRID, "w.extra": torch.ones(2)}, CONTAINERS, "--select",
                   "all")

    def test_attributes_of_a_parameter_are_kept_with_everything(self):
        parameter = torch.nn.Parameter(GRID.clone())
        parameter.mean = torch.ones(2)
        self.check({"w": parameter}, {"w": GRID, "w.mean": torch.ones(2)}, CONTAINERS, "--select",
                   "all")

    def test_a_wrapper_is_what_it_wraps(self):
        tensor = Wrapper(GRID, torch.ones(4))
        expected = {"w.data_part": GRID, "w.scale_part": torch.ones(4)}
        self.check({"w": tensor}, expected, CONTAINERS, "--select", "all")

    def test_a_storage_by_itself_is_a_vector(self):
        for dtype in (torch.float32, torch.int64, torch.bool):
            with self.subTest(dtype=dtype):
                tensor = torch.tensor([1, 0, 1], dtype=dtype)
                self.check({"w": torch.ones(2), "s": tensor.storage()},
                           {"w": torch.ones(2), "s": tensor}, WRITERS)

    def test_an_untyped_storage_is_bytes(self):
        tensor = torch.tensor([1.0, 2.0])
        self.check({"w": torch.ones(2), "s": tensor.untyped_storage()},
                   {"w": torch.ones(2), "s": tensor.view(torch.uint8)})


class Distributed(OracleTest):
    """One process stands for a mesh of one; a shard is told by the shape it is a part of."""

    def setUp(self):
        super().setUp()
        store = torch.distributed.HashStore()
        torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
        self.addCleanup(torch.distributed.destroy_process_group)
        self.mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))

    def test_a_whole_dtensor_is_its_local_tensor(self):
        from torch.distributed.tensor import Shard, distribute_tensor

        tensor = distribute_tensor(GRID, self.mesh, [Shard(0)])
        for writer in CONTAINERS:
            with self.subTest(**writer):
                run = self.assert_converts(self.save({"w": tensor}, **writer), {"w": GRID})
                self.assertNotIn("distributed", run.stderr)

    def test_a_shard_is_written_with_a_warning(self):
        from torch.distributed.tensor import DTensor, Shard

        tensor = DTensor.from_local(
            GRID, self.mesh, [Shard(0)], run_check=False, shape=(8, 6), stride=(6, 1)
        )
        run = self.assert_converts(self.save({"w": tensor}), {"w": GRID})
        self.assertIn("only the part of its own rank", run.stderr)


if __name__ == "__main__":
    unittest.main()
