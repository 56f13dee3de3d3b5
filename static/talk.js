// What is done with conversations and whole answers: the list and its marks, search, versions of a question, verdicts, links.
// chat.js asks and watches; the two speak by the events "quern:turn" and "quern:ask".
const version = new URL(import.meta.url).search;
const { $, $$, csrf, dialog, element, formatAges, formatNumbers, formatTimes, post, sentence, toast } = await import(`./page.js${version}`);
const { enhance } = await import(`./card.js${version}`);

const form = $("[data-ask-form]");
const turns = $("[data-turns]");
const list = $("[data-conversations]");
const find = $("[data-search]");
const slug = form.dataset.slug;
const chat = () => (form.dataset.chat === "0" ? "" : form.dataset.chat);
const parse = (text) => new DOMParser().parseFromString(text, "text/html");

async function page(url, options) {
	const response = await fetch(url, { headers: { Accept: "text/html, application/json;q=0.5" }, ...options }).catch(() => { throw new Error("The server cannot be reached. Check the connection and try again."); });
	if (!response.ok) throw new Error(await sentence(response));
	return response;
}
const tried = (act) => async (...args) => {
	try { await act(...args); } catch (error) { toast(error.message); }
};

/* The list ------------------------------------------------------------------------------------------------- */

// What the list shows comes from the server: its marks are asked for while the page is seen, often while something is
// under way elsewhere, seldom otherwise; what happens in another tab of this browser is told by it at once.
const BUSY = 5000, QUIET = 30000;
let digest = "", every = new URLSearchParams(location.search).get("all") ?? "", timer = 0, asked = 0;

async function refreshList() {
	clearTimeout(timer);
	const mine = ++asked;
	const words = find.value.trim();
	const query = new URLSearchParams({ chat: chat() || 0, have: digest, ...(words && { q: words }), ...(every && { all: every }) });
	try {
		const response = await page(`/p/${slug}/chats?${query}`);
		if (mine !== asked) return;
		if (response.status === 200) {
			digest = response.headers.get("X-Digest");
			showList(parse(await response.text()).body);
		}
		if (words) return;
		showTitle();
	} finally {
		if (mine === asked && !document.hidden) timer = setTimeout(() => refreshList().catch(() => {}), $(".dot.running", list) ? BUSY : QUIET);
	}
}

// The focus stays where it was.
function showList(body) {
	const key = (node) => node?.closest("li")?.querySelector("a")?.getAttribute("href");
	const focused = list.contains(document.activeElement) && { href: key(document.activeElement), button: document.activeElement.matches("button") };
	list.replaceChildren(...[...body.childNodes].map((node) => document.adoptNode(node)));
	if (!focused) return;
	const item = $$("li", list).find((li) => key(li.firstElementChild) === focused.href);
	(item ? $(focused.button ? "button" : "a", item) : $("a", list))?.focus({ preventScroll: true });
}

function showTitle() {
	const current = $("a[aria-current]", list);
	const heading = $("[data-title]");
	const title = current && $(".clip", current).textContent;
	if (!title) return;
	if (title !== heading.textContent || heading.hidden) {
		heading.textContent = title;
		heading.hidden = false;
		$(".topbar-title").textContent = title;
		document.title = `${title} · Quern`;
	}
	$("[data-export]").href = `/p/${slug}/chat/${chat()}/export.md`;
	const pin = $("[data-pin]"), pinned = "pinned" in current.dataset;
	pin.textContent = pinned ? "Unpin" : "Pin";
	pin.setAttribute("aria-pressed", String(pinned));
}

const others = new BroadcastChannel(`quern ${slug}`);
others.addEventListener("message", () => { if (!document.hidden) refreshList().catch(() => {}); });
function changed() {
	others.postMessage("changed");
	return refreshList().catch(() => {});
}
document.addEventListener("visibilitychange", () => {
	if (document.hidden) return clearTimeout(timer);
	if (unseen) look();
	refreshList().catch(() => {});
});

let waiting = 0;
find.form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
find.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 200); });
const search = tried(refreshList);
list.addEventListener("click", (event) => {
	if (!event.target.closest("[data-all-chats]")) return;
	event.preventDefault();
	every = "1";
	search();
});

/* What has ended while nobody looked is unread, until somebody does. */
let unseen = false;
async function look() {
	unseen = document.hidden;
	if (unseen || !chat()) return;
	await post(`/p/${slug}/chat/${chat()}/seen`).catch(() => { unseen = true; });
}

/* One conversation ------------------------------------------------------------------------------------------- */

const titleOf = (id) => $(`[data-chat="${id}"] .clip`, list)?.textContent ?? $("[data-title]").textContent;
const pinnedNow = (id) => $(`[data-chat="${id}"]`, list)?.hasAttribute("data-pinned");

