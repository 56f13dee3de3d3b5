// Artifacts on a page: frames once they are seen, data on demand, errors, full screen; in a chat the panel beside it.
const version = new URL(import.meta.url).search;
const { $, $$, element, formatAges, formatNumbers, formatTimes, post, sentence, toast } = await import(`./page.js${version}`);

// The chat asks for this module, and so for its style, when something was made.
if (!$("link[href*='/artifact.css']")) document.head.append(element("link", { rel: "stylesheet", href: `/static/artifact.css${version}` }));

async function part(url, headers = {}) {
	const response = await fetch(url, { headers: { Accept: "text/html, application/json;q=0.5", ...headers } }).catch(() => { throw new Error("The server cannot be reached. Check the connection and try again."); });
	if (!response.ok) throw new Error(await sentence(response));
	const nodes = [...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes].map((node) => document.adoptNode(node));
	const holder = element("div", {}, ...nodes);
	formatNumbers(holder);
	formatTimes(holder);
	formatAges(holder);
	return nodes.filter((node) => node.nodeType === Node.ELEMENT_NODE);
}

/* Frames -------------------------------------------------------------------------------------------------- */

const seen = new IntersectionObserver((entries) => {
	for (const { target, isIntersecting } of entries) if (isIntersecting) { seen.unobserve(target); show(target); }
}, { rootMargin: "200px" });

/* What the server has for the frame: code, and data as this person may see it. */
async function load(place) {
	const response = await fetch(place.dataset.from ?? `/artifacts/${place.dataset.artifactFrame}/data?version=${place.dataset.version}`, { headers: { Accept: "application/json" } });
	if (!response.ok) throw new Error(await sentence(response));
	const content = await response.json();
	tell(place, content);
	return content;
}

/* From when the data is, and what of it this person may not see. */
function tell(place, { at, data }) {
	const around = place.closest("[data-artifact-part]");
	const time = at && new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
	const facts = $("[data-artifact-at]", around);
	if (facts) facts.textContent = time ? `data of ${time}, as you may see it` : "";
	const refused = Object.entries(data ?? {}).filter(([, value]) => value?.error?.message && !value.rows);
	const said = $("[data-artifact-said]", around);
	if (!said) return;
	said.shown = true; // stays when the server's rendering comes
	said.replaceChildren(...refused.map(([name, { error }]) => element("div", { class: "problem" },
		element("strong", {}, `${name} cannot be shown to you: ${error.message}`), ...(error.hint ? [element("span", { class: "hint" }, error.hint)] : []))));
}

async function show(place) {
	if (place.shown) return;
	place.shown = true;
	try {
		const { mount } = await import(`./frame.js${version}`);
		place.frame = mount(place, { id: Number(place.dataset.artifactFrame), version: Number(place.dataset.version), address: place.dataset.sandbox, load: () => load(place) });
	} catch (error) {
		place.replaceChildren(element("p", { class: "caution" }, `The artifact could not be shown: ${error.message}`));
	}
}

/* Who is at the end of a conversation stays there while frames above it grow. */
const turns = $("[data-turns]");
const atEnd = () => turns.scrollHeight - turns.scrollTop - turns.clientHeight < 80;
let follows = turns && atEnd(), reached = turns?.scrollTop;
const note = () => { follows = atEnd(); reached = turns.scrollTop; };
turns?.addEventListener("scroll", note, { passive: true });
// Who went up just now is above where they were, though no event has told it yet.
const growth = new ResizeObserver(() => {
	if (!follows || turns.scrollTop < reached) return;
	turns.scrollTop = turns.scrollHeight;
	note();
});

/** Makes the artifacts in a piece of page work. */
export function enhance(root = document) {
	for (const place of $$("[data-artifact-frame]", root)) {
		if (place.shown) continue;
		seen.observe(place);
		if (turns?.contains(place)) growth.observe(place);
	}
}

function remove(around) {
	for (const place of $$("[data-artifact-frame]", around)) place.frame?.remove();
	around.remove();
}

/** Puts the card of an artifact that was just made into an answer; live: its errors may be repaired. */
export async function place(answer, { id, version: n }, live) {
	const [fresh] = await part(`/artifacts/${id}?version=${n}&card=1`);
	const there = document.getElementById(fresh.id); // the answer was over before
	const card = there ?? fresh;
	if (!there) {
		for (const old of $$(`[data-artifact-part="${id}"]`, answer)) remove(old); // of the same answer: the last one stays
		$("[data-text]", answer).after(card);
		ended = !live;
	}
	card.live = live;
	enhance(answer);
	if (live) for (const place of $$("[data-artifact-frame]", card)) show(place); // seen or not: what fails is to be known
	if (panel && panel.dataset.id === String(id)) openPanel(`/artifacts/${id}`, false);
}

