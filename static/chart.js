// Charts of results: the server says which and gives the points, Plotly draws, the page's own colours are used, light or dark.
const version = new URL(import.meta.url).search;
const { $, $$, element } = await import(`./page.js${version}`);
const { default: Plotly } = await import(`./plotly.js${version}`);

// Plotly reads markup in every text: what comes from a database has none.
const plain = (text) => String(text ?? "–").replace(/\s+/g, " ").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);
const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const separators = (() => {
	const of = (type) => number.formatToParts(12345.6).find((part) => part.type === type)?.value ?? "";
	return of("decimal") + of("group");
})();
const rounded = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const shown = (value) => (value === null ? "–" : (Math.abs(value) < 100 ? number : rounded).format(value));

let onPaper = false; // which is white, whatever the screen is
const inks = [...document.styleSheets[0].cssRules].find((rule) => rule.selectorText === ":root").style;
const colour = (name) => (onPaper ? inks : getComputedStyle(document.documentElement)).getPropertyValue(`--${name}`).trim();
const DASHES = ["solid", "dash", "dot", "dashdot"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down"];

/* Texts shortened, in the middle where their beginnings are alike. */
const ends = (text, most) => { const chars = [...text]; return chars.length > most ? [...chars.slice(0, most >> 1), "…", ...chars.slice((most >> 1) - most + 1)].join("") : text; };
function shortened(texts, most) {
	const cut = new Set(texts.map((text) => short(text, most))).size < texts.length ? ends : short;
	return texts.map((text) => plain(cut(text, most)));
}

function traces({ kind, horizontal, series }, width) {
	const called = shortened(series.map((s) => String(s.name)), width < 500 && series.length > 3 ? 13 : 40);
	return series.map((s, i) => {
		const paint = colour(`c${i + 1}`);
		const x = s.x.map((value) => (typeof value === "string" ? plain(value) : value));
		const trace = { name: called[i], x, y: s.y, hovertemplate: "%{text}<extra>%{fullData.name}</extra>", text: s.y.map(shown) };
		if (kind === "bar") {
			Object.assign(trace, { type: "bar", marker: { color: paint }, textposition: "none" });
			if (horizontal) Object.assign(trace, { orientation: "h", x: s.y, y: x });
		} else if (kind === "line") {
			Object.assign(trace, { type: "scatter", mode: s.x.length > 60 ? "lines" : "lines+markers", line: { color: paint, width: s.x.length > 200 ? 1.2 : 2, dash: DASHES[i >> 1] }, marker: { symbol: SYMBOLS[i], size: 6 } });
		} else {
			Object.assign(trace, { type: "scatter", mode: "markers", marker: { color: paint, size: 7, opacity: 0.7 },
				text: s.x.map((value, k) => `${s.label ? `${plain(s.label[k])}<br>` : ""}${shown(value)}, ${shown(s.y[k])}`), hovertemplate: "%{text}<extra></extra>" });
		}
		return trace;
	});
}

/* Names along an axis: all that have room. */
function names(series, horizontal, width, height) {
	const all = [...new Set(series.flatMap((s) => s.x))].map((text) => String(text ?? "–"));
	const most = horizontal ? (width < 500 ? 18 : 32) : 16;
	const each = Math.min(56, 12 + 7 * Math.max(...all.map((text) => Math.min([...text].length, most))));
	const step = Math.max(1, Math.ceil(all.length / (horizontal ? Math.floor(height / 18) : Math.max(3, Math.floor(width / each)))));
	const kept = all.filter((_, i) => i % step === 0);
	return { type: "category", tickmode: "array", tickvals: kept.map(plain), ticktext: shortened(kept, most) };
}

/* Thousands, millions and more by a letter; small numbers as they are, counts without fractions. */
function scale(values) {
	const all = values.filter((v) => v !== null);
	const [low, high] = [Math.min(...all), Math.max(...all)];
	const few = high - Math.min(low, 0) < 6 && all.every(Number.isInteger);
	return { low, high, ticks: { exponentformat: Math.max(high, -low) < 1000 ? "none" : "B", ...(few && { dtick: 1 }) } };
}

const MONTH = /^\d{4}-\d\d(-01( 00:00:00.*)?)?$/;
function layout(data, width, height) {
	const { kind, axis, horizontal, series, x, y } = data;
	const line = colour("line"), muted = colour("muted");
	const base = { fixedrange: true, automargin: true, color: muted, gridcolor: line, linecolor: line, zerolinecolor: colour("line-strong"), separatethousands: true, showspikes: false, tickfont: { size: 11 } };
	const { low, high, ticks } = scale(series.flatMap((s) => s.y));
	const bars = new Set(series.flatMap((s) => s.x)).size;
	const title = (text) => (text ? { text: short(plain(text), 50), standoff: 8, font: { size: 12 } } : undefined);
	const values = { ...base, ...ticks, title: title(y ?? (series.length === 1 ? series[0].name : "")), rangemode: kind === "bar" || (kind === "line" && high < 1.7 * (high - low)) ? "tozero" : "normal" };
	const across = axis === "category" ? { ...base, showgrid: false, ...names(series, horizontal, width, height) }
		: axis === "date" ? { ...base, showgrid: false, type: "date", ...(series.every((s) => s.x.every((day) => MONTH.test(day))) && { hoverformat: "%b %Y" }) } : { ...base, ...scale(series[0].x).ticks, title: title(x) };
	if (horizontal) across.autorange = "reversed";
	return {
		width, height, separators, dragmode: false, hovermode: kind === "scatter" ? "closest" : horizontal ? "y unified" : "x unified", barmode: "group", bargap: bars < 6 ? 0.75 - bars * 0.08 : 0.25,
		margin: { l: 8, r: 12, t: series.length > 1 ? 30 : 12, b: 8 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
		font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("text") },
		hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line-strong"), font: { color: colour("text"), size: 12 } },
		showlegend: series.length > 1, legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, font: { size: 11 } },
		[horizontal ? "yaxis" : "xaxis"]: across, [horizontal ? "xaxis" : "yaxis"]: values,
	};
}

