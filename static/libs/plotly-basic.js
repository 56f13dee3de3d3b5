import Plotly from "plotly.js-basic-dist-min";

globalThis.Plotly = Plotly;
