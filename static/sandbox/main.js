// Inside the frame of an artifact: takes code and data from the port, loads the libraries that the code uses, runs it, and
// tells the height and the errors. All of this shares the page with the artifact's own code, so nothing here protects
// anything from it: what protects is the frame (app/web/sandbox.c) and what the page around it believes (static/frame.js).
import { closeChannels } from "./close.js";
import { loadLibraries, takeLibrary } from "./libraries.js";
import { giveData } from "./data.js";
import { onMessage, problem, reportErrors, reportHeight, say } from "./report.js";
import { showReact } from "./react.js";
import { showHtml, showSvg } from "./html.js";
import { showPlotly, showEcharts } from "./chart.js";

closeChannels();

const figures = { plotly: showPlotly, echarts: showEcharts };
const types = { react: showReact, html: showHtml, svg: showSvg, ...figures };
const inks = document.documentElement.classList;
let redraw = () => {};

// Programs and drawings stay light unless they say that they know better: their colours mostly are for white paper.
let follows = true;
function theme(dark) {
	inks.toggle("dark", follows && dark);
	redraw(follows && dark);
}

async function init({ type, code, data, dark, compiled }) {
	follows = type in figures || /\bdark:/.test(code);
	theme(dark);
	giveData(data);
	reportErrors();
	try {
		await loadLibraries(type, code, compiled ? ["babel"] : []);
		redraw = (await types[type](code, follows && dark, compiled)) ?? redraw;
		// Painted; frames that are out of sight are not.
		await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); setTimeout(resolve, 150); });
		reportHeight();
		say({ kind: "ready" });
	} catch (e) {
		problem(e);
		reportHeight();
	}
}

const kinds = {
	init,
	library: takeLibrary,
	theme: (message) => theme(message.dark),
	print: (message) => theme(message.on ? false : matchMedia("(prefers-color-scheme: dark)").matches),
	beat: () => say({ kind: "beat" }),
};
onMessage((message) => kinds[message.kind]?.(message));
