// The page of an artifact, and its panel: frames once they are seen, data on demand, full screen.
const version = new URL(import.meta.url).search;
const { $, $$, element, formatAges, formatNumbers, formatTimes, sentence, toast } = await import(`./page.js${version}`);

/* Frames -------------------------------------------------------------------------------------------------- */

const seen = new IntersectionObserver((entries) => {
	for (const { target, isIntersecting } of entries) if (isIntersecting) { seen.unobserve(target); show(target); }
}, { rootMargin: "200px" });

/* What the server has for the frame: code, and data as this person may see it. */
async function load(place) {
	const response = await fetch(`/artifacts/${place.dataset.artifactFrame}/data?version=${place.dataset.version}`, { headers: { Accept: "application/json" } });
	if (!response.ok) throw new Error(await sentence(response));
	const content = await response.json();
	tell(place, content);
	return content;
}

/* From when the data is, and what of it this person may not see. */
function tell(place, { at, data }) {
	const part = place.closest("[data-artifact-part]");
	const time = at && new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
	const facts = $("[data-artifact-at]", part);
	if (facts) facts.textContent = time ? `data of ${time}, as you may see it` : "";
	const refused = Object.entries(data ?? {}).filter(([, value]) => value?.error?.message && !value.rows);
	$("[data-artifact-said]", part)?.replaceChildren(...refused.map(([name, { error }]) => element("div", { class: "problem" },
		element("strong", {}, `${name} cannot be shown to you: ${error.message}`), ...(error.hint ? [element("span", { class: "hint" }, error.hint)] : []))));
}

async function show(place) {
	if (place.shown) return;
	place.shown = true;
	try {
		const { mount } = await import(`./frame.js${version}`);
		place.frame = mount(place, { id: Number(place.dataset.artifactFrame), version: Number(place.dataset.version), load: () => load(place) });
	} catch (error) {
		place.replaceChildren(element("p", { class: "caution" }, `The artifact could not be shown: ${error.message}`));
	}
}

/** Makes the artifacts in a piece of page work. */
export function enhance(root = document) {
	for (const place of $$("[data-artifact-frame]", root)) if (!place.shown) seen.observe(place);
}

/** Gives back what the frames in a piece of page take. */
export function forget(root) {
	for (const place of $$("[data-artifact-frame]", root)) place.frame?.remove();
}

/* Data ---------------------------------------------------------------------------------------------------- */

async function showRows(place, fresh) {
	if (place.dataset.loaded && !fresh) return;
	place.dataset.loaded = "yes";
	place.replaceChildren(element("p", { class: "muted", role: "status" }, element("span", { class: "spinner" }), "Reading the data, as you"));
	try {
		const response = await fetch(`${place.dataset.artifactRows}${fresh ? "&fresh=1" : ""}`, { headers: { "X-Partial": "1" } });
		if (!response.ok) throw new Error(await sentence(response));
		const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
		place.replaceChildren(...[...parsed.body.childNodes].map((node) => document.adoptNode(node)));
		formatNumbers(place);
		formatTimes(place);
		formatAges(place);
	} catch (error) {
		delete place.dataset.loaded;
		place.replaceChildren(element("p", { class: "caution" }, error.message));
	}
}

/* The data again, for the frame and for the tables. */
function refresh(part) {
	const place = $("[data-artifact-frame]", part);
	place?.frame?.remove();
	if (place) place.shown = false;
	if (place) show(place);
	const rows = $("[data-artifact-rows]", part);
	if (rows?.checkVisibility()) showRows(rows, true);
	else if (rows) delete rows.dataset.loaded;
}

document.addEventListener("click", (event) => {
	const on = (selector, act) => { const node = event.target.closest(selector); if (node) act(node.closest("[data-artifact-part]")); };
	on(".artifact [data-tab=data]", (part) => { const rows = $("[data-artifact-rows]", part); if (rows) showRows(rows); });
	on("[data-artifact-refresh]", refresh);
	on("[data-artifact-full]", (part) => (document.fullscreenElement ? document.exitFullscreen() : part.requestFullscreen?.().catch(() => toast("The browser did not allow it"))));
});

enhance();
for (const rows of $$(".artifact [data-artifact-rows]")) if (rows.checkVisibility()) showRows(rows);
