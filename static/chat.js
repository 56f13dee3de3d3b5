// The chat: asking, watching an answer as it comes, stopping it. The server renders; this only places things.
// The address carries the version, as the page's own does: one module, loaded once.
const { $, $$, csrf, dialog, element, formatAges, formatNumbers, formatTimes, post, sentence, toast } = await import(`./page.js${new URL(import.meta.url).search}`);

const form = $("[data-ask-form]");
const box = $("#question");
const turns = $("[data-turns]");
const slug = form.dataset.slug;
let live = null; // the turn under way: {id, article, after, controller, stopping}

/* What talk.js does with whole answers: it hears "quern:turn" {phase: "asked" | "started" | "finished", turn}, and asks by
 * "quern:ask" {question, url, from}: from is the article that the new turn, a version of it, takes the place of. */
const tell = (phase, turn) => document.dispatchEvent(new CustomEvent("quern:turn", { detail: { phase, turn } }));
document.addEventListener("quern:ask", ({ detail: { question, url, from } }) => {
	if (live) return toast("Wait for the answer, or stop it first");
	while (from?.nextElementSibling) from.nextElementSibling.remove();
	from?.remove();
	ask(question, url);
});

/* Scrolling: stay at the end only for somebody who is there. */
const atEnd = () => turns.scrollHeight - turns.scrollTop - turns.clientHeight < 80;
const toEnd = () => { turns.scrollTop = turns.scrollHeight; };
function keepingEnd(change) {
	const follow = atEnd();
	change();
	if (follow) toEnd();
	$("[data-to-end]").hidden = atEnd();
}
turns.addEventListener("scroll", () => { $("[data-to-end]").hidden = atEnd(); }, { passive: true });
$("[data-to-end]").addEventListener("click", toEnd);

/* The question box grows with its text. What is typed there outlives a reload and a new sign-in. */
const draft = () => `draft ${location.pathname}`;
const fit = () => {
	box.style.height = "auto";
	box.style.height = `${box.scrollHeight}px`;
	if (box.value) sessionStorage.setItem(draft(), box.value);
	else sessionStorage.removeItem(draft());
};
box.addEventListener("input", fit);
box.addEventListener("keydown", (event) => {
	if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
		event.preventDefault();
		form.requestSubmit();
	} else if (event.key === "ArrowUp" && !box.value) {
		const last = $$(".question p").at(-1)?.textContent;
		if (last) { event.preventDefault(); write(last); }
	}
});
function write(text) {
	box.value = text;
	fit();
	box.focus();
}

/* A turn that is being answered, before the server rendered it. */
function placeLive(question) {
	const steps = element("ol", { "data-steps": "" });
	const summary = element("summary", {}, element("span", { class: "spinner", "aria-hidden": "true" }), element("span", { "data-status": "" }, "Working"));
	const details = element("details", { class: "steps" }, summary, steps);
	const text = element("div", { class: "text", "data-text": "", "aria-live": "polite" });
	const article = element("article", { class: "turn" }, element("div", { class: "question" }, element("p", {}, question)),
		element("div", { class: "answer" }, details, text));
	$("[data-welcome]")?.remove();
	turns.append(article);
	toEnd();
	return article;
}

function setRunning(running) {
	$("[data-send]").hidden = running;
	$("[data-stop]").hidden = !running;
	$("[data-stop]").disabled = false;
}

