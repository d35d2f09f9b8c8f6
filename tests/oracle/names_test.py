"""Does each tensor get the name that its path in the object gives it?"""

import unittest
from collections import OrderedDict

import torch

from oracle import CONTAINERS, WRITERS, OracleTest


def one(value):
    return torch.full((2,), float(value))


class NamesTest(OracleTest):
    def assert_named(self, value, names, writers=CONTAINERS):
        """`names` are the expected ones of the tensors of `value`, by their number in it."""
        for writer in writers:
            with self.subTest(**writer):
                path = self.save(value, **writer)
                expected = {name: one(number) for number, name in enumerate(names)}
                self.last_run = self.assert_converts(path, expected, "--select", "all")


class Names(NamesTest):
    def test_nested_containers(self):
        value = OrderedDict(
            layers=[one(0), {"weight": one(1)}, (one(2), [one(3)])],
            head=OrderedDict(weight=one(4), scale=3.0, name="head"),
            pair=(None, one(5)),
        )
        value._metadata = {"": {"version": 1}}
        names = ["layers.0", "layers.1.weight", "layers.2.0", "layers.2.1.0"]
        names += ["head.weight", "pair.1"]
        self.assert_named(value, names, WRITERS)

    def test_a_list_or_tuple_at_the_root(self):
        self.assert_named([one(0), one(1)], ["0", "1"])
        self.assert_named((one(0), {"a": one(1)}), ["0", "1.a"])

    def test_keys_that_are_no_strings(self):
        value = {7: one(0), -3: one(1), True: one(2), None: one(3), False: one(4), 10**30: one(5)}
        self.assert_named(value, ["7", "-3", "True", "None", "False", str(10**30)], WRITERS)

    def test_other_keys_are_named_by_their_position(self):
        value = {"a": one(0), 1.5: one(1), (1, 2): one(2), b"raw": one(3)}
        self.assert_named(value, ["a", "1", "2", "3"])

    def test_odd_keys(self):
        keys = ["", ".", "a..b", "a b", "/", "../../etc/passwd", "0", "~1", "naïve", "重み"]
        keys.append("x" * 5000)
        self.assert_named({key: one(i) for i, key in enumerate(keys)}, keys, WRITERS)

    def test_keys_that_json_must_escape(self):
        keys = ['quote"', "back\\slash", "new\nline", "tab\t", "nul\0", "\x1b[31m", "\x7f"]
        keys += ["\u2028", "\b\f\r", "\x01\x1f", "right\u202eleft", "🦙", "\U0010ffff"]
        self.assert_named({key: one(i) for i, key in enumerate(keys)}, keys, WRITERS)

    def test_objects_are_walked_by_their_attributes(self):
        self.assert_named({"box": Box(one(0), [one(1)])}, ["box.weight", "box.rest.0"], WRITERS)

    def test_values_without_tensors_add_no_names(self):
        value = {"set": {1, 2}, "size": torch.Size([1, 2]), "dtype": torch.float16, "w": one(0)}
        self.assert_named(value | {"device": torch.device("cpu")}, ["w"])


class ChangedNames(NamesTest):
    def assert_changed(self, value, names):
        self.assert_named(value, names)
        self.assertRegex(self.last_run.stderr, "(?i)name")  # a change of names is said

    def test_two_paths_with_one_name(self):
        self.assert_changed({"a.b": one(0), "a": {"b": one(1)}}, ["a.b", "a.b~1"])
        self.assert_changed({"a": {"b": one(0)}, "a.b": one(1)}, ["a.b", "a.b~1"])

    def test_a_number_and_its_text(self):
        self.assert_changed({1: one(0), "1": one(1)}, ["1", "1~1"])

    def test_a_suffix_never_takes_a_name_that_exists(self):
        value = {"a.b": one(0), "a": {"b": one(1), "b~1": one(2)}}
        self.assert_changed(value, ["a.b", "a.b~2", "a.b~1"])

    def test_three_of_a_kind(self):
        value = {"a.b.c": one(0), "a": {"b.c": one(1), "b": {"c": one(2)}}}
        self.assert_changed(value, ["a.b.c", "a.b.c~1", "a.b.c~2"])

    def test_the_reserved_name(self):
        value = {"__metadata__": one(0), "weight": one(1)}
        self.assert_changed(value, ["__metadata__~1", "weight"])

    def test_the_reserved_name_deeper_down_is_free(self):
        self.assert_named({"a": {"__metadata__": one(0)}}, ["a.__metadata__"])

    def test_lone_surrogates(self):
        value = {"\ud800": one(0), "a\udfffb": one(1)}
        self.assert_changed(value, ["\\xed\\xa0\\x80", "a\\xed\\xbf\\xbfb"])

    def test_a_surrogate_whose_replacement_exists(self):
        value = {"\\xed\\xa0\\x80": one(0), "\ud800": one(1)}
        self.assert_changed(value, ["\\xed\\xa0\\x80", "\\xed\\xa0\\x80~1"])


class Box:
    """A class that no loader but ours would take."""

    def __init__(self, weight, rest):
        self.weight = weight
        self.rest = rest
        self.note = "plain"


if __name__ == "__main__":
    unittest.main()
