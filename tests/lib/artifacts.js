// Artifacts for browser tests: put in as rows, shown on their pages.
'use strict';

const dollar = (text) => `$artifact$${text.replaceAll('$artifact$', '')}$artifact$`;

// A new artifact of the analyst in the demo project; resolves to its number.
function put(q, {type, code, title = 'Test', data = null}) {
	return Number(q.sql('quern', `WITH a AS (INSERT INTO artifacts (project_id, user_id, title, type) SELECT p.id, u.id, ${dollar(title)}, '${type}' FROM projects p, users u
		WHERE p.slug = 'shop' AND u.email = 'analyst@example.com' RETURNING id, user_id), v AS (INSERT INTO artifact_versions (artifact_id, n, user_id, code, data)
		SELECT id, 1, user_id, ${dollar(code)}, ${data ? `${dollar(JSON.stringify(data))}::jsonb` : 'NULL'} FROM a) SELECT id FROM a`));
}

// Opens its page and waits until it was painted, failed or was stopped. Resolves to {ok, errors, frame}.
async function open(page, id) {
	await page.goto(`/artifacts/${id}`);
	const done = await page.evaluate(async () => {
		const place = document.querySelector('[data-artifact-frame]');
		while (!place.frame) await new Promise((resolve) => setTimeout(resolve, 20));
		return place.frame.done;
	});
	return {...done, frame: page.frames().find((f) => f.url().endsWith('/sandbox'))};
}

// Shows content in a frame on a page of an artifact, as that page shows its own. Resolves to what became of it: {ok, errors}.
// wait: false does not wait for it. take() removes all of them.
async function mount(page, content, {wait = true} = {}) {
	return page.evaluate(async ({content, wait}) => {
		const {mount: show} = await import(document.querySelector('script[src*="artifact.js"]').src.replace('artifact.js', 'frame.js'));
		const place = document.createElement('div');
		place.className = 'tried';
		document.querySelector('main').append(place);
		const shown = show(place, {id: document.querySelector('[data-artifact-frame]').dataset.artifactFrame, load: async () => ({data: {}, ...content})});
		(window.tried ??= []).push(shown);
		return wait ? shown.done : null;
	}, {content, wait});
}

const take = (page) => page.evaluate(() => {
	for (const shown of window.tried?.splice(0) ?? []) shown.remove();
	for (const place of document.querySelectorAll('.tried')) place.remove();
});

module.exports = {put, open, mount, take};
