import Plotly from "plotly.js-strict-dist-min";

globalThis.Plotly = Plotly;
