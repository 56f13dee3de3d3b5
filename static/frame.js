// Shows an artifact in a frame without an origin. The frame's document is empty; the library files, code and data are
// handed to it through a port, and what comes back is checked: only numbers and short texts are ever taken, and texts are
// shown as text. Nothing of an artifact becomes markup here.
const version = new URL(import.meta.url).search;

const HELLO = "quern artifact frame";
const LIBRARY = /^[a-z0-9-]{1,40}-[0-9][0-9.]{0,20}\.js$/;
const START_HEIGHT = 480, LEAST_HEIGHT = 40, MOST_HEIGHT = 6000, GROWTHS = 60;
const TEXT = 2000, MESSAGES = 400, COMPILED = 1 << 20; // longest text, most messages in a second, most characters kept
const BEAT_MS = 1000, SILENCE_MS = 5000, END_MS = 30000, START_MS = 20000;

const texts = new Map();
// A file of this host as text; nginx lets browsers keep it for a year.
function text(url) {
	if (!texts.has(url)) {
		const got = fetch(url).then((r) => {
			if (!r.ok) throw new Error(`${url} could not be loaded (${r.status})`);
			return r.text();
		});
		got.catch(() => texts.delete(url));
		texts.set(url, got);
	}
	return texts.get(url);
}

const whole = (value, most) => (Number.isFinite(value) ? Math.max(0, Math.min(most, Math.round(value))) : 0);
// A part of a huge text would keep the whole.
const words = (value) => (typeof value === "string" && value.length <= 10 * TEXT ? value.slice(0, TEXT) : "an error that is too long to show");
const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

function node(name, className, content = "") {
	const made = document.createElement(name);
	made.className = className;
	made.textContent = content;
	return made;
}

// What a frame may say, and how it is read; anything else is dropped.
const messages = {
	need: (show, m) => show.libraries(Array.isArray(m.files) ? m.files.slice(0, 20) : []), // asked once, before its code runs
	ready: (show) => show.ready(),
	height: (show, m) => show.height(m.height),
	error: (show, m) => show.error({ message: words(m.message), line: whole(m.line, 1e6), column: whole(m.column, 1e6) }),
	compiled: (show, m) => show.keep(m.text),
	beat: (show) => { show.heard = performance.now(); },
};

class Show {
	constructor(element, { id, version: n, address = `/artifacts/${id}/sandbox`, srcdoc, load, height }) {
		Object.assign(this, { element, id, n, load, fixed: height, loads: 0, growths: 0, count: 0, errors: [], alive: true });
		this.done = new Promise((resolve) => { this.finish = resolve; });
		this.problems = node("div", "artifact-problems");
		this.problems.setAttribute("role", "status");
		this.frame = document.createElement("iframe");
		this.frame.sandbox = "allow-scripts";
		this.frame.referrerPolicy = "no-referrer";
		this.frame.title = element.dataset.title || "Artifact";
		this.frame.className = "artifact-frame";
		Object.assign(this.frame.style, { display: "block", width: "100%", border: "0" });
		this.frame.height = height || START_HEIGHT;
		if (srcdoc) this.frame.srcdoc = srcdoc;
		else this.frame.src = address;
		this.onMessage = (event) => this.hello(event);
		this.onTheme = () => this.send({ kind: "theme", dark: dark() });
		this.media = matchMedia("(prefers-color-scheme: dark)");
		// A page that the browser keeps for going back would keep the frame running.
		this.onHide = () => this.end("The artifact ended when the page was left; load the page again to see it.");
	}

	start() {
		// What it will need comes while its document does.
		this.content = Promise.all([text(`/static/sandbox.js${version}`), this.load()]);
		this.content.catch(() => {});
		window.addEventListener("message", this.onMessage);
		window.addEventListener("pagehide", this.onHide);
		this.media.addEventListener("change", this.onTheme);
		// The first load is the empty document; whoever loads another one wanted to take the data elsewhere.
		this.frame.addEventListener("load", () => { if (++this.loads > 1) this.end("The artifact tried to leave its frame and was stopped."); });
		this.element.replaceChildren(this.frame, this.problems);
		this.late = setTimeout(() => this.silent("The artifact takes long to start."), START_MS);
		return this;
	}

	// The frame's one word: answered with one port. What it says here afterwards is only counted.
	async hello(event) {
		if (event.source !== this.frame.contentWindow || event.origin !== "null" || this.flooded() || this.port || event.data !== HELLO) return;
		const { port1, port2 } = new MessageChannel();
		this.port = port1;
		port1.onmessage = (message) => this.take(message);
		try {
			const [script, content] = await this.content;
			if (!this.alive) return;
			this.frame.contentWindow.postMessage(script, "*", [port2]); // it has no origin to name; the script is public
			this.name = content.id && content.version ? `artifact ${content.id} ${content.version}` : "";
			this.send({ kind: "init", type: content.type, code: content.code, data: content.data ?? {}, dark: dark(), compiled: this.kept() });
			this.heard = performance.now();
			this.watch = setInterval(() => this.beat(), BEAT_MS);
		} catch (e) {
			this.end(`The artifact could not be loaded: ${e.message}`);
		}
	}

