// Results: tabs of a card, tables that sort, page, resize and copy, charts that are fetched once somebody sees them.
const version = new URL(import.meta.url).search;
const { $, $$, formatAges, formatNumbers, post, sentence, toast } = await import(`./page.js${version}`);

/* The rows of a table and of all of its result. */
const sizes = (table) => {
	const shown = table.tBodies[0].rows.length;
	return { shown, all: Math.max(shown, Number(table.closest("[data-result]")?.dataset.rows ?? 0)) };
};

/* Tabs --------------------------------------------------------------------------------------------------- */

/* What somebody chose for a card stays chosen. */
const chosen = () => { try { return JSON.parse(localStorage.getItem("tabs")) ?? []; } catch { return []; } };
function choose(card, name) {
	const rest = chosen().filter(([id]) => id !== card.dataset.card);
	try { localStorage.setItem("tabs", JSON.stringify([...rest.slice(-199), [card.dataset.card, name]])); } catch { /* no storage */ }
}

function showTab(card, name) {
	for (const tab of $$("[data-tab]", card)) tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
	for (const panel of $$("[data-panel]", card)) {
		panel.hidden = panel.dataset.panel !== name;
		panel.classList.toggle("shown", !panel.hidden);
	}
}

/* Charts ------------------------------------------------------------------------------------------------- */

const charts = new IntersectionObserver((entries) => {
	for (const { target, isIntersecting } of entries) chart(target, isIntersecting);
}, { rootMargin: "400px" });

/* The rows take its place, in silence unless it was asked for. */
function noChart(panel, why) {
	const card = panel.closest("[data-card]");
	const tab = $("[data-tab=chart]", card);
	charts.unobserve(panel);
	if (tab === document.activeElement) toast(why);
	tab.hidden = true;
	showTab(card, "table");
}

async function chart(panel, visible) {
	panel.wanted = visible;
	try {
		const { draw, forget } = await import(`./chart.js${version}`);
		if (!panel.wanted) return forget(panel);
		if (!await draw(panel)) noChart(panel, "These rows make no chart; here they are");
	} catch {
		noChart(panel, "The chart cannot be loaded; here are the rows");
	}
}

/** Makes the cards in a piece of page work as they were left. */
export function enhance(root = document) {
	const tabs = new Map(chosen());
	for (const card of $$("[data-card]", root)) {
		const name = tabs.get(card.dataset.card);
		if (name && $(`[data-tab="${name}"]`, card)) showTab(card, name);
	}
	for (const panel of $$("[data-chart]", root)) charts.observe(panel);
}

/* The rows of a card, read again: the new card takes the place of the old one. */
async function refresh(button) {
	const card = button.closest("[data-card]");
	button.disabled = true;
	button.textContent = "Reading";
	try {
		const response = await post(button.getAttribute("formaction"));
		const fresh = document.adoptNode($("[data-card]", new DOMParser().parseFromString(await response.text(), "text/html")));
		formatNumbers(fresh);
		formatAges(fresh);
		const name = $("[aria-selected=true]", card).dataset.tab;
		card.replaceWith(fresh);
		if ($(`[data-tab="${name}"]`, fresh)) showTab(fresh, name);
		enhance(fresh.parentNode);
		toast(`Read again: ${$(".card-facts", fresh).textContent}`);
	} catch (error) {
		button.disabled = false;
		button.textContent = "Refresh";
		toast(error.message);
	}
}

/* Copying ------------------------------------------------------------------------------------------------ */

/* Table rows as tab-separated text; numbers as they came. */
function tableText(table) {
	const cell = (c) => (c.dataset.raw ?? c.title ?? "") || (c.classList.contains("null") ? "" : c.textContent);
	const clean = (text) => text.replace(/[\t\r\n]+/g, " ");
	const head = $$("thead th", table).map((c) => clean(c.textContent)).join("\t");
	return [head, ...$$("tbody tr", table).map((row) => $$("td", row).map((c) => clean(cell(c))).join("\t"))].join("\n");
}

/* All rows where they were kept and may be taken, else those that are shown, and then says so. */
async function copyTable(button) {
	const card = button.closest("[data-card]");
	const table = $("table", card);
	const { shown, all } = sizes(table);
	const run = $("[data-result]", card)?.dataset.run;
	try {
		const response = "all" in button.dataset && all > shown && await fetch(`/runs/${run}/rows.tsv`);
		await navigator.clipboard.writeText(response?.ok ? await response.text() : tableText(table));
		toast(response?.ok ? `Copied all ${all.toLocaleString()} rows` : all > shown ? `Copied the ${shown} rows shown, of ${all.toLocaleString()}` : "Copied");
	} catch { toast("The browser did not allow copying"); }
}

/* Rows --------------------------------------------------------------------------------------------------- */

/* Other rows of a kept result, rendered by the server. */
async function load(target, run, first, sort) {
	const query = new URLSearchParams({ first, ...(sort && { sort: sort.column }), ...(sort?.falling && { falling: "1" }) });
	const response = await fetch(`/runs/${run}?${query}`, { headers: { Accept: "text/html, application/json;q=0.5" } });
	if (!response.ok) throw new Error(response.status === 404 ? "These rows were not kept; ask again to see them." : await sentence(response));
	const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
	const left = $(".table-wrap", target)?.scrollLeft;
	const widths = $$("th", target).map((th) => th.style.width);
	target.replaceChildren(...[...parsed.body.childNodes].map((node) => document.adoptNode(node)));
	formatNumbers(target);
	widths.forEach((width, i) => { if (width) resize($$("th", target)[i], parseFloat(width)); });
	$(".table-wrap", target).scrollLeft = left;
}

