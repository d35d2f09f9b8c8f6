"""Do ZeRO checkpoints become what DeepSpeed's own script merges them to?

The folders in tests/data/zero were written, and merged, by DeepSpeed itself.
"""

import unittest

from oracle import DATA, OracleTest, first_difference

ZERO = DATA / "zero"


class Zero(OracleTest):
    def assert_merges(self, path, name):
        run, document = self.convert(path)
        expected = (ZERO / f"{name}.expected.safetensors").read_bytes()
        if document != expected:
            self.fail(f"{name}: {first_difference(document, expected)}")
        return run

    def test_every_stage_merges_as_deepspeed_merges_it(self):
        names = sorted(path.name for path in ZERO.iterdir() if path.is_dir())
        self.assertGreaterEqual(len(names), 7)
        for name in names:
            with self.subTest(name=name):
                run = self.assert_merges(ZERO / name, name)
                self.assertIn("the state of the optimizer is left out", run.stderr)

    def test_the_folder_of_a_step_alone(self):
        self.assert_merges(ZERO / "stage3/global_step2", "stage3")

    def test_weights_of_the_module_that_the_script_leaves_out_are_told(self):
        run = self.assert_merges(ZERO / "stage1", "stage1")
        self.assertIn("'frozen.weight' and 1 other", run.stderr)


if __name__ == "__main__":
    unittest.main()
