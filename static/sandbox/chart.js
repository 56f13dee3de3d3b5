// Charts whose code is a figure in JSON: for Plotly {data, layout, frames?}, for ECharts an option.
import { fill } from "./data.js";

// Where JSON stops being JSON: browsers do not always say.
function place(code) {
	const token = /\s*(?:([{}[\],:])|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
	let at = 0, before = "";
	for (let m; (m = token.exec(code)) && !(before === "," && "]}".includes(m[1] ?? ",")); at = token.lastIndex) before = m[1] ?? "";
	const lines = code.slice(0, at + /^\s*/.exec(code.slice(at))[0].length).split("\n");
	return { line: lines.length, column: lines.at(-1).length };
}

function read(code) {
	let figure;
	try {
		figure = JSON.parse(code);
	} catch (e) {
		throw Object.assign(new Error(`the figure is not valid JSON: ${e.message.split("\n")[0]}`), { loc: place(code) });
	}
	return fill(figure);
}

function box(height) {
	const root = document.createElement("div");
	root.style.cssText = `width:100%;height:${height}px`;
	document.body.append(root);
	return root;
}

// The figure's own colours come first; what it leaves open follows the theme.
const plotlyInk = (dark) => (dark ? { paper_bgcolor: "#211f1d", plot_bgcolor: "#211f1d", font: { color: "#ebe8e2" } } : {});

// Plotly's own edges are wide for a phone and narrow for long labels. A figure that says otherwise is followed.
const plotlyEdges = (title) => ({ layout: { margin: { t: title ? 72 : 32, r: 24, b: 56, l: 64 }, xaxis: { automargin: true }, yaxis: { automargin: true } } });

export async function showPlotly(code, dark) {
	const { data, layout = {}, frames, config } = read(code);
	if (!Array.isArray(data)) throw new Error('the figure has no "data", a list of traces');
	const Plotly = self.Plotly, root = box(layout.height ?? 450);
	if (!layout.width) layout.autosize = true;
	const draw = (isDark) => Plotly.react(root, { data, frames, layout: { template: plotlyEdges(layout.title), ...plotlyInk(isDark), ...layout, font: { ...plotlyInk(isDark).font, ...layout.font } },
		config: { displaylogo: false, ...config, responsive: true, plotlyServerURL: "", topojsonURL: "" } });
	try {
		await draw(dark);
	} catch (e) {
		throw e.message.startsWith("Map error") ? new Error("maps of tiles need a network, and artifacts have no network; choropleth and scattergeo do without") : e;
	}
	return draw;
}

export async function showEcharts(code, dark) {
	const option = read(code);
	const root = box(option.height ?? 450);
	let chart;
	const draw = (isDark) => {
		chart?.dispose();
		chart = self.echarts.init(root, isDark ? "dark" : null, { renderer: "svg" });
		chart.setOption(isDark ? { backgroundColor: "transparent", ...option } : option);
	};
	new ResizeObserver(() => chart?.resize()).observe(root);
	draw(dark);
	return draw;
}
