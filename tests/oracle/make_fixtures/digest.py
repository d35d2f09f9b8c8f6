"""Gathers the *.raw.json that the makers left into one expectations.json for each folder.

    python digest.py tests/data

Digests stand in place of the bytes: SHA-256 is for any tool, `xxh3-256k:` is the digest that
unbrine itself writes (DESIGN.md 4.5). Files that hold the same tensors share one entry. Needs the
package xxhash.
"""

import hashlib
import json
import sys
from pathlib import Path

import xxhash

CHUNK = 256 << 10


def own_digest(data):
    chunks = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)] or [b""]
    digests = [xxhash.xxh3_64_digest(chunk) for chunk in chunks]
    final = digests[0] if len(digests) == 1 else xxhash.xxh3_64_digest(b"".join(digests))
    return "xxh3-256k:" + final.hex()


def row(dtype, shape, data):
    data = bytes.fromhex(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return {"dtype": dtype, "shape": shape, "sha256": sha256, "digest": own_digest(data)}


def expectation(raw):
    """What a file must give, and, apart from it, what wrote the file."""
    document = json.loads(raw.read_text())
    selections = {
        select: {name: row(*fields) for name, fields in tensors.items()}
        for select, tensors in document["selections"].items()
    }
    origin = " ".join(f"{name} {version}" for name, version in document["written_by"].items())
    note = document.get("note")
    partial = document.get("partial", False)
    return {"partial": partial, "selections": selections}, origin + (f"; {note}" if note else "")


def read_folder(folder):
    """{file: (expectation, origin)}, the new ones in place of the old."""
    files = {}
    known = folder / "expectations.json"
    for group in json.loads(known.read_text()) if known.exists() else []:
        same = {"partial": group["partial"], "selections": group["selections"]}
        files.update({name: (same, origin) for name, origin in group["files"].items()})
    for raw in sorted(folder.glob("*.raw.json")):
        files[raw.name.removesuffix(".raw.json")] = expectation(raw)
    return {name: files[name] for name in sorted(files) if (folder / name).exists()}


def grouped(files):
    groups = {}
    for name, (same, origin) in files.items():
        group = groups.setdefault(json.dumps(same, sort_keys=True), {"files": {}, **same})
        group["files"][name] = origin
    return list(groups.values())


def lines(value, depth):
    """JSON with a line for each tensor, so that differences read well."""
    if depth == 0 or not isinstance(value, (dict, list)) or not value:
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ",\n".join(lines(item, depth - 1) for item in value) + "]"
    rows = (f"{json.dumps(key)}: {lines(item, depth - 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(rows) + "}"


def finish(folder):
    (folder / "expectations.json").write_text(lines(grouped(read_folder(folder)), 4) + "\n")
    for raw in folder.glob("*.raw.json"):
        raw.unlink()


for folder in sorted({raw.parent for raw in Path(sys.argv[1]).rglob("*.raw.json")}):
    finish(folder)
