// What every page has: keyboard, the palette (Ctrl K), filters, copying, small notices. Pages work without it.
document.documentElement.classList.add("scripted");

export const csrf = () => document.body.dataset.csrf ?? "";
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A new element; children are nodes or text, never HTML. */
export function element(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
	node.append(...children);
	return node;
}

/** Says something for a moment, with an optional button that undoes it. */
export function toast(text, undoLabel, undo) {
	$(".toast")?.remove();
	const node = element("div", { class: "toast", role: "status" }, text);
	if (undo) {
		const button = element("button", { type: "button" }, undoLabel);
		button.addEventListener("click", () => { node.remove(); undo(); });
		node.append(button);
	}
	document.body.append(node);
	setTimeout(() => node.remove(), undo ? 10000 : 3000);
}

/** POST to one of our addresses; throws an Error with the server's own sentence. */
export async function post(url, fields = {}) {
	const response = await fetch(url, {
		method: "POST",
		headers: { "X-CSRF-Token": csrf(), Accept: "application/json" },
		body: new URLSearchParams(fields),
	}).catch(() => { throw new Error("The server cannot be reached. Check the connection and try again."); });
	if (!response.ok) throw new Error(await sentence(response));
	return response;
}

/** The server's words for a failed request. */
export async function sentence(response) {
	try {
		const { error } = await response.json();
		const text = [error.message, error.detail, error.hint].filter(Boolean).join(". ");
		return text.charAt(0).toUpperCase() + text.slice(1);
	} catch {
		return `The server answered ${response.status}. Try again in a moment.`;
	}
}

async function copy(text, done = "Copied") {
	try {
		await navigator.clipboard.writeText(text);
		toast(done);
	} catch {
		toast("The browser did not allow copying");
	}
}

// Numbers get the person's separators, all the digits that the database gave stay.
export function formatNumbers(root = document) {
	const format = new Intl.NumberFormat(undefined, { maximumFractionDigits: 20 });
	const separator = format.formatToParts(1.5).find((p) => p.type === "decimal")?.value ?? ".";
	for (const cell of $$("td.number:not(.plain):not(.null):not([data-raw])", root)) {
		const match = /^(-?)(\d+)(\.\d+)?$/.exec(cell.textContent);
		if (!match) continue;
		cell.dataset.raw = cell.textContent;
		const fraction = match[3] ? separator + match[3].slice(1) : "";
		cell.textContent = match[1] + format.format(BigInt(match[2])) + fraction;
		if (cell.textContent !== cell.dataset.raw) cell.title = cell.dataset.raw;
	}
}

// Times come as "2026-03-01 09:30 UTC": shown in the person's zone, what came is on hover.
export function formatTimes(root = document) {
	const zone = document.body.dataset.zone || undefined;
	let format;
	try {
		format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
	} catch { return; } // a zone that this browser does not know
	for (const time of $$("time:not([datetime])", root)) {
		const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d)(:\d\d)? UTC$/.exec(time.textContent);
		if (!match) continue;
		const at = new Date(`${match[1]}T${match[2]}Z`);
		const part = Object.fromEntries(format.formatToParts(at).map((p) => [p.type, p.value]));
		time.title ||= time.textContent;
		time.dateTime = at.toISOString();
		time.textContent = `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}${match[3] ?? ""} ${part.timeZoneName}`;
	}
}