const drawn = new Set(); // panels with a chart in them
const PAPER = 640; // pixels that fit on a page
function paint(panel) {
	const area = $(".chart-area", panel);
	const width = onPaper ? Math.min(area.clientWidth, PAPER) : area.clientWidth;
	return Plotly.react(area, traces(panel.data, width), layout(panel.data, width, area.clientHeight), { displayModeBar: false, responsive: false, doubleClick: false });
}
const sizes = new ResizeObserver((entries) => { for (const { target } of entries) if (target.clientWidth && drawn.has(target)) paint(target); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const panel of drawn) paint(panel); });

/* Charts that were given back are printed, too; those that nobody has seen yet are tables there. */
function print(begins) {
	onPaper = begins;
	for (const panel of $$("[data-chart]")) {
		if (begins ? panel.data?.kind && panel.clientHeight : drawn.has(panel)) paint(panel);
		else if (panel.data?.kind) Plotly.purge($(".chart-area", panel));
	}
}
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));

/** Draws the chart of a panel; false where the rows call for none. */
export async function draw(panel) {
	if (drawn.has(panel)) return true;
	if (!panel.data) {
		const response = await fetch(`/runs/${panel.dataset.chart}/chart.json`);
		panel.data = response.ok ? await response.json() : {};
	}
	if (!panel.data.kind) return false;
	drawn.add(panel);
	await paint(panel);
	$(".chart-area", panel).setAttribute("aria-label", `${panel.data.label}. The table has the values.`);
	if (panel.data.left_out && !$(".chart-note", panel)) panel.append(element("p", { class: "chart-note" }, `Not in the chart, because of another size: ${panel.data.left_out}`));
	sizes.observe(panel);
	return true;
}

/** Gives back what the chart of a panel takes; it is drawn again when it is seen again. */
export function forget(panel) {
	if (!drawn.delete(panel)) return;
	sizes.unobserve(panel);
	Plotly.purge($(".chart-area", panel));
}