	// Whoever sends without end would keep the page busy with listening.
	flooded() {
		const now = Math.floor(performance.now() / 1000);
		if (now !== this.second) Object.assign(this, { second: now, count: 0 });
		if (++this.count > MESSAGES) this.end("The artifact sent messages without end and was stopped.");
		return !this.alive;
	}

	take(event) {
		if (this.flooded()) return;
		const message = event.data;
		if (typeof message !== "object" || message === null) return;
		if (typeof message.kind === "string" && Object.hasOwn(messages, message.kind)) messages[message.kind](this, message);
	}

	send(message) {
		if (this.alive) this.port?.postMessage(message);
	}

	// What the frame made of the code in this tab before, for the same code: versions never change.
	kept() {
		try {
			return (this.name && sessionStorage.getItem(this.name)) || null;
		} catch { // a page inside another site may have no storage
			return null;
		}
	}

	keep(compiled) {
		if (!this.name || typeof compiled !== "string" || compiled.length > COMPILED) return;
		try {
			sessionStorage.setItem(this.name, compiled);
		} catch { /* there is no room: it is made again */ }
	}

	async libraries(files) {
		if (this.given) return;
		this.given = true;
		for (const file of files.filter((name) => typeof name === "string" && LIBRARY.test(name))) {
			try {
				this.send({ kind: "library", file, text: await text(`/static/libs/${file}`) });
			} catch (e) {
				this.send({ kind: "library", file, text: "" });
			}
		}
	}

	ready() {
		clearTimeout(this.late);
		this.tell("artifact-ready", {});
		this.finish({ ok: !this.errors.length, errors: this.errors });
	}

	// A page that grows with its frame would grow for ever.
	height(value) {
		if (this.fixed || !Number.isFinite(value)) return;
		const next = Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, Math.ceil(value)));
		if (next > this.frame.height && ++this.growths > GROWTHS) return;
		if (next !== Number(this.frame.height)) this.frame.height = next;
	}

	error(problem) {
		if (this.errors.length >= 10 || !problem.message) return;
		this.errors.push(problem);
		const at = problem.line ? ` (line ${problem.line}${problem.column ? `, column ${problem.column}` : ""})` : "";
		this.problems.append(node("p", "problem thin", problem.message + at));
		this.tell("artifact-error", problem);
		this.finish({ ok: false, errors: this.errors });
	}

	tell(name, detail) {
		this.element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail: { id: this.id, version: this.n, ...detail } }));
	}

	beat() {
		this.send({ kind: "beat" });
		if (document.hidden) this.heard = performance.now();
		const silence = performance.now() - this.heard;
		if (silence > END_MS) this.end("The artifact did not answer for 30 s and was stopped.");
		else if (silence > SILENCE_MS) this.silent("The artifact does not answer.");
		else if (this.stopper) { this.stopper.remove(); this.stopper = null; }
	}

	silent(sentence) {
		if (this.stopper || !this.alive) return;
		const button = node("button", "plain", "Stop it");
		button.type = "button";
		button.addEventListener("click", () => this.end("The artifact was stopped."));
		this.stopper = node("p", "problem thin", `${sentence} `);
		this.stopper.append(button);
		this.problems.append(this.stopper);
	}

	end(sentence) {
		if (!this.alive) return;
		this.stop();
		this.frame.remove();
		this.stopper?.remove();
		this.problems.append(node("p", "problem thin", sentence));
		this.errors.push({ message: sentence, line: 0, column: 0 });
		this.tell("artifact-stopped", { message: sentence });
		this.finish({ ok: false, errors: this.errors });
	}

	stop() {
		this.alive = false;
		clearTimeout(this.late);
		clearInterval(this.watch);
		window.removeEventListener("message", this.onMessage);
		window.removeEventListener("pagehide", this.onHide);
		this.media.removeEventListener("change", this.onTheme);
		this.port?.close();
	}
}

// What the server tells of a version: its type, code and the data as this person may see it.
async function fromServer(id, n) {
	const answer = await fetch(`/artifacts/${id}/data${n ? `?version=${n}` : ""}`, { headers: { Accept: "application/json" } });
	const content = await answer.json();
	if (!answer.ok) throw new Error(content.error?.message ?? `status ${answer.status}`);
	return content;
}

/**
 * Shows an artifact inside element. options: id; version (none: the newest); address of the frame's document, or srcdoc, its text; load, a function
 * that resolves to {type, code, data}; height in pixels (none: as high as the content).
 * Events at element: artifact-ready, artifact-error {message, line, column}, artifact-stopped {message}, each with id and
 * version. Returns {done, theme(), print(on), remove()}; done resolves to {ok, errors} when it was first painted, failed or ended.
 */
export function mount(element, options) {
	const show = new Show(element, { load: () => fromServer(options.id, options.version), ...options }).start();
	return {
		done: show.done,
		theme: (isDark = dark()) => show.send({ kind: "theme", dark: isDark }),
		print: (on) => show.send({ kind: "print", on: Boolean(on) }),
		remove: () => { show.stop(); element.replaceChildren(); },
	};
}
