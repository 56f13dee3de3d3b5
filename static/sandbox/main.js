// Inside the frame of an artifact: takes code and data from the port, loads the libraries that the code uses, runs it, and
// tells the height and the errors. All of this shares the page with the artifact's own code, so nothing here protects
// anything from it: what protects is the frame (app/web/sandbox.c) and what the page around it believes (static/frame.js).
import { closeChannels } from "./close.js";
import { loadLibraries, takeLibrary } from "./libraries.js";
import { giveData } from "./data.js";
import { reportErrors, reportHeight, say, problem } from "./report.js";
import { showReact } from "./react.js";
import { showHtml, showSvg } from "./html.js";
import { showPlotly, showEcharts } from "./chart.js";

const port = self.quernPort;
delete self.quernPort;
closeChannels();

const types = { react: showReact, html: showHtml, svg: showSvg, plotly: showPlotly, echarts: showEcharts };
const inks = document.documentElement.classList;
let redraw = () => {};

function theme(dark) {
	inks.toggle("dark", dark);
	redraw(dark);
}

async function init({ type, code, data, dark }) {
	theme(dark);
	giveData(data);
	reportErrors(port, type);
	try {
		await loadLibraries(port, type, code);
		redraw = (await types[type](code, dark)) ?? redraw;
		await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
		reportHeight(port);
		say(port, { kind: "ready" });
	} catch (e) {
		problem(port, e);
		reportHeight(port);
	}
}

const kinds = {
	init,
	library: takeLibrary,
	theme: (message) => theme(message.dark),
	print: (message) => theme(message.on ? false : matchMedia("(prefers-color-scheme: dark)").matches),
	beat: () => say(port, { kind: "beat" }),
};
self.quernSay = port; // for errors that come while the code runs
port.onmessage = ({ data: message }) => kinds[message.kind]?.(message);