const pin = tried(async (id) => {
	await post(`/p/${slug}/chat/${id}/pin`, { pinned: pinnedNow(id) ? "" : "1" });
	await changed();
});

function rename(id) {
	const input = element("input", { value: titleOf(id), maxlength: "200", "aria-label": "Title" });
	const save = element("button", { class: "primary", value: "save" }, "Rename");
	const node = dialog("rename", element("form", { method: "dialog", class: "dialog-body stack" }, element("h2", {}, "Rename the conversation"), input, save));
	input.select();
	node.addEventListener("close", tried(async () => {
		const title = input.value.trim();
		if (node.returnValue !== "save" || !title || title === titleOf(id)) return;
		await post(`/p/${slug}/chat/${id}/rename`, { title });
		await changed();
	}));
}

const remove = tried(async (id) => {
	await post(`/p/${slug}/chat/${id}/delete`);
	if (id === chat()) {
		sessionStorage.setItem("deleted-chat", id);
		location.assign(`/p/${slug}`);
	} else offerUndo(id);
	await changed();
});

function offerUndo(id) {
	toast("The conversation was deleted.", "Undo", tried(async () => {
		await post(`/p/${slug}/chat/${id}/restore`);
		if (!chat()) return location.assign(`/p/${slug}/chat/${id}`);
		await changed();
	}));
}
const deleted = sessionStorage.getItem("deleted-chat");
if (deleted) {
	sessionStorage.removeItem("deleted-chat");
	offerUndo(deleted);
}

