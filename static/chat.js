// The chat: asking, watching an answer as it comes, stopping it. The server renders; this only places things.
// The address carries the version, as the page's own does: one module, loaded once.
const { search: version } = new URL(import.meta.url);
const { $, $$, csrf, element, formatAges, formatNumbers, formatTimes, post, sentence, toast } = await import(`./page.js${version}`);
const { enhance } = await import(`./card.js${version}`);
const { View, become, placeLive, say } = await import(`./live.js${version}`);

const form = $("[data-ask-form]");
const box = $("#question");
const turns = $("[data-turns]");
const slug = form.dataset.slug;
let live = null; // the turn under way: {id, after, question, article, view, done, waits, heard, controller}

/* What talk.js does with whole answers: it hears "quern:turn" {phase: "asked" | "started" | "finished", turn}, and asks by
 * "quern:ask" {question, url, from}: from is the article that the new turn, a version of it, takes the place of. */
const tell = (phase, turn) => document.dispatchEvent(new CustomEvent("quern:turn", { detail: { phase, turn } }));
document.addEventListener("quern:ask", ({ detail: { question, url, from } }) => {
	if (live) return toast("Wait for the answer, or stop it first");
	while (from?.nextElementSibling) from.nextElementSibling.remove();
	from?.remove();
	ask(question, url);
});

/* What answers make is shown by a module of its own, fetched once there is something. */
const artifacts = () => import(`./artifact.js${version}`);

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

/* A turn that asks something takes an answer from the box, too. */
function setRunning(running, waits) {
	$("[data-send]").hidden = running && waits !== "clarification";
	$("[data-stop]").hidden = !running;
	$("[data-stop]").disabled = false;
}

