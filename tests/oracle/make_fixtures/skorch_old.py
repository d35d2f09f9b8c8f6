"""Nets of skorch 0.5, by torch 1.0 on Python 3.6: python skorch_old.py OUT"""

import os
import pickle
import sys
import warnings

import numpy
import sklearn
import skorch
import torch
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from walk import expect

warnings.simplefilter("ignore")
torch.manual_seed(1)
numpy.random.seed(1)
OUT = os.path.join(sys.argv[1], "framework")
if not os.path.isdir(OUT):
    os.makedirs(OUT)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return nn.functional.softmax(self.head(self.norm(self.linear(x))), 1)


x = numpy.random.randn(20, 4).astype("float32")
y = (x[:, 0] > 0).astype("int64")
net = NeuralNetClassifier(Small, max_epochs=2, verbose=0, optimizer=torch.optim.SGD, optimizer__momentum=0.9)
net.fit(x, y)
state = net.module_.state_dict()
for protocol in (2, 4):
    path = os.path.join(OUT, "skorch_0.5_net.p%d.pkl" % protocol)
    with open(path, "wb") as out:
        pickle.dump(net, out, protocol)
    with open(path, "rb") as data:
        pickle.load(data)
    expect(path, {"": state}, (skorch,))
pipeline = Pipeline([("scale", StandardScaler()), ("net", net)])
pipeline.fit(x, y)
state = pipeline.steps[1][1].module_.state_dict()
path = os.path.join(OUT, "skorch_0.5_pipeline.p2.pkl")
with open(path, "wb") as out:
    pickle.dump(pipeline, out, 2)
scaler = pipeline.steps[0][1]
named = {"steps.1.1.module_." + name: tensor for name, tensor in state.items()}
named.update({"steps.0.1.mean_": scaler.mean_, "steps.0.1.var_": scaler.var_})
expect(path, {"all": named}, (skorch, sklearn), partial=True)