function showStep(article, step) {
	const list = $("[data-steps]", article);
	let item = $(`[data-n="${step.n}"]`, list) ?? list.children[step.n - 1];
	if (!item) item = list.appendChild(element("li"));
	item.dataset.n = step.n;
	item.className = `step ${step.state}`;
	const parts = [element("span", { class: "step-label" }, step.label)];
	if (step.detail) parts.push(" ", element("span", { class: "muted" }, step.detail));
	if (step.state !== "running") parts.push(" ", element("span", { class: "muted step-time" }, duration(step.ms)));
	item.replaceChildren(...parts);
	if (step.state === "running") $("[data-status]", article)?.replaceChildren(step.label);
}
const duration = (ms) => (ms < 100 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`);

function partial(article) {
	const text = $("[data-text]", article);
	return $(".partial.open", text) ?? text.appendChild(element("p", { class: "partial open" }));
}

const handlers = {
	turn(turn, { conversation_id: chat, turn_id: id }) {
		turn.id = id;
		turn.article.dataset.turn = id;
		turn.article.id = `turn-${id}`;
		$("[data-leaf]", form).value = id;
		adoptConversation(chat, turn);
		tell("started", turn);
	},
	step(turn, step) { showStep(turn.article, step); },
	delta(turn, { text }) {
		const node = partial(turn.article);
		if (turn.fresh) { node.textContent = ""; turn.fresh = false; }
		node.append(text);
	},
	message(turn, { text }) {
		const node = partial(turn.article);
		node.textContent = text;
		node.classList.remove("open");
	},
	error(turn, error) { turn.failed = error; },
	done(turn) { turn.done = true; },
};

/* The first question of a conversation gives it an address; talk.js shows its title and its place in the list. */
function adoptConversation(chat, turn) {
	if (form.dataset.chat !== "0" && form.dataset.chat !== "") return;
	form.dataset.chat = chat;
	form.action = `/p/${slug}/chat/${chat}/turns`;
	history.replaceState(null, "", `/p/${slug}/chat/${chat}`);
	$("[data-head-actions]").hidden = false;
}

/* Reads an event stream; calls back for each event. Resolves when the stream ends. */
async function readEvents(response, onEvent) {
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let buffer = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		buffer += value;
		const blocks = buffer.split("\n\n");
		buffer = blocks.pop();
		for (const block of blocks) {
			const event = { id: 0, name: "message", data: "" };
			for (const line of block.split("\n")) {
				if (line.startsWith("id:")) event.id = Number(line.slice(3));
				else if (line.startsWith("event:")) event.name = line.slice(6).trim();
				else if (line.startsWith("data:")) event.data += line.slice(5).trim();
			}
			if (event.data) onEvent(event);
		}
	}
}

function receive(turn, event) {
	if (event.id) turn.after = event.id;
	const handle = handlers[event.name];
	if (handle) keepingEnd(() => handle(turn, JSON.parse(event.data)));
}

/* Follows a turn to its end, reconnecting when the stream breaks. */
async function follow(turn, response) {
	for (let pause = 500; !turn.done; pause = Math.min(pause * 2, 8000)) {
		try {
			response ??= await fetch(`/turns/${turn.id}/events?after=${turn.after}`, { headers: { Accept: "text/event-stream" } });
			if (response.status === 404 || response.status === 401) throw Object.assign(new Error(await sentence(response)), { final: true });
			if (!response.ok) throw new Error("not now");
			await readEvents(response, (event) => { pause = 500; receive(turn, event); });
		} catch (error) {
			if (error.final || !turn.id) return fail(turn, error.final ? error.message : "The answer could not be started. Check the connection and try again.");
			$("[data-status]", turn.article)?.replaceChildren("Connection lost, trying again");
		}
		response = null;
		turn.fresh = true; // a resumed stream sends the text so far as one delta
		if (!turn.done) await new Promise((resolve) => setTimeout(resolve, pause));
	}
	await settle(turn);
}

/* The finished turn as the server renders it takes the place of the live one. */
async function settle(turn) {
	const open = $(".steps", turn.article)?.open;
	try {
		const response = await fetch(`/turns/${turn.id}`, { headers: { Accept: "text/html" } });
		if (!response.ok) throw new Error();
		const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
		const fresh = document.adoptNode($(".turn", parsed));
		formatNumbers(fresh);
		formatTimes(fresh);
		formatAges(fresh);
		keepingEnd(() => turn.article.replaceWith(fresh));
		if (open) $(".steps", fresh).open = true;
	} catch {
		$("[data-status]", turn.article)?.replaceChildren("Done; reload the page to see the whole answer");
		$(".spinner", turn.article)?.remove();
	}
	finish();
}

function fail(turn, message, link) {
	$(".spinner", turn.article)?.remove();
	$("[data-status]", turn.article)?.replaceChildren("Not answered");
	$(".answer", turn.article).append(element("div", { class: "problem", role: "alert" }, element("strong", {}, message), ...(link ? [" ", link] : [])));
	toEnd();
	if (!box.value) write(turn.question);
	finish();
}
function finish() {
	const turn = live;
	live = null;
	setRunning(false);
	tell("finished", turn);
}

async function ask(question, url = form.action) {
	if (live || !question.trim()) return;
	live = { id: 0, after: 0, question, article: placeLive(question), done: false };
	setRunning(true);
	const turn = live;
	tell("asked", turn);
	let response;
	try {
		response = await fetch(url, {
			method: "POST",
			headers: { "X-CSRF-Token": csrf(), Accept: "text/event-stream, application/json" },
			body: new URLSearchParams({ question, after: url === form.action ? $("[data-leaf]", form).value : "" }),
		});
	} catch {
		return fail(turn, "The server cannot be reached. Check the connection and try again.");
	}
	if (response.status === 401) {
		const signIn = element("a", { href: `/sign-in?next=${encodeURIComponent(location.pathname)}` }, "Sign in again");
		return fail(turn, "You are not signed in any more. Your question is kept.", signIn);
	}
	if (!response.ok) return fail(turn, await sentence(response));
	await follow(turn, response);
}

form.addEventListener("submit", (event) => {
	event.preventDefault();
	if (live) return toast("Wait for the answer, or stop it first");
	const question = box.value;
	if (!question.trim()) return;
	write("");
	ask(question);
});

async function stop() {
	if (!live?.id) return;
	$("[data-stop]").disabled = true;
	$("[data-status]", live.article)?.replaceChildren("Stopping");
	try {
		await post(`/turns/${live.id}/stop`);
	} catch (error) {
		$("[data-stop]").disabled = false;
		toast(error.message);
	}
}
$("[data-stop]").addEventListener("click", stop);

/* "How was this computed?" opens beside the conversation. */
const side = $("[data-side]");
function openSide(proof) {
	$("[data-side-body]").replaceChildren(...$(".proof-body", proof).cloneNode(true).childNodes);
	side.hidden = false;
	$("[data-side-close]").focus({ preventScroll: true });
}
$("[data-side-close]").addEventListener("click", () => { side.hidden = true; });

/* Tabs of a result card. */
function selectTab(tab) {
	const card = tab.closest("[data-card]");
	for (const other of $$("[data-tab]", card)) other.setAttribute("aria-selected", String(other === tab));
	for (const panel of $$("[data-panel]", card)) {
		panel.hidden = panel.dataset.panel !== tab.dataset.tab;
		panel.classList.toggle("shown", !panel.hidden);
	}
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
		const tab = $("[aria-selected=true]", card).dataset.tab;
		keepingEnd(() => card.replaceWith(fresh));
		selectTab($(`[data-tab="${tab}"]`, fresh));
		toast(`Read again: ${$(".card-facts", fresh).textContent}`);
	} catch (error) {
		button.disabled = false;
		button.textContent = "Refresh";
		toast(error.message);
	}
}

document.addEventListener("click", (event) => {
	const on = (selector, act) => { const node = event.target.closest(selector); if (node) act(node); return node; };
	on("[data-ask]", (node) => ask(node.dataset.ask));
	on("[data-tab]", selectTab);
	on("[data-refresh]", (node) => { event.preventDefault(); refresh(node); });
	on(".proof > summary", (node) => { event.preventDefault(); openSide(node.parentNode); });
});
document.addEventListener("keydown", (event) => {
	if (event.key !== "Escape" || event.defaultPrevented || $("dialog[open]")) return;
	if (!side.hidden) side.hidden = true;
	else if (live) stop();
});
/* A turn that was under way when the page was opened goes on being watched. */
const running = $("[data-running]");
if (running) {
	live = { id: Number(running.dataset.turn), after: Number(running.dataset.after), question: $(".question p", running).textContent, article: running, done: false, fresh: true };
	$(".partial", running)?.classList.add("open");
	setRunning(true);
	follow(live);
}
if (!box.value) box.value = sessionStorage.getItem(draft()) ?? "";
fit();
const named = location.hash.startsWith("#turn-") && document.getElementById(location.hash.slice(1));
if (named) named.scrollIntoView();
else if (turns.children.length) toEnd();
if (matchMedia("(min-width: 801px)").matches) box.focus();
