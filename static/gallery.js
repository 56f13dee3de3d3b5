// The pictures of the gallery: each artifact in small, with data as this person may see it, once its card is on the screen and one
// after the other. Where it fails or takes long the sign of its type stays.
const version = new URL(import.meta.url).search;
const { mount } = await import(`./frame.js${version}`);

const WIDTH = 800, PATIENCE_MS = 6000, MOST = 12; // of a frame before it is made small, and of frames at a time
const waiting = new Set(), drawn = [];
let busy = false;

const seen = new IntersectionObserver((entries) => {
	for (const { target, isIntersecting } of entries) waiting[isIntersecting ? "add" : "delete"](target);
	next();
});

async function load(id) {
	const answer = await fetch(`/artifacts/${id}/data?glance=1`, { headers: { Accept: "application/json" } });
	if (!answer.ok) throw new Error(`status ${answer.status}`);
	return answer.json();
}

async function draw(thumb) {
	const place = document.createElement("span"), scale = thumb.clientWidth / WIDTH, id = Number(thumb.dataset.thumb);
	place.className = "thumb-live";
	place.inert = true;
	Object.assign(place.style, { width: `${WIDTH}px`, transform: `scale(${scale})` });
	thumb.append(place);
	const frame = mount(place, { id, load: () => load(id), height: Math.ceil(thumb.clientHeight / scale) });
	const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS, { ok: false }); });
	const { ok } = await Promise.race([frame.done, late]);
	const remove = () => { frame.remove(); place.remove(); thumb.classList.remove("live"); };
	if (!ok) return remove();
	thumb.classList.add("live");
	drawn.push({ thumb, remove });
	if (drawn.length > MOST) forget(drawn.shift());
}

// Comes again when it is on the screen again.
function forget({ thumb, remove }) {
	remove();
	seen.observe(thumb);
}

async function next() {
	const [thumb] = waiting;
	if (busy || !thumb) return;
	busy = true;
	waiting.delete(thumb);
	seen.unobserve(thumb);
	await draw(thumb);
	busy = false;
	next();
}

// A phone has neither the memory nor the width for it.
if (matchMedia("(min-width: 700px)").matches && !navigator.connection?.saveData)
	for (const thumb of document.querySelectorAll("[data-thumb]")) seen.observe(thumb);