// How old rows are: "from 12 minutes ago"; what was read a moment ago, and for this answer, is live.
export function formatAges(root = document) {
	const words = new Intl.RelativeTimeFormat("en");
	for (const time of $$("time[data-age]", root)) {
		const at = new Date(time.dateTime);
		const minutes = Math.max(0, Math.floor((Date.now() - at) / 60000));
		const live = !("cached" in time.dataset) && minutes < 10;
		const [n, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 2880 ? [Math.floor(minutes / 60), "hour"] : [Math.floor(minutes / 1440), "day"];
		time.title = at.toLocaleString();
		time.textContent = live ? "live" : minutes ? `from ${words.format(-n, unit)}` : "from a moment ago";
		const button = $("[data-refresh]", time.closest("[data-card]") ?? time.parentNode);
		if (button) button.hidden = live;
	}
}
setInterval(formatAges, 60000);

// Where no zone was chosen yet the browser's is, once.
function tellZone() {
	if (document.body.dataset.zone !== "" || sessionStorage.getItem("zone-told")) return;
	const told = () => sessionStorage.setItem("zone-told", "yes");
	post("/account/time-zone", { time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, detected: "1" }).then(told, told);
}

document.addEventListener("click", (event) => {
	const button = event.target.closest("[data-copy]");
	if (button) copy(button.dataset.copy);
	for (const open of $$(".person[open]")) if (!open.contains(event.target)) open.open = false;
});

// A list with a filter box: rows that do not contain the words are hidden.
document.addEventListener("input", (event) => {
	const selector = event.target.dataset?.filter;
	if (!selector) return;
	const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
	for (const row of $$(selector)) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
});

// A choice that decides what comes next asks for it at once.
document.addEventListener("change", (event) => { if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit(); });

// Forms that destroy something ask for it by name.
document.addEventListener("submit", (event) => {
	const question = event.target.dataset?.confirm;
	if (question && !window.confirm(question)) event.preventDefault();
	if (event.target.matches("[action='/sign-out']")) { // drafts are the person's own
		sessionStorage.clear();
		for (const key of Object.keys(localStorage)) if (key.startsWith("draft ")) localStorage.removeItem(key);
	}
});

// A form that was sent shows that it is under way; it cannot be sent twice.
document.addEventListener("submit", (event) => {
	if (event.defaultPrevented || event.target.matches("[data-ask-form]")) return;
	const button = event.submitter;
	setTimeout(() => { if (button) button.disabled = true; });
});
window.addEventListener("pageshow", () => { for (const b of $$("button:disabled:not([aria-disabled])")) b.disabled = false; });

/** A modal dialog that is removed when it closes. */
export function dialog(className, ...children) {
	const node = element("dialog", { class: className }, ...children);
	node.addEventListener("close", () => node.remove());
	node.addEventListener("click", (event) => { if (event.target === node) node.close(); });
	document.body.append(node);
	node.showModal();
	return node;
}

// Ctrl K: everything that can be opened from here, found by typing.
function palette() {
	if ($("dialog.palette")) return;
	const input = element("input", { type: "search", placeholder: "Go to a conversation, a query, a table or a page", "aria-label": "Go to", autocomplete: "off" });
	const list = element("ul", { role: "listbox" });
	const entries = new Map();
	const collect = (root, which = ".sidebar a[href], .cards a[href], #tables a[href], #queries a[href]") => {
		for (const a of $$(which, root)) {
			const label = a.cloneNode(true);
			for (const extra of $$("kbd, [aria-hidden]", label)) extra.remove();
			if (!entries.has(a.getAttribute("href"))) entries.set(a.getAttribute("href"), label.textContent.trim().replace(/\s+/g, " "));
		}
	};
	collect(document);
	const show = () => {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		const found = [...entries].filter(([, text]) => words.every((word) => text.toLowerCase().includes(word))).slice(0, 50);
		list.replaceChildren(...found.map(([href, text], i) => element("li", { role: "option", "aria-selected": String(i === 0) }, element("a", { href, tabindex: "-1" }, text))));
	};
	const node = dialog("palette", input, list);
	// What was said in conversations the server knows.
	const chats = $(".sections [data-for=chat]");
	let later = 0;
	const search = () => fetch(`${chats.href}/chats?${new URLSearchParams({ q: input.value })}`).then((r) => r.text()).then((html) => {
		collect(new DOMParser().parseFromString(html, "text/html"), ".found a[href]");
		show();
	}).catch(() => {});
	input.addEventListener("input", () => {
		show();
		clearTimeout(later);
		if (chats && input.value.trim().length > 1) later = setTimeout(search, 250);
	});
	node.addEventListener("keydown", (event) => {
		const options = [...list.children];
		const at = options.findIndex((o) => o.getAttribute("aria-selected") === "true");
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step && options.length) {
			event.preventDefault();
			const next = (at + step + options.length) % options.length;
			options.forEach((o, i) => o.setAttribute("aria-selected", String(i === next)));
			options[next].scrollIntoView({ block: "nearest" });
		} else if (event.key === "Enter" && options[at]) {
			event.preventDefault();
			$("a", options[at]).click();
		} else if (event.key === "Escape") {
			event.preventDefault(); // which would only empty the box
			node.close();
		}
	});
	show();
	input.focus();
	// What the other pages of the project list: its conversations, its saved queries, its artifacts and its tables.
	for (const link of $$(".sections [data-for=chat], .sections [data-for=queries], .sections [data-for=artifacts], .sections [data-for=data]")) {
		fetch(link.href).then((r) => r.text()).then((html) => {
			collect(new DOMParser().parseFromString(html, "text/html"));
			show();
		}).catch(() => {});
	}
}

function shortcuts() {
	const keys = [["Ctrl K", "find a conversation, a query, a table or a page"], ["/", "write a question"], ["Enter", "send it; Shift Enter starts a new line"],
		["Esc", "stop the answer, or close"], ["↑", "in an empty box: the last question again"], ["↑ ↓", "walk the conversations, a menu, what was found"], ["?", "this list"]];
	const rows = keys.flatMap(([key, what]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)]);
	dialog("shortcuts", element("div", { class: "dialog-body" }, element("h2", {}, "Keyboard"), element("dl", {}, ...rows)));
}

document.addEventListener("keydown", (event) => {
	const typing = event.composedPath()[0].matches?.("input, textarea, select, [contenteditable=true]"); // also in a shadow root
	if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
		event.preventDefault();
		palette();
	} else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && event.key === "/") {
		const box = $("#question") ?? $("input[type=search]");
		if (box) { event.preventDefault(); box.focus(); }
	} else if (!typing && event.key === "?") {
		shortcuts();
	} else if (event.key === "Escape") {
		const drawer = $("#drawer");
		if (drawer?.checked) drawer.checked = false;
	} else if (event.target.matches?.("label[role=button]") && (event.key === "Enter" || event.key === " ")) {
		event.preventDefault();
		event.target.click();
	}
});

$(`.sections [data-for="${document.body.dataset.section}"]`)?.setAttribute("aria-current", "page");

// The names of time zones, as the browser knows them.
for (const list of $$("datalist[data-zones]")) list.append(...(Intl.supportedValuesOf?.("timeZone") ?? []).map((value) => element("option", { value })));

if ($("table.result, [data-card], [data-ask-form], [data-sql-form]")) import(`./card.js${new URL(import.meta.url).search}`);
formatNumbers();
formatTimes();
formatAges();
tellZone();