const sortOf = (target) => {
	const header = $("th[aria-sort]", target);
	return header && { column: header.cellIndex, falling: header.ariaSort === "descending" };
};

async function page(button) {
	if (button.disabled) return;
	button.disabled = true;
	const target = button.closest("[data-result]");
	try {
		await load(target, button.dataset.run, button.dataset.first, sortOf(target));
		$(".table-wrap", target).scrollTop = 0;
	} catch (error) {
		button.disabled = false;
		toast(error.message);
	}
}

/* The rows that are there, in the order of a column; what has no value is last. */
function sortShown(header, falling) {
	const numeric = header.classList.contains("number");
	const value = (row) => {
		const cell = row.cells[header.cellIndex];
		const text = cell.dataset.raw ?? (cell.title || cell.textContent);
		return cell.classList.contains("null") || (numeric && Number.isNaN(Number(text))) ? null : numeric ? Number(text) : text;
	};
	const order = (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : (numeric ? a - b : a.localeCompare(b)) * (falling ? -1 : 1));
	const body = header.closest("table").tBodies[0];
	body.append(...[...body.rows].map((row) => [value(row), row]).sort((a, b) => order(a[0], b[0])).map(([, row]) => row));
	for (const th of header.parentNode.cells) th.removeAttribute("aria-sort");
	header.ariaSort = falling ? "descending" : "ascending";
}

/* Sorts the whole result where it was kept, else what is shown, and then says so. */
export async function sortBy(header) {
	const target = header.closest("[data-result]");
	const { shown, all } = sizes(header.closest("table"));
	const falling = header.ariaSort === "ascending";
	const column = header.cellIndex;
	if (all === shown) return sortShown(header, falling);
	try {
		await load(target, target.dataset.run, 0, { column, falling });
		$$("th", target)[column].focus();
	} catch {
		sortShown(header, falling);
		toast(`Sorted the ${shown} rows shown, of ${all.toLocaleString()}`);
	}
}

/* Columns are as wide as somebody drags their edge, or as Shift and an arrow make them. */
function resize(header, width) {
	const style = width ? `${Math.max(48, Math.round(width))}px` : "";
	for (const { cells } of header.closest("table").rows) {
		const cell = cells[header.cellIndex];
		cell.style.width = cell.style.minWidth = cell.style.maxWidth = style;
	}
}
const onEdge = (header, event) => event.clientX > header.getBoundingClientRect().right - 9;
let dragged = false; // the click that ends it does not sort
document.addEventListener("pointerdown", (event) => {
	const header = event.target.closest("table.result th");
	dragged = false;
	if (!header || !onEdge(header, event)) return;
	event.preventDefault();
	const from = event.clientX - header.offsetWidth;
	const move = (e) => { dragged = true; resize(header, e.clientX - from); };
	const end = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", end); removeEventListener("pointercancel", end); };
	addEventListener("pointermove", move);
	addEventListener("pointerup", end);
	addEventListener("pointercancel", end);
});
document.addEventListener("dblclick", (event) => {
	const header = event.target.closest("table.result th");
	if (header && onEdge(header, event)) resize(header, 0);
});

/* A cell that was cut to one line shows all of its text, and folds again. */
function unfold(cell) {
	if (getSelection().toString() || (!cell.classList.contains("open") && cell.scrollWidth <= cell.clientWidth && !cell.title)) return;
	const open = cell.classList.toggle("open");
	if (!cell.matches(".words, .json, .bytes") || !cell.title) return;
	cell.dataset.short ??= cell.textContent;
	cell.textContent = open ? cell.title : cell.dataset.short;
}

document.addEventListener("click", (event) => {
	const on = (selector, act) => { const node = event.target.closest(selector); if (node) act(node); };
	on("[data-tab]", (tab) => {
		const card = tab.closest("[data-card]");
		showTab(card, tab.dataset.tab);
		if (!card.matches(".artifact")) choose(card, tab.dataset.tab);
	});
	on("[data-refresh]", (button) => { event.preventDefault(); refresh(button); });
	on("[data-copy-table]", copyTable);
	on("[data-first]", (button) => { event.preventDefault(); page(button); });
	on("table.result th", (header) => { if (!dragged && !onEdge(header, event)) sortBy(header); });
	on("table.result td", unfold);
});
function walk(tab, step) {
	const tabs = $$("[data-tab]", tab.parentNode).filter((other) => !other.hidden);
	const next = tabs.at((tabs.indexOf(tab) + step) % tabs.length);
	next.focus();
	next.click();
}
document.addEventListener("keydown", (event) => {
	const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
	const { target } = event;
	if (step && target.matches?.("[data-tab]")) walk(target, step);
	else if (!target.matches?.("table.result th")) return;
	else if (step && event.shiftKey) resize(target, target.offsetWidth + 24 * step);
	else if (event.key === "Enter" || event.key === " ") sortBy(target);
	else return;
	event.preventDefault();
});

enhance();