const handlers = {
	turn(turn, { conversation_id: chat, turn_id: id }) {
		turn.id = id;
		turn.article.dataset.turn = id;
		turn.article.id = `turn-${id}`;
		if (turn.view.label === "Sending") turn.view.now("Working");
		$("[data-leaf]", form).value = id;
		adoptConversation(chat, turn);
		if (!turn.told) tell("started", turn);
		turn.told = true;
	},
	step(turn, step) {
		if (step.name === "model" && step.state === "running") turn.view.again(); // what it wrote before counts no more
		turn.view.step(step);
	},
	block(turn, { i, html }) { turn.view.block(i, html); },
	thinking(turn, { text }) { turn.view.thinking(text); },
	message(turn) { turn.view.message(); },
	tool_call(turn) { turn.view.fold(); },
	tool_result(turn, { artifact }) { if (artifact) artifacts().then(({ place }) => place($(".answer", turn.article), artifact, true)).catch(() => {}); },
	clarification(turn) { turn.waits = "clarification"; },
	approval(turn) { turn.waits = "approval"; },
	run(turn) { turn.waits = "run"; },
	done(turn, { status }) { turn.done = true; turn.status = status; },
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
async function readEvents(response, heard, onEvent) {
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	let buffer = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		heard();
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
	if (event.id && turn.waits) resumed(turn);
	if (turn.lost) turn.view.say(turn.lost = null);
	const handle = handlers[event.name];
	if (handle) keepingEnd(() => handle(turn, JSON.parse(event.data)));
}

/* What a turn waited for is there. */
function resumed(turn) {
	turn.waits = null;
	$("[data-wait]", turn.article)?.remove();
	watch(turn);
	turn.view.now("Going on");
}

function watch(turn) {
	turn.view?.end();
	turn.view = new View(turn.article);
	setRunning(true, turn.waits);
}

/* A pause that ends early when there is reason to hope, or when somebody has answered. */
const pauseFor = (turn, ms) => new Promise((resolve) => {
	const end = () => { clearTimeout(timer); removeEventListener("online", end); removeEventListener("focus", end); turn.wake = null; resolve(); };
	const timer = setTimeout(end, ms);
	addEventListener("online", end);
	if (turn.waits) addEventListener("focus", end);
	turn.wake = end;
});

/* A stream that has been silent for longer than its heartbeat takes is a dead one. */
function listen(turn) {
	turn.controller = new AbortController();
	const heard = () => { turn.heard = Date.now(); };
	heard();
	const timer = setInterval(() => { if (Date.now() - turn.heard > 40000) turn.controller.abort(); }, 5000);
	return { signal: turn.controller.signal, heard, close: () => clearInterval(timer) };
}
document.addEventListener("visibilitychange", () => {
	if (!document.hidden && live?.id && !live.waits && Date.now() - live.heard > 20000) live.controller.abort();
});

const lost = () => (navigator.onLine ? "Connection lost; the answer goes on, trying to reach it" : "You are offline; the answer goes on, and is shown when you are back");

addEventListener("offline", () => { if (live?.id && !live.waits) live.view.say(live.lost = lost()); });

/* Follows a turn to its end. A stream that breaks is opened again at once, and quietly; words are made only of what lasts. */
async function follow(turn, response) {
	for (let failures = 0; !turn.done;) {
		const { signal, heard, close } = listen(turn);
		try {
			response ??= await fetch(`/turns/${turn.id}/events?after=${turn.after}&html=1`, { headers: { Accept: "text/event-stream" }, signal });
			if (response.status === 404 || response.status === 401) throw Object.assign(new Error(await sentence(response)), { final: true });
			if (!response.ok) throw new Error("not now");
			await readEvents(response, heard, (event) => { if (event.name !== "turn") failures = 0; receive(turn, event); });
		} catch (error) {
			if (error.final || !turn.id) return fail(turn, error.final ? error.message : "The answer could not be started. Check the connection and try again.");
			if (failures) turn.view.say(turn.lost = lost());
		}
		close();
		response = null;
		if (turn.done) break;
		if (turn.waits) await showWait(turn);
		else turn.view.again();
		await pauseFor(turn, turn.waits ? 10000 : failures ? Math.min(500 * 2 ** failures, 8000) : Math.random() * 200);
		failures++;
	}
	turn.view.end();
	await settle(turn);
}

/* The turn as the server renders it. */
async function rendered(turn) {
	const response = await fetch(`/turns/${turn.id}`, { headers: { Accept: "text/html" } });
	if (!response.ok) throw new Error();
	const fresh = document.adoptNode($(".turn", new DOMParser().parseFromString(await response.text(), "text/html")));
	formatNumbers(fresh);
	formatTimes(fresh);
	formatAges(fresh);
	return fresh;
}

/* What is asked of people stands below the steps, once. */
async function showWait(turn) {
	if ($("[data-wait]", turn.article)) return;
	try {
		const fresh = await rendered(turn);
		keepingEnd(() => become(turn.article, fresh));
		watch(turn);
		say(`${$("[data-status]", fresh)?.textContent ?? "The answer waits"}. ${$("[data-wait]", turn.article)?.textContent ?? ""}`, true);
		tell("waiting", turn);
	} catch { /* the next look will show it */ }
}

/* The finished turn becomes what the server renders, in place: text that is read, or marked, does not move. Below it there
 * may be more now; who was at the end sees that as far as the question stays in sight. */
async function settle(turn) {
	try {
		const fresh = await rendered(turn);
		const follows = atEnd();
		become(turn.article, fresh);
		enhance(turn.article);
		if ($("[data-artifact-part]", turn.article)) artifacts().then((module) => module.enhance(turn.article));
		if (follows) turns.scrollTop = Math.max(turns.scrollTop, turn.article.offsetTop - turns.offsetTop - 8);
	} catch {
		turn.view.say("Done; reload the page to see the whole answer");
		$(".spinner", turn.article)?.remove();
	}
	$("[data-to-end]").hidden = atEnd();
	say({ done: "The answer is there", stopped: "The answer was stopped", failed: "The question was not answered" }[turn.status] ?? "", true);
	finish();
}

function fail(turn, message, link) {
	$(".spinner", turn.article)?.remove();
	turn.view.end();
	turn.view.say("Not answered");
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
	live = { id: 0, after: 0, question, article: placeLive(turns, question), done: false };
	const turn = live;
	toEnd();
	watch(turn);
	tell("asked", turn);
	say("Working on the answer", true);
	let response;
	try {
		response = await fetch(url, {
			method: "POST",
			headers: { "X-CSRF-Token": csrf(), Accept: "text/event-stream, application/json" },
			body: new URLSearchParams({ question, after: url === form.action ? $("[data-leaf]", form).value : "", html: "1" }),
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
	const question = box.value;
	if (!question.trim()) return;
	if (live?.waits === "clarification") return answer(live, { answer: question });
	if (live) return toast(live.waits ? "Say yes or no above first, or stop the answer" : "Wait for the answer, or stop it first");
	write("");
	ask(question);
});

async function stop() {
	if (!live?.id) return;
	const { id, view, wake } = live;
	$("[data-stop]").disabled = true;
	view.say("Stopping");
	try {
		await post(`/turns/${id}/stop`);
		wake?.();
	} catch (error) {
		$("[data-stop]").disabled = false;
		view.say(null);
		toast(error.message);
	}
}
$("[data-stop]").addEventListener("click", stop);

/* An answer to what a turn waits for. Another tab may have been quicker: then that is said, and what follows is shown. */
async function answer(turn, fields) {
	const wait = $("[data-wait]", turn.article);
	for (const control of $$("button, input", wait)) control.disabled = true;
	try {
		await post(`/turns/${turn.id}/answer`, { id: wait.dataset.wait, ...fields });
		if (fields.answer === box.value) write("");
		turn.view.say("Going on");
	} catch (error) {
		for (const control of $$("button, input", wait)) control.disabled = false;
		toast(error.message);
	}
	turn.wake?.();
}
document.addEventListener("submit", (event) => {
	const wait = event.target.closest("[data-wait]");
	if (!wait || !live?.waits) return;
	event.preventDefault();
	const fields = Object.fromEntries(new FormData(event.target));
	if (event.submitter?.name) fields[event.submitter.name] = event.submitter.value;
	if (fields.approve || fields.answer?.trim()) answer(live, fields);
});

/* "How was this computed?" opens beside the conversation. */
const side = $("[data-side]");
function openSide(proof) {
	$("[data-side-body]").replaceChildren(...$(".proof-body", proof).cloneNode(true).childNodes);
	side.hidden = false;
	$("[data-side-close]").focus({ preventScroll: true });
}
$("[data-side-close]").addEventListener("click", () => { side.hidden = true; });

document.addEventListener("click", (event) => {
	const on = (selector, act) => { const node = event.target.closest(selector); if (node) act(node); return node; };
	on("[data-ask]", (node) => ask(node.dataset.ask));
	on(".proof > summary", (node) => { event.preventDefault(); openSide(node.parentNode); });
});
document.addEventListener("keydown", (event) => {
	if (event.key !== "Escape" || event.defaultPrevented || $("dialog[open]")) return;
	if (!side.hidden) side.hidden = true;
	else if (live) stop();
});
if ($("[data-artifact-part]", turns)) artifacts();
/* A turn that was under way when the page was opened goes on being watched. */
const running = $("[data-running]");
if (running) {
	live = { id: Number(running.dataset.turn), after: Number(running.dataset.after), question: $(".question p", running).textContent, article: running, done: false, waits: running.dataset.waits };
	watch(live);
	follow(live);
}
if (!box.value) box.value = sessionStorage.getItem(draft()) ?? "";
fit();
const named = location.hash.startsWith("#turn-") && document.getElementById(location.hash.slice(1));
if (named) named.scrollIntoView();
else if ($(".turn", turns)) toEnd();
if (matchMedia("(min-width: 801px)").matches) box.focus();
