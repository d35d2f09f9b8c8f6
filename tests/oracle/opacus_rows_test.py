"""Do Opacus' checkpoints convert, with the privacy that was spent to the last digit?

`history` decides the guarantee: one lost digit is a wrong epsilon. Written by Opacus' own
PrivacyEngine.save_checkpoint; compared with the live engine.
"""

import json
import unittest
import warnings

import torch
from torch import nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from opacus import PrivacyEngine
    from opacus.layers import DPLSTM

from rows import RowTest, tensors_of

MECHANISMS = ("rdp", "prv", "gdp")
DELTA = 1e-5
NOISE = 1.1 * 1.1  # 1.2100000000000002: its text takes 17 digits


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(7, 6)
        self.hidden = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.hidden(self.embed(x).relu()).relu())


class Training:
    """A model in private training; the generator is that of the noise."""

    def __init__(self, mechanism):
        torch.manual_seed(5)
        self.generator = torch.Generator()
        self.engine = PrivacyEngine(accountant=mechanism)
        model = Small()
        data = torch.utils.data.TensorDataset(torch.randn(48, 7), torch.randint(0, 3, (48,)))
        loader = torch.utils.data.DataLoader(data, batch_size=7)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        self.model, self.optimizer, self.loader = self.engine.make_private(
            module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=NOISE,
            max_grad_norm=1.0, noise_generator=self.generator, poisson_sampling=True)

    def step(self, seed):
        self.generator.manual_seed(seed)
        torch.manual_seed(seed)
        x, y = torch.randn(7, 7), torch.randint(0, 3, (7,))
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.model(x), y).backward()
        self.optimizer.step()
        return self

    def save(self, path):
        self.engine.save_checkpoint(path=path, module=self.model, optimizer=self.optimizer,
                                    checkpoint_dict={"epoch": 2, "note": "größer als 0 ∞"})

    def epsilon(self):
        return self.engine.accountant.get_epsilon(delta=DELTA)


def trained(mechanism):
    return Training(mechanism).step(1).step(2).step(3)


class Checkpoints(RowTest):
    def convert_with(self, mechanism):
        """(the live training, what the folder gives back)"""
        training = trained(mechanism)
        name = f"checkpoint_{mechanism}"
        training.save(self.folder / f"{name}.pt")
        self.run_row(f"unbrine convert {name}.pt -o {mechanism}/")
        return training, self.tree(mechanism)

    def check(self, mechanism):
        training, tree = self.convert_with(mechanism)
        self.assert_same(tree["privacy_accountant_state_dict"], training.engine.accountant.state_dict())
        self.assert_same(tree["module_state_dict"], training.model.state_dict())
        self.assert_same(tree["optimizer_state_dict"], training.optimizer.state_dict())
        self.assert_same((tree["epoch"], tree["note"]), (2, "größer als 0 ∞"))
        self.check_it_goes_on(training, tree, mechanism)

    def check_it_goes_on(self, training, tree, mechanism):
        """A new engine takes up the account and the next step, both to the last bit."""
        resumed = Training(mechanism)
        resumed.engine.accountant.load_state_dict(tree["privacy_accountant_state_dict"])
        resumed.model.load_state_dict(tree["module_state_dict"])
        resumed.optimizer.load_state_dict(tree["optimizer_state_dict"])
        self.assertEqual(repr(resumed.epsilon()), repr(training.epsilon()))
        for each in (training, resumed):
            each.step(4)
        self.assertEqual(resumed.engine.accountant.history[-1][2], 4)  # steps
        self.assertEqual(repr(resumed.epsilon()), repr(training.epsilon()))
        self.assert_same(resumed.model.state_dict(), training.model.state_dict())

    def test_o1_rdp(self):
        training = trained("rdp")
        training.save(self.folder / "checkpoint_rdp.pt")
        self.run_row("unbrine convert checkpoint_rdp.pt -o out/")
        self.assert_counts("out", model=6, optimizer=18)
        self.assert_holds("out/model.safetensors", training.model.state_dict())
        tree = json.loads((self.folder / "out/state.json").read_text())["tree"]
        sigma, rate, steps = training.engine.accountant.history[0]
        self.assertEqual(tree["privacy_accountant_state_dict"],
                         {"$odict": {"history": [{"$tuple": [sigma, rate, steps]}], "mechanism": "rdp"}})
        self.check("rdp")

    def test_o2_prv(self):
        self.check("prv")

    def test_o2_gdp(self):
        self.check("gdp")

    def test_o3_the_plain_model(self):
        for mechanism in MECHANISMS:
            with self.subTest(mechanism=mechanism):
                training = trained(mechanism)
                training.save(self.folder / f"checkpoint_{mechanism}.pt")
                self.run_row(f"unbrine convert checkpoint_{mechanism}.pt"
                             " --select module_state_dict --strip-prefix _module.")
                state = training.model._module.state_dict()
                self.assert_holds(f"checkpoint_{mechanism}.safetensors", state)
                model = Small()
                model.load_state_dict(tensors_of(self.folder / f"checkpoint_{mechanism}.safetensors"))
                self.assert_same_state(model.state_dict(), state)


class Modules(RowTest):
    def setUp(self):
        super().setUp()
        torch.manual_seed(6)
        self.model = DPLSTM(5, 6, num_layers=2, bidirectional=True)
        self.save(self.model, "dplstm_module.pt")

    def test_o4_a_whole_module(self):
        """Under its names of nn.LSTM alone: a hook leaves out those of the cells."""
        state = self.model.state_dict()
        self.assertEqual(len(state), 16)
        self.run_row("unbrine convert dplstm_module.pt")
        self.assert_holds("dplstm_module.safetensors", state)
        model = DPLSTM(5, 6, num_layers=2, bidirectional=True)
        model.load_state_dict(tensors_of(self.folder / "dplstm_module.safetensors"))
        self.assert_same_state(model.state_dict(), state)

    def test_o5_what_it_names_is_listed(self):
        run = self.run_row("unbrine inspect dplstm_module.pt")
        _, _, named = run.stdout.partition("never looked up")
        self.assertRegex(named, r"opacus\.layers\.param_rename\.filter_out_old_keys\n")
        self.assertIn("opacus.layers.dp_rnn.DPLSTM ", named)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    unittest.main()
