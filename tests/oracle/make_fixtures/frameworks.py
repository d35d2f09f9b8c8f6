"""Checkpoints of today's frameworks on a current torch: python frameworks.py OUT

Where a framework is not installed its layout is written by hand; the README says which.
"""

import argparse
import io
import json
import pathlib
import pickle
import sys
import warnings
from collections import OrderedDict

import numpy
import torch
from torch import nn

from walk import expect

warnings.simplefilter("ignore")
torch.manual_seed(1)
numpy.random.seed(1)
OUT = pathlib.Path(sys.argv[1], "framework")
OUT.mkdir(parents=True, exist_ok=True)


class Small(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.norm(self.linear(x)).relu())


def trained(model):
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 4)).sum().backward()
    optimizer.step()
    return optimizer


def skorch():
    import sklearn.pipeline
    import sklearn.preprocessing
    import skorch as library

    x = numpy.random.randn(20, 4).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    net = library.NeuralNetClassifier(
        Small, max_epochs=2, verbose=0, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.SGD,
        optimizer__momentum=0.9, iterator_train__shuffle=True)
    net.fit(x, y)
    pipeline = sklearn.pipeline.Pipeline([("scale", sklearn.preprocessing.StandardScaler()), ("net", net)])
    pipeline.fit(x, y)
    for protocol in (2, 4):
        path = OUT / f"skorch_net.p{protocol}.pkl"
        path.write_bytes(pickle.dumps(net, protocol))
        expect(str(path), {"": net.module_.state_dict()}, (library,))
    path = OUT / "skorch_pipeline.p4.pkl"
    path.write_bytes(pickle.dumps(pipeline, 4))
    scaler = pipeline.named_steps["scale"]
    steps = {f"steps.1.1.module_.{k}": v for k, v in net.module_.state_dict().items()}
    steps.update({"steps.0.1.mean_": scaler.mean_, "steps.0.1.var_": scaler.var_})
    expect(str(path), {"all": steps}, (library, sys.modules["sklearn"]), partial=True)
    path = OUT / "skorch_params.pt"
    net.save_params(f_params=str(path))
    expect(str(path), {"": net.module_.state_dict()}, (library,))


def lightning():
    import lightning as library

    class Lit(library.LightningModule):
        def __init__(self, width=3, rate=0.01):
            super().__init__()
            self.save_hyperparameters()
            self.net = Small(width)

        def training_step(self, batch, index):
            return self.net(batch[0]).pow(2).mean()

        def configure_optimizers(self):
            optimizer = torch.optim.Adam(self.parameters(), self.hparams.rate)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 4)), batch_size=4)
    trainer = library.Trainer(max_epochs=1, logger=False, enable_progress_bar=False, accelerator="cpu",
                              enable_model_summary=False, default_root_dir="/tmp/lightning",
                              enable_checkpointing=False)
    model = Lit()
    trainer.fit(model, data)
    path = OUT / "lightning.ckpt"
    trainer.save_checkpoint(path)
    loaded = torch.load(path, weights_only=False)
    assert loaded["hyper_parameters"]["width"] == 3
    expect(str(path), {"": loaded["state_dict"], "all": loaded}, (library,))


def opacus():
    import opacus as library

    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    data = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.randn(8, 4), torch.zeros(8, dtype=torch.long)), batch_size=4)
    engine = library.PrivacyEngine()
    model, optimizer, data = engine.make_private(
        module=model, optimizer=optimizer, data_loader=data, noise_multiplier=1.0, max_grad_norm=1.0)
    for x, y in data:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    path = OUT / "opacus.pt"
    engine.save_checkpoint(path=str(path), module=model, optimizer=optimizer, checkpoint_dict={"epoch": 1})
    loaded = torch.load(path, weights_only=False)
    expect(str(path), {"": loaded["module_state_dict"], "all": loaded}, (library,))


def cloudpickle():
    import cloudpickle as library

    scope = {"nn": nn, "__name__": "__main__"}
    exec("class Local(nn.Module):\n"
         "    def __init__(self):\n"
         "        super().__init__()\n"
         "        self.linear = nn.Linear(3, 2)\n"
         "    def forward(self, x):\n"
         "        return self.linear(x)\n", scope)
    model = scope["Local"]()
    path = OUT / "cloudpickle.pkl"
    path.write_bytes(library.dumps({"state_dict": model.state_dict(), "name": "x"}))
    expect(str(path), {"": model.state_dict()}, (library,))
    path = OUT / "cloudpickle_module.pkl"
    path.write_bytes(library.dumps(model))
    expect(str(path), {"": model}, (library,))


def transformers():
    import transformers as library

    config = library.GPT2Config(vocab_size=11, n_positions=8, n_embd=4, n_layer=1, n_head=2)
    model = library.GPT2LMHeadModel(config)
    path = OUT / "pytorch_model.bin"
    torch.save(model.state_dict(), path)
    expect(str(path), {"": model.state_dict()}, (library,))
    arguments = library.TrainingArguments(output_dir="/tmp/out", use_cpu=True)
    path = OUT / "with_training_args.bin"
    torch.save({"state_dict": model.state_dict(), "args": arguments}, path)
    expect(str(path), {"": model.state_dict()}, (library,))


