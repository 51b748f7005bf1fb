// Made by tools/explorers.py from the model and the notebooks
window.AlexNetExplorers.data = {
 "layers": [
  {
   "group": "The network",
   "label": "conv 1",
   "setting": {
    "pool": false,
    "size": 224,
    "kernel": 11,
    "stride": 4,
    "padding": 1,
    "dilation": 1,
    "channelsIn": 1,
    "channelsOut": 96
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "pool 1",
   "setting": {
    "pool": true,
    "size": 54,
    "kernel": 3,
    "stride": 2,
    "padding": 0,
    "dilation": 1,
    "channelsIn": 96,
    "channelsOut": 96
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "conv 2",
   "setting": {
    "pool": false,
    "size": 26,
    "kernel": 5,
    "stride": 1,
    "padding": 2,
    "dilation": 1,
    "channelsIn": 96,
    "channelsOut": 256
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "pool 2",
   "setting": {
    "pool": true,
    "size": 26,
    "kernel": 3,
    "stride": 2,
    "padding": 0,
    "dilation": 1,
    "channelsIn": 256,
    "channelsOut": 256
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "conv 3",
   "setting": {
    "pool": false,
    "size": 12,
    "kernel": 3,
    "stride": 1,
    "padding": 1,
    "dilation": 1,
    "channelsIn": 256,
    "channelsOut": 384
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "conv 4",
   "setting": {
    "pool": false,
    "size": 12,
    "kernel": 3,
    "stride": 1,
    "padding": 1,
    "dilation": 1,
    "channelsIn": 384,
    "channelsOut": 384
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "conv 5",
   "setting": {
    "pool": false,
    "size": 12,
    "kernel": 3,
    "stride": 1,
    "padding": 1,
    "dilation": 1,
    "channelsIn": 384,
    "channelsOut": 256
   },
   "note": ""
  },
  {
   "group": "The network",
   "label": "pool 5",
   "setting": {
    "pool": true,
    "size": 12,
    "kernel": 3,
    "stride": 2,
    "padding": 0,
    "dilation": 1,
    "channelsIn": 256,
    "channelsOut": 256
   },
   "note": ""
  },
  {
   "group": "The paper's 55",
   "label": "224 px, padding 0",
   "setting": {
    "pool": false,
    "size": 224,
    "kernel": 11,
    "stride": 4,
    "padding": 0,
    "dilation": 1,
    "channelsIn": 3,
    "channelsOut": 96
   },
   "note": "(224 + 0 − 11) / 4 + 1 = 54.25, and a part of a window does not exist: the map is 54 × 54, not the paper's 55 × 55. Padding 2 or 227 pixels give 55."
  },
  {
   "group": "The paper's 55",
   "label": "224 px, padding 2",
   "setting": {
    "pool": false,
    "size": 224,
    "kernel": 11,
    "stride": 4,
    "padding": 2,
    "dilation": 1,
    "channelsIn": 3,
    "channelsOut": 96
   },
   "note": "(224 + 4 − 11) / 4 + 1 = 55.25, so the map is 55 × 55, as the paper says."
  },
  {
   "group": "The paper's 55",
   "label": "227 px, padding 0",
   "setting": {
    "pool": false,
    "size": 227,
    "kernel": 11,
    "stride": 4,
    "padding": 0,
    "dilation": 1,
    "channelsIn": 3,
    "channelsOut": 96
   },
   "note": "(227 + 0 − 11) / 4 + 1 = 55, so the map is 55 × 55, as the paper says."
  }
 ],
 "softmax": [
  {
   "label": "one drawn flower",
   "names": ["daisy", "dandelion", "roses", "sunflowers", "tulips"],
   "logits": [-2.8286, -1.32895, 3.25004, -3.36262, 4.97538],
   "note": "What this chapter's network says about the first test picture. In truth it shows tulips."
  },
  {
   "label": "all equal",
   "names": ["daisy", "dandelion", "roses", "sunflowers", "tulips"],
   "logits": [1.0, 1.0, 1.0, 1.0, 1.0],
   "note": "Equal scores give equal shares, whatever the score."
  },
  {
   "label": "one far ahead",
   "names": ["daisy", "dandelion", "roses", "sunflowers", "tulips"],
   "logits": [0.0, 0.0, 8.0, 0.0, 0.0],
   "note": "A lead of 8 is enough for nearly the whole. Raise the temperature to take it back."
  },
  {
   "label": "a thousand",
   "names": ["daisy", "dandelion", "roses", "sunflowers", "tulips"],
   "logits": [1000.0, 999.0, 998.0, 0.0, -1000.0],
   "note": "Look at the two ways below: the formula as it stands cannot be computed here."
  },
  {
   "label": "ten classes",
   "names": ["class 0", "class 1", "class 2", "class 3", "class 4", "class 5", "class 6", "class 7", "class 8", "class 9"],
   "logits": [3.82, 4.43, 2.7, -1.84, 3.04, 5.95, -2.05, -1.72, -3.36, -3.6],
   "note": "An untrained network for ten garments, from chapter 04. It has learned nothing, and one class still gets most."
  }
 ],
 "curves": {
  "rates": {
   "title": "Loss of each step, by learning rate",
   "runsName": "Learning rate (Adam)",
   "xLabel": "step",
   "yLabel": "loss",
   "x": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
   "runs": [
    {
     "name": "1e-05",
     "values": [7.97, 7.37, 6.74, 7.62, 7.46, 8.4, 6.81, 8.1, 6.44, 6.82, 8.08, 3.82, 4.02, 7.89, 7.79]
    },
    {
     "name": "1e-04",
     "values": [7.97, 6.61, 5.28, 5.36, 4.98, 5.51, 3.25, 3.59, 2.58, 2.95, 3.89, 1.97, 2.83, 3.12, 2.78]
    },
    {
     "name": "1e-03",
     "values": [7.97, 4.55, 3.52, 3.54, 2.66, 2.65, 2.17, 2.17, 2.08, 1.68, 1.87, 2.03, 2.01, 1.91, 1.63]
    },
    {
     "name": "1e-02",
     "values": [7.97, 112.0, 8.87, 3.53, 2.34, 2.26, 2.61, 2.16, 2.11, 2.06, 2.0, 2.06, 2.07, 2.02, 2.09]
    },
    {
     "name": "1e-01",
     "values": [7.97, 226000000.0, 419000.0, 398000.0, 71600.0, 747000.0, 529000.0, 1390000.0, 411000.0, 727.0, 417.0, 624.0, 420.0, 245.0, 964000.0]
    }
   ],
   "line": {
    "value": 2.302585092994046,
    "name": "log 10: not knowing"
   },
   "top": 8,
   "decimals": 2
  },
  "optimizers": {
   "title": "Val loss after each epoch of two dense layers",
   "runsName": "Optimizer, learning rate, batch",
   "xLabel": "epoch",
   "yLabel": "val loss",
   "x": [0, 1, 2, 3, 4, 5, 6, 7],
   "runs": [
    {
     "name": "SGD 0.01, batch 128",
     "values": [2.33, 2.15, 1.98, 1.81, 1.67, 1.56, 1.47, 1.41]
    },
    {
     "name": "SGD 0.1, batch 128",
     "values": [2.33, 1.38, 1.73, 1.06, 1.0, 1.48, 0.89, 1.06]
    },
    {
     "name": "momentum 0.01, batch 128",
     "values": [2.33, 1.43, 1.1, 0.96, 0.97, 0.84, 0.85, 0.88]
    },
    {
     "name": "Adam 0.001, batch 128",
     "values": [2.33, 1.22, 1.02, 0.9, 0.87, 0.82, 0.81, 0.82]
    },
    {
     "name": "SGD 0.01, batch 1024",
     "values": [2.33, 2.3, 2.27, 2.24, 2.22, 2.2, 2.17, 2.15]
    },
    {
     "name": "SGD 0.08, batch 1024",
     "values": [2.33, 2.14, 1.95, 1.76, 1.62, 1.51, 1.42, 1.4]
    }
   ],
   "line": {
    "value": 2.302585092994046,
    "name": "log 10: not knowing"
   },
   "top": null,
   "decimals": 2
  }
 }
};
