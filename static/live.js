// A turn while it is being answered: text that grows, steps, thoughts, notices. The server renders; this places it so that
// nothing that is there already moves, flickers or loses its selection.
const { $, $$, element } = await import(`./page.js${new URL(import.meta.url).search}`);

const alike = (a, b) => a.nodeName === b.nodeName && (a.nodeType !== Node.ELEMENT_NODE || a.classList[0] === b.classList[0]);

/* One node made like another of its kind, in place: elements and text that stay the same are not touched. */
function patch(old, fresh) {
	if (old.nodeType === Node.TEXT_NODE) {
		if (fresh.data !== old.data && fresh.data.startsWith(old.data)) old.appendData(fresh.data.slice(old.data.length));
		else if (fresh.data !== old.data) old.data = fresh.data;
	}
	if (old.nodeType !== Node.ELEMENT_NODE || (old.shown && old.dataset.version === fresh.dataset.version)) return old; // an artifact that runs
	for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
	for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
	patchAll([...old.childNodes], [...fresh.childNodes], old, null);
	return old;
}

/* The same for nodes side by side in a parent, before `end`: each finds the next one of its kind. Gives those that are there now. */
function patchAll(olds, nodes, parent, end) {
	let at = 0;
	const now = nodes.map((fresh) => {
		const found = olds.findIndex((old, i) => i >= at && alike(old, fresh));
		if (found < 0) return parent.insertBefore(fresh, olds[at] ?? end);
		for (const old of olds.slice(at, found)) old.remove();
		at = found + 1;
		return patch(olds[found], fresh);
	});
	for (const old of olds.slice(at)) old.remove();
	return now;
}
export const become = patch;

function parsed(html) {
	const template = document.createElement("template");
	template.innerHTML = html;
	return [...document.adoptNode(template.content).childNodes].filter((node) => node.nodeType !== Node.TEXT_NODE || node.data.trim());
}

const duration = (ms) => (ms < 100 ? `${ms} ms` : ms < 60000 ? `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s` : `${Math.floor(ms / 60000)} min ${Math.floor(ms / 1000) % 60} s`);

/* What is said to those who do not see it: where things stand, now and then, and never the text itself. */
const voice = document.body.appendChild(element("div", { class: "visually-hidden", role: "status" }));
let saidAt = 0;
export function say(text, always = false) {
	if (!always && Date.now() - saidAt < 4000) return;
	saidAt = Date.now();
	voice.textContent = text;
}

/* The article of a turn that the server has not rendered yet. */
export function placeLive(turns, question) {
	const article = element("article", { class: "turn" }, element("div", { class: "question" }, element("p", {}, question)),
		element("div", { class: "answer" },
			element("details", { class: "steps" },
				element("summary", {}, element("span", { class: "spinner", "aria-hidden": "true" }), element("span", { "data-status": "" }, "Sending")),
				element("ol", { "data-steps": "" })),
			element("div", { class: "text", "data-text": "" })));
	$("[data-welcome]")?.remove();
	turns.append(article);
	return article;
}

/* What is shown of a turn under way. */
export class View {
	constructor(article) {
		this.article = article;
		this.text = $("[data-text]", article);
		this.steps = $("[data-steps]", article);
		this.status = $("[data-status]", article);
		this.blocks = new Map(); // of the message under way: number -> {html, nodes}
		this.whole = false; // the message is
		this.label = this.status?.textContent ?? "";
		// What the server has rendered stays until as much of it has come again.
		for (const node of [...this.text.childNodes]) if (node.nodeType === Node.TEXT_NODE && !node.data.trim()) node.remove();
		this.before = [...this.text.childNodes];
		this.held = this.before.length ? new Map() : null;
		this.ticking = setInterval(() => this.tick(), 1000);
	}

	end() { clearInterval(this.ticking); }

	/* Text -------------------------------------------------------------------------------------------- */

	/* The text of the message under way will come again from its beginning. */
	again() {
		if (!this.whole && this.text.textContent.trim()) this.held = new Map();
	}

	block(i, html) {
		if (this.whole) this.fold();
		if (!this.held) return this.show(i, html);
		this.held.set(i, html);
		const length = [...this.held.values()].reduce((n, part) => n + parsed(part).reduce((m, node) => m + node.textContent.length, 0), 0);
		if (length >= this.text.textContent.length) this.release();
	}

	show(i, html) {
		const block = this.blocks.get(i);
		if (block?.html === html) return;
		const last = block?.nodes.at(-1);
		const nodes = patchAll(block?.nodes ?? [], parsed(html), this.text, last ? last.nextSibling : null);
		this.blocks.set(i, { html, nodes });
	}

	/* What came again takes the place of what is shown. */
	release() {
		const held = this.held ?? new Map();
		this.held = null;
		if (this.before.length) { // rendered by the server, in one
			const nodes = patchAll(this.before, [...held.values()].flatMap(parsed), this.text, null);
			for (const [i, html] of held) this.blocks.set(i, { html, nodes: nodes.splice(0, parsed(html).length) });
			this.before = [];
			return;
		}
		for (const [i, block] of this.blocks) if (!held.has(i)) { for (const node of block.nodes) node.remove(); this.blocks.delete(i); }
		for (const [i, html] of held) this.show(i, html);
	}

	message() {
		if (this.held) this.release();
		this.whole = true;
	}

	/* A message that was not the answer belongs to the steps. */
	fold() {
		if (this.held) this.release();
		if (this.text.childNodes.length) this.steps.append(element("li", { class: "step said" }, ...this.text.childNodes));
		this.blocks.clear();
		this.before = [];
		this.whole = false;
	}

	/* Steps ------------------------------------------------------------------------------------------- */

	step(step) {
		let item = $(`[data-n="${step.n}"]`, this.steps) ?? $$(".step:not(.said)", this.steps)[step.n - 1];
		item ??= this.steps.appendChild(element("li"));
		item.dataset.n = step.n;
		item.className = `step ${step.state}`;
		const parts = [element("span", { class: "step-label" }, step.label)];
		if (step.detail) parts.push(" ", element("span", { class: "muted" }, step.detail));
		if (step.state !== "running") parts.push(" ", element("span", { class: "muted step-time" }, duration(step.ms)));
		const thoughts = $(".thoughts", item);
		item.replaceChildren(...parts, ...(thoughts ? [thoughts] : []));
		if (step.state !== "running") return;
		this.since = Date.now();
		this.now(step.label);
		say(step.label);
	}

	thinking(text) {
		const item = $$(".step.running", this.steps).at(-1);
		if (!item) return;
		let words = $(".thoughts > div", item);
		if (!words) {
			words = element("div", {}, "");
			item.append(element("details", { class: "thoughts" }, element("summary", {}, "Thoughts"), words));
		}
		if (words.firstChild) words.firstChild.appendData(text);
		else words.append(text);
	}

	/* The line that says what goes on. */
	now(label) {
		this.label = label;
		this.notice = null;
		this.tick();
	}

	/* What is out of the ordinary, until something happens. */
	say(notice) {
		this.notice = notice;
		this.tick();
	}

	tick() {
		const seconds = Math.round((Date.now() - (this.since ?? Date.now())) / 1000);
		const text = this.notice ?? (seconds >= 3 ? `${this.label} · ${seconds < 60 ? `${seconds} s` : duration(seconds * 1000)}` : this.label);
		if (this.status && this.status.textContent !== text) this.status.textContent = text;
	}
}
