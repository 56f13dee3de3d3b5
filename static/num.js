// Numbers in answers: what each is from, on hover, focus and touch; a click shows the cell. The server has marked them.
const { $, $$, element, formatNumbers } = await import(`./page.js${new URL(import.meta.url).search}`);

const PAGE = 100; // rows that the server sends at once
const tip = document.body.appendChild(element("div", { class: "tip", role: "tooltip", id: "tip", hidden: "" }));
let shown = null;
let pressed = null; // what was shown when a finger came down

/* The title would show a second time. */
const says = (num) => {
	num.dataset.says ??= num.title;
	num.removeAttribute("title");
	return num.dataset.says;
};

function show(num) {
	if (!says(num)) return;
	shown = num;
	tip.textContent = num.dataset.says;
	tip.hidden = false;
	num.setAttribute("aria-describedby", "tip");
	place();
}

function place() {
	const at = shown?.getClientRects()[0];
	if (!at || at.bottom < 0 || at.top > innerHeight) return hide();
	const below = at.bottom + 6 + tip.offsetHeight < innerHeight;
	tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - tip.offsetWidth - 8))}px`;
	tip.style.top = `${below ? at.bottom + 6 : at.top - 6 - tip.offsetHeight}px`;
}

function hide() {
	shown?.removeAttribute("aria-describedby");
	shown = null;
	tip.hidden = true;
}

/* The row, in the table as it is or on its page from the server. */
async function rowOf(card, run, row) {
	const find = () => $(`tr[data-row="${row}"]`, card);
	const target = $("[data-result]", card);
	if (find() || !target) return find();
	const response = await fetch(`/runs/${run}?first=${row - (row % PAGE)}`, { headers: { Accept: "text/html" } });
	if (!response.ok) return null;
	const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
	target.replaceChildren(...[...parsed.body.childNodes].map((node) => document.adoptNode(node)));
	formatNumbers(target);
	return find();
}

function point(node) {
	node.scrollIntoView({ block: "center", inline: "nearest" });
	node.classList.remove("found");
	requestAnimationFrame(() => node.classList.add("found"));
	node.tabIndex = -1;
	node.focus({ preventScroll: true });
}

async function follow(num) {
	const { run, row, col } = num.dataset;
	if (!run) return;
	hide();
	const card = document.getElementById(`run-${run}`);
	if (!card) return location.assign(`/runs/${run}?from=${row - (row % PAGE) || 0}`);
	for (let fold = card.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
	$(`[data-tab="${row || col ? "table" : "sql"}"]`, card)?.click();
	const tr = row && (await rowOf(card, run, Number(row)));
	point(tr?.children[col] ?? (col ? $$("thead th", card)[col] : null) ?? card);
}

/* Arrows walk the numbers of an answer; the keyboard stops there once. */
function walk(num, step) {
	const all = $$(".num[tabindex]", num.closest(".text"));
	const next = all[all.indexOf(num) + step];
	if (!next) return;
	for (const one of all) one.tabIndex = one === next ? 0 : -1;
	next.focus();
}

const numOf = (event) => event.target.closest?.(".text .num");
document.addEventListener("pointerover", (event) => {
	if (event.pointerType === "touch") return;
	const num = numOf(event);
	if (num) show(num);
	else if (shown && shown !== document.activeElement) hide();
});
document.addEventListener("focusin", (event) => { const num = numOf(event); if (num) show(num); else hide(); });
document.addEventListener("scroll", () => { if (shown) place(); }, { capture: true, passive: true });
document.addEventListener("pointerdown", () => { pressed = shown; }, true);
document.addEventListener("click", (event) => {
	const num = numOf(event);
	if (num && (event.pointerType !== "touch" || pressed === num)) follow(num); // a first touch only tells
	const doubt = event.target.closest("[data-doubt]");
	if (doubt) $(".unproven", doubt.closest(".turn"))?.focus();
});
document.addEventListener("keydown", (event) => {
	if (event.key === "Escape" && shown) {
		event.preventDefault();
		return hide();
	}
	const num = numOf(event);
	const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
	if (!num || event.ctrlKey || event.metaKey || event.altKey) return;
	if (step || event.key === "Enter") event.preventDefault();
	if (step) walk(num, step);
	else if (event.key === "Enter") follow(num);
}, true);
