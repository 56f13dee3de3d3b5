// The SQL page and the pages of saved queries: the editor, running without leaving the page, drafts. Both are forms that
// work without this.
const version = new URL(import.meta.url).search;
const { $, $$, element, formatAges, formatNumbers, formatTimes, sentence, toast } = await import(`./page.js${version}`);
const { enhance } = await import(`./card.js${version}`);

const form = $("[data-sql-form]");
const text = $("#sql"); // not on the page of a saved query
const status = $("[data-status]");
let controller = null; // of the query under way

/* Drafts: what is typed outlives a reload and a new sign-in, for this person, project and saved query. */
const { slug, person, saved } = form.dataset;
const key = `draft sql ${person} ${slug} ${saved ?? ""}`;
const stored = text?.defaultValue ?? "";
function keep(value) {
	try {
		if (value && value !== (saved ? stored : "")) localStorage.setItem(key, value);
		else localStorage.removeItem(key);
	} catch { /* no storage: the page works without */ }
}

// What was just saved as a new query is no draft any more.
if (saved && text) try { if (localStorage.getItem(`draft sql ${person} ${slug} `) === stored) localStorage.removeItem(`draft sql ${person} ${slug} `); } catch { /* as above */ }

/* Where editor.js cannot be loaded, the text area is the editor. */
const plain = text && {
	get: () => text.value,
	set(value) { text.value = value; keep(value); },
	complete() {},
	mark(from, to) { if (from !== undefined) { text.focus(); text.setSelectionRange(from, to); } },
	focus: () => text.focus(),
};
let editor = plain;

async function loadEditor() {
	const { create } = await import(`./editor.js${version}`);
	const host = element("div", { class: "sql-editor" });
	text.before(host);
	const focused = document.activeElement === text;
	editor = create(host, {
		text: text.value,
		label: "SQL",
		hint: "SELECT …",
		onChange(value) { text.value = value; keep(value); },
		onRun: () => form.requestSubmit($("[data-run-sql]")),
		onLeave: () => $("[data-run-sql]").focus(),
	});
	text.hidden = true;
	if (focused || matchMedia("(min-width: 801px)").matches) editor.focus();
	const response = await fetch(`/p/${slug}/sql/schema.json`);
	if (!response.ok) return;
	const { schema, tables } = await response.json();
	const columns = (list) => list.map(([label, detail]) => ({ label, detail, type: "property" }));
	editor.complete({ schema: { [schema]: Object.fromEntries(Object.entries(tables).map(([name, list]) => [name, columns(list)])) }, defaultSchema: schema });
}

/* A position of the server counts characters, the editor counts UTF-16 units. */
function markProblem() {
	const position = Number($("[data-position]")?.dataset.position ?? 0);
	if (!position || !editor) return editor?.mark();
	const from = [...editor.get()].slice(0, position - 1).join("").length;
	editor.mark(from, from + (/^[\p{L}\p{N}_.]+/u.exec(editor.get().slice(from))?.[0].length ?? 1));
}

/* The parts of the answer take the places of those that are there. */
function place(html) {
	const parsed = new DOMParser().parseFromString(html, "text/html");
	for (const part of $$("[data-part]", parsed)) {
		const here = $(`[data-part="${part.dataset.part}"]`);
		const focused = here?.contains(document.activeElement) && document.activeElement.name;
		here?.replaceChildren(...[...part.childNodes].map((node) => document.adoptNode(node)));
		if (focused) $(`[name="${CSS.escape(focused)}"]`, here)?.focus();
	}
	const answer = $("[data-part=answer]");
	formatNumbers(answer);
	formatTimes(answer);
	formatAges(answer);
	enhance(answer);
	markProblem();
	if ($("[data-part=params] .caution")) $("[data-part=params] input")?.focus();
}

function say(message, ...more) {
	$("[data-part=answer]").replaceChildren(element("div", { class: "problem", role: "alert" }, element("strong", {}, message), ...more));
}

/* While it runs, Stop stands beside a count of the seconds. */
function busy(on) {
	const began = Date.now();
	$("[data-stop-sql]").hidden = !on;
	$("[data-run-sql]").hidden = on;
	clearInterval(busy.timer);
	status.textContent = "";
	if (on) busy.timer = setInterval(() => { status.textContent = `Running, ${Math.round((Date.now() - began) / 1000)} s`; }, 1000);
}

async function run(submitter) {
	if (controller) return;
	controller = new AbortController();
	busy(true);
	try {
		const response = await fetch(form.getAttribute("action"), {
			method: "POST",
			headers: { Accept: "application/json", "X-Partial": "1" },
			body: new URLSearchParams(new FormData(form, submitter)),
			signal: controller.signal,
		});
		if (response.headers.get("Content-Type")?.startsWith("text/html")) place(await response.text());
		else if (response.status === 401) say("You are not signed in any more. Your text is kept. ", element("a", { href: `/sign-in?next=${encodeURIComponent(location.pathname)}` }, "Sign in again"));
		else say(await sentence(response));
	} catch (error) {
		say(error.name === "AbortError" ? "Stopped." : "The server cannot be reached. Check the connection and try again.");
	}
	controller = null;
	const focus = document.activeElement === $("[data-stop-sql]");
	busy(false);
	if (focus) $("[data-run-sql]").focus();
}

form.addEventListener("submit", (event) => {
	if (event.submitter?.hasAttribute("formaction")) return; // saving, deleting, the background: pages of their own
	event.preventDefault();
	run(event.submitter);
});
$("[data-stop-sql]").addEventListener("click", () => controller?.abort());
document.addEventListener("keydown", (event) => {
	if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) form.requestSubmit($("[data-run-sql]"));
	if (event.key === "Escape" && !event.defaultPrevented) controller?.abort();
});

/* A text from before comes into the editor, and can be taken back. */
document.addEventListener("click", async (event) => {
	const link = event.target.closest("[data-past]");
	if (!link || saved || !text || event.ctrlKey || event.metaKey || event.shiftKey) return;
	event.preventDefault();
	try {
		const response = await fetch(link.href);
		const past = $("#sql", new DOMParser().parseFromString(await response.text(), "text/html")).defaultValue;
		const before = editor.get();
		editor.set(past);
		editor.focus();
		$("#drawer").checked = false;
		if (before && before !== past) toast("The text was replaced", "Undo", () => editor.set(before));
	} catch { location.assign(link.href); }
});

if (text) {
	const draft = location.pathname.endsWith("/sql") ? (() => { try { return localStorage.getItem(key); } catch { return null; } })() : null;
	const asked = text.value; // by the address: a saved query or one of the history
	if (draft) text.value = draft;
	await loadEditor().catch(() => {});
	if (draft && asked && asked !== draft) {
		if (saved) toast("Your changes from before are back", "Undo", () => editor.set(asked));
		else editor.set(asked);
	} else if (asked) keep(asked);
	markProblem();
}