def by_hand():
    """Layouts of frameworks that are too large to install, written as they write them."""
    arrays = OrderedDict(("layer%d.%s" % (i, kind), numpy.random.randn(*shape).astype("float32"))
                         for i in range(2) for kind, shape in (("weight", (3, 2)), ("bias", (3,))))
    names = {"StructuredToParameterName@@": {name: "linear_%d.w_0" % i for i, name in enumerate(arrays)}}
    for protocol in (2, 4):
        path = OUT / f"paddle.p{protocol}.pdparams"
        path.write_bytes(pickle.dumps({**arrays, **names}, protocol))
        expect(str(path), {"": arrays, "all": arrays}, note="by hand: layout of paddle.save")
    path = OUT / "detectron2.pkl"
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "someone", "matching_heuristics": True}))
    expect(str(path), {"": arrays}, note="by hand: layout of detectron2's model zoo")
    model = Small()
    optimizer = trained(model)
    args = argparse.Namespace(model="small", lr=0.1, mean=(0.5, 0.5), log=pathlib.PurePosixPath("x"))
    average = OrderedDict((name, tensor + 1) for name, tensor in model.state_dict().items())
    timm = {"epoch": 3, "arch": "small", "state_dict": model.state_dict(), "optimizer":
            optimizer.state_dict(), "version": 2, "args": args, "amp_scaler":
            torch.amp.GradScaler("cpu").state_dict(), "state_dict_ema": average, "metric": 0.5}
    path = OUT / "timm.pth.tar"
    torch.save(timm, path)
    expect(str(path), {"": model.state_dict(), "ema": average, "all": timm},
           note="by hand: layout of timm's CheckpointSaver")
    args = argparse.Namespace(arch="small", lr=[0.1], task="t", nested=argparse.Namespace(a=1))
    fairseq = {"args": args, "cfg": None, "model": model.state_dict(), "optimizer_history":
               [{"criterion_name": "c", "num_updates": 3}], "last_optimizer_state":
               optimizer.state_dict(), "extra_state": {"val_loss": None, "best": 1.5}}
    for suffix, zipped in ((".pt", True), (".legacy.pt", False)):
        path = OUT / ("fairseq" + suffix)
        torch.save(fairseq, path, _use_new_zipfile_serialization=zipped)
        expect(str(path), {"": model.state_dict(), "all": fairseq}, note="by hand: layout of fairseq")
    state = OrderedDict(("module." + k, v) for k, v in model.state_dict().items())
    path = OUT / "data_parallel.pth.tar"
    torch.save({"epoch": 1, "arch": "small", "state_dict": state, "best_acc1": torch.tensor(0.5),
                "optimizer": optimizer.state_dict()}, path, _use_new_zipfile_serialization=False)
    expect(str(path), {"": state}, note="by hand: layout of torch's imagenet example")
    path = OUT / "data_parallel_module.pt"
    torch.save(nn.DataParallel(model), path)
    expect(str(path), {"": nn.DataParallel(model).state_dict()})
    path = OUT / "yolo.pt"
    torch.save({"epoch": -1, "best_fitness": None, "model": model.half(), "ema": None, "updates": None,
                "train_args": {"imgsz": 640}, "date": "2024-01-01"}, path)
    expect(str(path), {"": model.state_dict()}, note="by hand: layout of ultralytics; the module itself")


def hf_shards():
    folder = OUT / "hf_shards"
    folder.mkdir(exist_ok=True)
    state = Small().state_dict()
    names = list(state)
    parts = {"pytorch_model-00001-of-00002.bin": names[:4], "pytorch_model-00002-of-00002.bin": names[4:]}
    for name, keys in parts.items():
        torch.save(OrderedDict((key, state[key].clone()) for key in keys), folder / name)
    size = sum(t.numel() * t.element_size() for t in state.values())
    weight_map = {key: name for name, keys in parts.items() for key in keys}
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2))
    (folder / "config.json").write_text("{}\n")
    expect(str(folder), {"": state}, note="by hand: layout of save_pretrained")


def dcp():
    import torch.distributed.checkpoint as checkpoint

    model = Small()
    optimizer = trained(model)
    state = {"model": model.state_dict(), "step": torch.tensor(7), "epoch": 3, "list": [torch.ones(2), "x"],
             "optim": {"exp_avg": {"w": torch.arange(4.0)}}, "scalar": 1.5}
    folder = OUT / "dcp"
    checkpoint.save(state, checkpoint_id=str(folder), no_dist=True)
    expect(str(folder), {"": model.state_dict(), "all": state})


for make in (skorch, lightning, opacus, cloudpickle, transformers, by_hand, hf_shards, dcp):
    try:
        make()
    except Exception as error:
        print(f"{make.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
        if "-v" in sys.argv:
            raise