/* Errors -------------------------------------------------------------------------------------------------- */

// What the frame reports goes back to the model once: by itself where the artifact was made just now, in this page; else by a button.
let ended = true, waiting = null;
document.addEventListener("quern:turn", ({ detail: { phase } }) => {
	ended = phase === "finished";
	if (ended && waiting) setTimeout(waiting);
	if (ended) waiting = null;
});

function repair(around, { id, version: n, message, line, column }) {
	const url = `/artifacts/${id}/error?${new URLSearchParams({ version: n, message: message.slice(0, 400), line, column })}`;
	const question = `The artifact “${around.dataset.title}” does not work in my browser: ${message} Please repair it.`;
	if ($("[data-ask-form]")) return document.dispatchEvent(new CustomEvent("quern:ask", { detail: { question, url } }));
	const form = element("form", { method: "post", action: url }, element("input", { type: "hidden", name: "csrf", value: document.body.dataset.csrf }));
	document.body.append(form);
	form.submit();
}

document.addEventListener("artifact-error", ({ target, detail }) => {
	const around = target.closest("[data-artifact-part]");
	if (!around || around.failed || !("repairable" in around.dataset)) return;
	around.failed = true;
	if (around.live) {
		const ask = () => repair(around, detail);
		if (ended) ask();
		else waiting = ask;
		return;
	}
	const button = element("button", { type: "button" }, "Let it be repaired");
	button.addEventListener("click", () => { button.disabled = true; repair(around, detail); });
	$("[data-artifact-said]", around).append(button);
});

/* Data ---------------------------------------------------------------------------------------------------- */

async function showRows(rows, fresh) {
	if (rows.dataset.loaded && !fresh) return;
	rows.dataset.loaded = "yes";
	rows.replaceChildren(element("p", { class: "muted", role: "status" }, element("span", { class: "spinner" }), "Reading the data, as you"));
	try {
		rows.replaceChildren(...await part(`${rows.dataset.artifactRows}${fresh ? "&fresh=1" : ""}`, { "X-Partial": "1" }));
	} catch (error) {
		delete rows.dataset.loaded;
		rows.replaceChildren(element("p", { class: "caution" }, error.message));
	}
}

/* The data again, for the frame and for the tables. */
function refresh(around) {
	const frame = $("[data-artifact-frame]", around);
	if (frame) {
		frame.frame?.remove();
		frame.shown = false;
		show(frame);
	}
	const rows = $("[data-artifact-rows]", around);
	if (rows?.checkVisibility()) showRows(rows, true);
	else if (rows) delete rows.dataset.loaded;
}

/* The panel ------------------------------------------------------------------------------------------------ */

const LEAST = 360;
let panel = null;
const kept = () => { try { return Number(localStorage.getItem("panel")) || 0; } catch { return 0; } };
function widen(width) {
	const most = innerWidth - (innerWidth > 1100 ? 640 : 0);
	const px = Math.round(Math.max(LEAST, Math.min(most, width || Math.min(620, innerWidth * 0.42))));
	panel.style.width = `${px}px`;
	$(".panel-edge", panel).setAttribute("aria-valuenow", px);
	try { localStorage.setItem("panel", px); } catch { /* no storage */ }
}

function makePanel() {
	const edge = element("div", { class: "panel-edge", role: "separator", "aria-orientation": "vertical", "aria-label": "Width of the panel", "aria-valuemin": LEAST, tabindex: "0" });
	const close = element("button", { type: "button", class: "icon-button", "aria-label": "Close" }, "×");
	panel = element("aside", { class: "side-panel artifact-panel", "aria-label": "Artifact" }, edge,
		element("div", { class: "side-head" }, element("h2", { class: "clip" }), element("a", { class: "quiet button" }, "Its page"), close), element("div", { class: "side-body" }));
	close.addEventListener("click", closePanel);
	edge.addEventListener("pointerdown", (event) => {
		event.preventDefault();
		edge.setPointerCapture(event.pointerId);
		panel.classList.add("dragged");
		const move = (e) => widen(innerWidth - e.clientX);
		edge.addEventListener("pointermove", move);
		edge.addEventListener("lostpointercapture", () => { panel.classList.remove("dragged"); edge.removeEventListener("pointermove", move); }, { once: true });
	});
	edge.addEventListener("keydown", (event) => {
		const step = { ArrowLeft: 40, ArrowRight: -40 }[event.key];
		if (step) { event.preventDefault(); widen(panel.offsetWidth + step); }
	});
	document.body.append(panel);
	widen(kept());
}

