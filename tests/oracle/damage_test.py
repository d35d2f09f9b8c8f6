"""Is a damaged file refused, where torch would load it or fail obscurely?"""

import unittest
import zipfile

import torch
from torch.utils.serialization import config

from oracle import CONTAINERS, OracleTest


def value():
    return {"first": torch.arange(500.0), "second": torch.arange(500, 1000, dtype=torch.int64)}


def data_offset(path, name):
    """Where the bytes of a stored entry begin."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(name)
    header = path.read_bytes()[entry.header_offset : entry.header_offset + 30]
    sizes = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return entry.header_offset + 30 + sizes


class Checksums(OracleTest):
    def without_crc(self):
        self.addCleanup(setattr, config.save, "compute_crc32", config.save.compute_crc32)
        config.save.compute_crc32 = False
        return self.save(value())

    def test_a_flipped_bit_is_refused_by_name(self):
        path = self.save(value())
        document = bytearray(path.read_bytes())
        document[data_offset(path, "checkpoint/data/1") + 1234] ^= 0x10
        path.write_bytes(document)
        self.load(path)  # torch takes it without a word
        message = self.assert_refused(path, 5).stderr
        self.assertIn("checkpoint/data/1", message)
        self.assertRegex(message, "CRC")

    def test_a_flipped_bit_in_the_pickle_is_refused(self):
        path = self.save(value())
        document = bytearray(path.read_bytes())
        document[document.index(b"second")] ^= 0x01
        path.write_bytes(document)
        self.assertIn("recond", self.load(path))
        self.assertIn("data.pkl", self.assert_refused(path, 5).stderr)

    def test_a_file_without_checksums_converts_and_says_so(self):
        path = self.without_crc()
        with zipfile.ZipFile(path) as archive:
            self.assertEqual({entry.CRC for entry in archive.infolist()}, {0})
        run = self.assert_converts(path, value())
        self.assertRegex(run.stderr, r"CRC")
        self.assertRegex(run.stderr, r"(?i)not recorded|no CRC|records no|without")


class Truncation(OracleTest):
    def test_a_file_that_ends_early_is_refused(self):
        for writer in CONTAINERS:
            path = self.save(value(), **writer)
            whole = path.read_bytes()
            for share in (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
                with self.subTest(**writer, share=share):
                    path.write_bytes(whole[: int(len(whole) * share)])
                    self.assertRaises(Exception, self.load, path)
                    self.assert_refused(path, 5)

    def test_one_missing_byte_is_enough(self):
        for writer in CONTAINERS:
            with self.subTest(**writer):
                path = self.save(value(), **writer)
                path.write_bytes(path.read_bytes()[:-1])
                self.assert_refused(path, 5)


if __name__ == "__main__":
    unittest.main()
