"""Does every file of tests/data give the tensors that the library which wrote it holds?

Needs Python alone: what the libraries say was recorded with the files (tests/data/README.md).
UNBRINE_FIXTURES=numpy,torch-1.4 runs some folders only.
"""

import hashlib
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
UNBRINE = os.environ.get("UNBRINE", str(ROOT / "build/release/unbrine"))
FOLDERS = os.environ.get("UNBRINE_FIXTURES", "").split(",")


def expectations():
    """(path, selection, expected tensors, whether others may be there too) of all files."""
    for document in sorted(DATA.glob("*/expectations.json")):
        if FOLDERS != [""] and document.parent.name not in FOLDERS:
            continue
        for group in json.loads(document.read_text()):
            for name in group["files"]:
                for select, tensors in group["selections"].items():
                    yield document.parent / name, select, tensors, group["partial"]


def tensors_of(document):
    """{name: (dtype, shape, SHA-256)} of a safetensors file."""
    size = int.from_bytes(document[:8], "little")
    header, data = json.loads(document[8 : 8 + size]), document[8 + size :]
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        digest = hashlib.sha256(data[begin:end]).hexdigest()
        found[name] = (entry["dtype"], entry["shape"], digest)
    return found


class Fixtures(unittest.TestCase):
    maxDiff = None

    def convert(self, path, select):
        with tempfile.TemporaryDirectory(prefix="unbrine-fixtures-") as folder:
            output = Path(folder, "out.safetensors")
            options = ["--select", select] if select else []
            command = [UNBRINE, "convert", str(path), "-o", str(output), *options]
            run = subprocess.run(command, capture_output=True, text=True, timeout=300)
            self.assertEqual(run.returncode, 0, run.stderr)
            return tensors_of(output.read_bytes())

    def test_every_file(self):
        for path, select, expected, partial in expectations():
            with self.subTest(file=str(path.relative_to(DATA)), select=select):
                expected = {n: (e["dtype"], e["shape"], e["sha256"]) for n, e in expected.items()}
                found = self.convert(path, select)
                self.assertEqual(sorted(expected.keys() - found.keys()), [], "are missing")
                if not partial:
                    self.assertEqual(sorted(found.keys() - expected.keys()), [], "are too many")
                for name, entry in expected.items():
                    self.assertEqual(found[name], entry, name)


if __name__ == "__main__":
    unittest.main()