// The menu of a row: opens at its button, closes with Escape, walks with the arrows.
function rowMenu(button) {
	$(".row-menu")?.remove();
	const id = $("a", button.parentNode).dataset.chat;
	const act = (label, run) => {
		const item = element("button", { type: "button", role: "menuitem", class: "quiet" }, label);
		item.addEventListener("click", () => { menu.hidePopover(); run(id); });
		return item;
	};
	const menu = element("div", { popover: "", role: "menu", class: "row-menu" }, act(pinnedNow(id) ? "Unpin" : "Pin", pin), act("Rename", rename),
		act("Export", () => location.assign(`/p/${slug}/chat/${id}/export.md`)), act("Delete", remove));
	document.body.append(menu);
	menu.addEventListener("toggle", (event) => { if (event.newState === "closed") { menu.remove(); button.focus({ preventScroll: true }); } });
	menu.addEventListener("keydown", (event) => {
		walk(event, [...menu.children]);
		if (event.key !== "Escape") return;
		event.preventDefault();
		event.stopPropagation();
		menu.hidePopover();
	});
	menu.showPopover();
	const at = button.getBoundingClientRect();
	menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8))}px`;
	menu.style.top = `${at.bottom + menu.offsetHeight > innerHeight ? at.top - menu.offsetHeight : at.bottom}px`;
	menu.firstElementChild.focus();
}

/* Arrow keys, Home and End go through the nodes. */
function walk(event, nodes) {
	const at = nodes.indexOf(document.activeElement);
	const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? nodes.length - 1 : at - 1, Home: 0, End: nodes.length - 1 }[event.key];
	if (to === undefined || !nodes.length) return;
	event.preventDefault();
	nodes[(to + nodes.length) % nodes.length].focus();
}
list.addEventListener("keydown", (event) => walk(event, $$("a", list)));
find.addEventListener("keydown", (event) => {
	if (event.key === "ArrowDown") walk(event, $$("a", list));
	else if (event.key === "Escape" && find.value) { event.preventDefault(); find.value = ""; search(); }
});

/* One answer --------------------------------------------------------------------------------------------------- */

const idOf = (node) => node.closest("[data-turn]").dataset.turn;
const ask = (detail) => document.dispatchEvent(new CustomEvent("quern:ask", { detail }));

const questionOf = (article) => $(".question p", article).textContent;
function retry(button) {
	const from = button.closest(".turn");
	ask({ question: questionOf(from), url: `/turns/${idOf(button)}/again`, from });
}

/* The question becomes a box in its place. */
function edit(link) {
	const from = link.closest(".turn");
	if ($(".edit", from)) return $(".edit textarea", from).focus();
	const box = element("textarea", { maxlength: "16000", "aria-label": "Your question, changed", rows: "2" });
	const cancel = element("button", { type: "button" }, "Cancel");
	const node = element("form", { class: "edit" }, box, element("div", { class: "form-actions" }, element("button", { class: "primary" }, "Send"), cancel));
	const question = $(".question", from);
	const close = () => { node.remove(); question.hidden = false; link.focus(); };
	box.value = questionOf(from);
	cancel.addEventListener("click", close);
	node.addEventListener("submit", (event) => {
		event.preventDefault();
		event.stopPropagation();
		if (box.value.trim()) ask({ question: box.value, url: `/turns/${idOf(from)}/again`, from });
	});
	node.addEventListener("keydown", (event) => {
		if (event.key === "Escape") { event.preventDefault(); close(); }
		if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === box) { event.preventDefault(); node.requestSubmit(); }
	});
	question.hidden = true;
	question.after(node);
	box.style.height = `${box.scrollHeight + 2}px`;
	box.focus();
}

const judge = (id, verdict, reason = "") => post(`/turns/${id}/feedback`, { verdict, reason });

/* A verdict is kept at once; its reason may follow. */
const vote = tried(async (button) => {
	const actions = button.closest(".actions"), id = idOf(button);
	const verdict = button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.vote;
	await judge(id, verdict);
	for (const other of $$("[data-vote]", actions)) other.setAttribute("aria-pressed", String(other.dataset.vote === verdict));
	$("[data-reason]", actions)?.remove();
	$(".reason", actions.parentNode)?.remove();
	if (verdict) askReason(actions, id, verdict);
	else toast("Taken back");
});

function askReason(actions, id, verdict) {
	const input = element("input", { maxlength: "2000", placeholder: verdict === "good" ? "What was good about it?" : "What was wrong?", "aria-label": "Reason" });
	const close = element("button", { type: "button", class: "quiet" }, "No reason");
	const help = element("span", { class: "help" }, "The admins of this project see your verdict with the question and the answer.");
	const node = element("form", { class: "reason" }, input, element("button", {}, "Send"), close, help);
	const done = () => { node.remove(); $(`[data-vote="${verdict}"]`, actions).focus(); };
	close.addEventListener("click", done);
	node.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); done(); } });
	node.addEventListener("submit", tried(async (event) => {
		event.preventDefault();
		event.stopPropagation();
		const reason = input.value.trim();
		await judge(id, verdict, reason);
		if (reason) actions.append(element("span", { class: "muted small", "data-reason": "" }, reason));
		done();
		toast("Thank you");
	}));
	actions.after(node);
	input.focus();
}

const copyLink = async (link) => {
	try {
		await navigator.clipboard.writeText(link.href);
		toast("The link is copied");
	} catch { toast("The browser did not allow copying"); }
};

const saveQuery = tried(async (button) => {
	const response = await page(button.getAttribute("formaction"), { method: "POST", headers: { "X-CSRF-Token": csrf(), Accept: "text/html" }, body: new URLSearchParams() });
	const name = $("h1", parse(await response.text()))?.textContent.trim();
	toast(`Saved as “${name}”.`, "Open", () => location.assign(response.url));
	button.disabled = true;
	button.textContent = "Saved";
});

/* Earlier and later questions come into the page that is there. */
const more = tried(async (link) => {
	const earlier = link.closest(".older") === turns.firstElementChild;
	link.setAttribute("aria-busy", "true");
	const fresh = parse(await (await page(link.href)).text());
	const have = new Set($$("[data-turn]", turns).map((turn) => turn.dataset.turn));
	const nodes = $$("[data-turns] > :is(.turn, .older)", fresh)
		.filter((node) => (node.matches(".turn") ? !have.has(node.dataset.turn) : (node === $("[data-turns]", fresh).firstElementChild) === earlier))
		.map((node) => document.adoptNode(node));
	for (const node of nodes) { formatNumbers(node); formatTimes(node); formatAges(node); }
	const height = turns.scrollHeight;
	link.closest(".older").replaceWith(...nodes);
	for (const node of nodes) enhance(node);
	if (earlier) turns.scrollTop += turns.scrollHeight - height;
	nodes.find((node) => node.matches(".turn"))?.querySelector("button, a")?.focus({ preventScroll: true });
});

document.addEventListener("click", (event) => {
	const on = (selector, act) => {
		const node = event.target.closest(selector);
		if (!node || event.ctrlKey || event.metaKey) return;
		event.preventDefault();
		act(node);
	};
	on("[data-retry]", retry);
	on("[data-edit]", edit);
	on("[data-vote]", vote);
	on("[data-link]", copyLink);
	on("[data-save]", saveQuery);
	on(".older a", more);
	on("[data-row-menu]", rowMenu);
	on("[data-pin]", () => pin(chat()));
	on("[data-rename]", () => rename(chat()));
	on("[data-delete]", () => remove(chat()));
});

document.addEventListener("quern:turn", async ({ detail: { phase } }) => {
	if (phase === "asked") return;
	if (phase === "finished") await look();
	changed();
});

/* A link to an answer that this page does not show: the server knows where it stands. */
const named = /^#turn-(\d{1,18})$/.exec(location.hash)?.[1];
if (named && chat() && !$(`#turn-${named}`)) {
	const to = new URL(location.href);
	if (to.searchParams.get("turn") !== named) {
		to.search = `?turn=${named}`;
		location.replace(to);
	}
}
if (named) $(`#turn-${named}`)?.classList.add("named");
look();
refreshList().catch(() => {});