function closePanel() {
	remove(panel);
	panel = null;
}

async function openPanel(url, focus = true) {
	try {
		const [around] = await part(url, { "X-Partial": "1" });
		if ($("[data-side]")) $("[data-side]").hidden = true;
		if (!panel) makePanel();
		for (const old of $$("[data-artifact-part]", panel)) remove(old);
		panel.dataset.id = around.dataset.artifactPart;
		$("h2", panel).textContent = around.dataset.title;
		$(".side-head a", panel).href = `/artifacts/${around.dataset.artifactPart}`;
		$(".side-body", panel).replaceChildren(around);
		enhance(panel);
		if (focus) $(".side-head button", panel).focus({ preventScroll: true });
	} catch (error) {
		toast(error.message);
	}
}

/* Another version in place, where one is shown; the page of its own otherwise. */
function showVersion(link, event) {
	if (!panel?.contains(link)) return;
	event.preventDefault();
	openPanel(link.getAttribute("href"), false);
}

async function restore(button, event) {
	if (!panel?.contains(button)) return;
	event.preventDefault();
	try {
		await post(button.getAttribute("formaction"), { version: button.value });
		await openPanel(`/artifacts/${panel.dataset.id}`, false);
		toast("The older version is the newest again");
	} catch (error) { toast(error.message); }
}

async function save(form) {
	try {
		await post(form.getAttribute("action"), Object.fromEntries(new FormData(form)));
		await openPanel(`/artifacts/${panel.dataset.id}`, false);
		toast("Saved as a new version");
	} catch (error) { toast(error.message); }
}
document.addEventListener("submit", (event) => {
	if (!event.target.matches(".artifact-code") || !panel?.contains(event.target)) return;
	event.preventDefault();
	save(event.target);
});

/* A picture or a PDF file is made elsewhere: asked for here, then looked after until it is there. */
async function picture(form, button) {
	const said = $("[data-picture-said]", form.parentElement), buttons = $$("button", form);
	const tell = (text) => { said.textContent = text; };
	const body = new URLSearchParams(new FormData(form, button)); // a button that is disabled says nothing
	for (const one of buttons) one.disabled = true;
	try {
		let answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body });
		for (;;) {
			if (!answer.ok) throw new Error(await sentence(answer));
			const { address, state, before, error, file } = await answer.json();
			if (state === "failed") throw new Error(`It could not be made: ${error}`);
			if (file) { tell(""); location.assign(file); return; }
			tell(before ? `${before === 1 ? "One file is" : `${before} files are`} made first …` : "It is being made …");
			await new Promise((resolve) => { setTimeout(resolve, 700); });
			answer = await fetch(address, { headers: { Accept: "application/json" } });
		}
	} catch (error) {
		tell(error.message);
	} finally {
		for (const one of buttons) one.disabled = false;
	}
}
document.addEventListener("submit", (event) => {
	if (!event.target.matches("[data-artifact-picture]")) return;
	event.preventDefault();
	picture(event.target, event.submitter);
});

document.addEventListener("click", (event) => {
	const on = (selector, act) => { const node = event.target.closest(selector); if (node) act(node, event); };
	const around = (act) => (node) => act(node.closest("[data-artifact-part]"));
	on(".artifact [data-tab=data]", around((part) => { const rows = $("[data-artifact-rows]", part); if (rows) showRows(rows); }));
	on("[data-artifact-refresh]", around(refresh));
	on("[data-artifact-full]", around((part) => (document.fullscreenElement ? document.exitFullscreen() : part.requestFullscreen?.().catch(() => toast("The browser did not allow it")))));
	on("[data-version-link]", showVersion);
	on("[data-restore]", restore);
	if (event.ctrlKey || event.metaKey || event.shiftKey || !$("[data-ask-form]")) return;
	on("[data-artifact-open]", (link) => { event.preventDefault(); openPanel(link.getAttribute("href")); });
	if (panel) on(".proof > summary, [data-doubt]", closePanel);
});
document.addEventListener("keydown", (event) => {
	if (event.key !== "Escape" || !panel || document.fullscreenElement || event.defaultPrevented || $("dialog[open]")) return;
	event.preventDefault();
	closePanel();
}, true);

enhance();
for (const rows of $$(".artifact [data-artifact-rows]")) if (rows.checkVisibility()) showRows(rows);
