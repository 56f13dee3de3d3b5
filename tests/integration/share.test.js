#!/usr/bin/env node
// Links to artifacts: who may open which, all that they can reach, what is kept of them, and that nothing tells why not.
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, stop, sleep, Client} = require('../lib/quern.js');
const fcgi = require('../lib/fcgi.js');

let q, routes;
const callers = {};
const tokens = [];
const JSON_ONLY = {headers: {Accept: 'application/json'}};
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0';
const one = (text) => q.sql('quern', text);
const SQL = 'SELECT country_code, count(*) AS n FROM customers GROUP BY 1 ORDER BY 1';

function made(email, {type = 'html', code = '<p>one</p>', sources = [{name: 'sales', sql: SQL, run_id: 0}], title = 'Sales'} = {}) {
	const text = (value) => `$q$${typeof value === 'string' ? value : JSON.stringify(value)}$q$`;
	const id = one(`INSERT INTO artifacts (project_id, user_id, title, type) SELECT p.id, u.id, ${text(title)}, '${type}' FROM projects p, users u WHERE p.slug = 'shop' AND u.email = '${email}' RETURNING id`);
	one(`INSERT INTO artifact_versions (artifact_id, n, user_id, code, sources) SELECT ${id}, 1, id, ${text(code)}, ${text(sources)} FROM users WHERE email = '${email}'`);
	return id;
}

// Makes a link as the form does; resolves to {id, path}.
async function share(who, artifact, fields = {}) {
	const {status, text} = await callers[who].post(`/artifacts/${artifact}/links`, {audience: 'public', data: 'frozen', days: '30', version: '1', ...fields}, JSON_ONLY);
	assert.equal(status, 200, text);
	const {id, url} = JSON.parse(text);
	assert.match(url, new RegExp(`^${q.env.QUERN_URL}/shared/[A-Za-z0-9_-]{43}$`));
	tokens.push(url.slice(-43));
	return {id, path: new URL(url).pathname};
}

// nginx lets one address open so many links, and look at so many pages of them, a second; its own answers carry no request id.
async function calm(send) {
	for (;;) {
		const answer = await send();
		if (answer.status !== 429 || answer.headers['x-request-id']) return answer;
		await sleep(100);
	}
}

class Visitor extends Client {
	request(...args) { return calm(() => super.request(...args)); }
}

// Follows a link; resolves to the answer that the person sees, and the address where it stands.
async function open(client, address, headers = {}) {
	const first = await client.get(address, {headers: {'User-Agent': BROWSER, ...headers}});
	if (first.status !== 303) return {...first, at: address};
	const at = first.headers.location;
	assert.match(at, /^\/shared\/\d+$/);
	return {...await client.get(at, {headers: {'User-Agent': BROWSER, ...headers}}), at, cookie: first.headers['set-cookie'][0]};
}

// A client with the same session and no cookies of links.
function fresh(who) {
	const client = new Visitor(q);
	for (const [name, value] of callers[who].cookies) if (name === '__Host-quern') client.cookies.set(name, value);
	client.csrf = callers[who].csrf;
	return client;
}

// What differs between two answers by nature.
const plain = (text) => text.replace(/next=[^"]*/g, '');
// Counters of one test do not stop the next.
const forgive = () => one('DELETE FROM rate_limits');

test('start', async () => {
	q = await start({args: []});
	for (const email of ['outsider@example.com', 'named@example.com']) assert.equal(q.cli(['user', 'add', email], {input: `${q.env.QUERN_DEMO_PASSWORD}\n`}).code, 0);
	for (const name of ['viewer', 'analyst', 'admin', 'outsider', 'named']) callers[name] = await new Visitor(q).signIn(`${name}@example.com`);
	callers.nobody = new Visitor(q);
	routes = q.cli(['routes']).stdout.trim().split('\n').map((line) => JSON.parse(line));
});
cleanup(() => q && q.stop());

test('a link shows one artifact on a page of its own, with the data of when it was made', async () => {
	const id = made('analyst@example.com', {title: 'Sales <b>'});
	const link = await share('analyst', id);
	const c = fresh('nobody');
	const {status, text, headers, at, cookie} = await open(c, link.path);
	assert.equal(status, 200);
	assert.equal(at, `/shared/${link.id}`);
	assert.match(cookie, new RegExp(`^__Secure-quern-shared-${link.id}=[0-9.a-f]+; Path=/shared/${link.id}; Secure; HttpOnly; Max-Age=604800; SameSite=Lax$`));
	assert.match(text, /<h1>Sales &lt;b&gt;<\/h1>/);
	assert.match(text, /shared by (Analyst|analyst@example\.com)/i);
	assert.match(text, /data of <time>\d{4}-/);
	assert.match(text, /name="robots" content="noindex/);
	assert.ok(!text.includes('sidebar') && !text.includes('composer'), 'no chat');
	assert.ok(!text.includes(link.path), 'the token is not on the page');
	assert.equal(headers['referrer-policy'], 'no-referrer');
	assert.equal(headers['cache-control'], 'no-store');
	assert.match(headers['x-robots-tag'], /noindex/);
	assert.match(headers['content-security-policy'], /frame-ancestors 'none'.*frame-src 'self'/);
	const data = await c.get(`${at}/data`, JSON_ONLY);
	const before = JSON.parse(data.text);
	assert.equal(before.code, '<p>one</p>');
	assert.ok(before.data.sales.rows.length > 3);
	q.sql('shop', "UPDATE shop.customers SET country_code = 'DE' WHERE id = (SELECT min(id) FROM shop.customers WHERE country_code <> 'DE')");
	one(`INSERT INTO artifact_versions (artifact_id, n, code) VALUES (${id}, 2, 'two'); UPDATE artifacts SET n = 2 WHERE id = ${id}`);
	assert.deepEqual(JSON.parse((await c.get(`${at}/data`, JSON_ONLY)).text), before, 'frozen, and of that version');
	const frame = await c.get(`${at}/sandbox`);
	assert.equal(frame.status, 200);
	assert.match(frame.headers['content-security-policy'], /^sandbox allow-scripts;.*frame-ancestors 'self'$/);
	const latest = await share('analyst', id, {latest: '1'});
	assert.equal(JSON.parse((await c.get(`${(await open(c, latest.path)).at}/data`, JSON_ONLY)).text).code, 'two');
});

test('frozen data and newer versions: the newest that asks for no other data', async () => {
	const id = made('analyst@example.com', {title: 'Changing'});
	const link = await share('analyst', id, {latest: '1'});
	const c = fresh('nobody'), {at} = await open(c, link.path);
	const shown = async () => { const {status, text} = await c.get(`${at}/data`, JSON_ONLY); assert.equal(status, 200, text); const {version, data} = JSON.parse(text); assert.ok(data.sales.rows.length > 3); return version; };
	const add = (n, sources, data = 'NULL') => one(`INSERT INTO artifact_versions (artifact_id, n, code, sources, data) VALUES (${id}, ${n}, 'new', $q$${JSON.stringify(sources)}$q$, ${data}); UPDATE artifacts SET n = ${n} WHERE id = ${id}`);
	const sales = {name: 'sales', sql: SQL, run_id: 5};
	assert.equal(await shown(), 1);
	add(2, [sales]);
	assert.equal(await shown(), 2, 'other code, the same data');
	for (const [n, sources, data] of [[3, [sales, {name: 'more', sql: SQL, run_id: 0}]], [4, [{...sales, sql: 'SELECT 1 AS n'}]], [5, [{...sales, name: 'other'}]], [6, [sales], `'{"own": 1}'`]]) {
		add(n, sources, data);
		assert.equal(await shown(), 2, `version ${n} needs what was not frozen`);
	}
	add(7, []);
	assert.equal(await shown(), 7, 'less of it');
	const live = await share('analyst', id, {audience: 'project', data: 'live', latest: '1'}), member = fresh('viewer');
	add(8, [{...sales, name: 'other'}]);
	assert.equal(JSON.parse((await member.get(`${(await open(member, live.path)).at}/data`, JSON_ONLY)).text).version, 8);
});

test('text is rendered on the page, and is only text', async () => {
	const id = made('analyst@example.com', {type: 'markdown', sources: [], code: '# Report\n\n<script>alert(1)</script> ![x](https://evil.example/x.png)'});
	const {text} = await open(fresh('nobody'), (await share('analyst', id)).path);
	assert.match(text, /<h1[^>]*>Report<\/h1>/);
	assert.doesNotMatch(text, /<script>alert|<img/);
});

test('who may open which', async () => {
	const id = made('analyst@example.com');
	const links = {
		public: await share('analyst', id),
		project: await share('analyst', id, {audience: 'project', data: 'live'}),
		people: await share('analyst', id, {audience: 'people', people: 'Named@example.com, other@example.com', data: 'frozen'}),
		expired: await share('analyst', id), revoked: await share('analyst', id), deleted: await share('analyst', made('analyst@example.com')),
	};
	one(`UPDATE artifact_links SET expires_at = now() - interval '1 second' WHERE id = ${links.expired.id}`);
	one(`UPDATE artifacts SET deleted_at = now() WHERE id = (SELECT artifact_id FROM artifact_links WHERE id = ${links.deleted.id})`);
	assert.equal((await callers.analyst.post(`/links/${links.revoked.id}/revoke`)).status, 303);
	links.wrong = {path: `/shared/${'A'.repeat(43)}`};
	links.short = {path: links.public.path.slice(0, -1)};
	links.odd = {path: '/shared/%C3%A9%00x'.replace('%00', '')};
	const may = {public: ['nobody', 'outsider', 'named', 'viewer', 'analyst', 'admin'], project: ['viewer', 'analyst', 'admin'], people: ['named']};
	const wrong = [];
	for (const [kind, link] of Object.entries(links))
		for (const who of Object.keys(callers)) {
			const client = fresh(who), want = may[kind]?.includes(who) ? 200 : 404;
			const got = await open(client, link.path);
			if (got.status !== want) wrong.push(`${kind} as ${who}: ${got.status}`);
			for (const part of want === 200 ? ['/data', '/sandbox'] : []) {
				const {status} = await client.get(got.at + part);
				if (status !== 200) wrong.push(`${kind}${part} as ${who}: ${status}`);
			}
			// The number of a link without its proof, and with somebody else's.
			for (const part of link.id ? ['', '/data', '/sandbox'] : []) {
				const {status} = await fresh(who).get(`/shared/${link.id}${part}`);
				if (status !== 404) wrong.push(`${kind} by number${part} as ${who}: ${status}`);
			}
		}
	assert.deepEqual(wrong, []);
	forgive();
	// One page for all reasons.
	const pages = new Map();
	for (const kind of ['wrong', 'short', 'odd', 'expired', 'revoked', 'deleted', 'project', 'people'])
		pages.set(plain((await open(fresh('nobody'), links[kind].path)).text), kind);
	assert.deepEqual([...pages.values()].length, 1, [...pages.values()].join(' '));
	const signed = new Set();
	for (const kind of ['wrong', 'expired', 'revoked', 'deleted', 'project', 'people'])
		signed.add(plain((await open(fresh('outsider'), links[kind].path)).text).replace(/data-csrf="[^"]*"/, ''));
	assert.equal(signed.size, 1);
	forgive();
});

// Who gets in by each route of artifacts and links, and what others are told. A: an analyst's own that nobody else sees; B: the same, shown to
// the project; L: a link to A of a kind, opened.
const MEMBERS = ['viewer', 'analyst', 'admin'], OWNER = ['analyst'], ALL = ['nobody', 'outsider', 'named', ...MEMBERS];
const SEEN = {own: OWNER, shown: MEMBERS};
const matrix = {
	web_artifacts: {project: MEMBERS}, web_artifact_show: SEEN, web_artifact_sandbox: SEEN, web_artifact_data: SEEN, web_artifact_rows: SEEN,
	web_artifact_export: {own: OWNER, shown: ['analyst', 'admin'], less: {viewer: 403}}, web_artifact_picture_ask: {own: OWNER, shown: ['analyst', 'admin'], less: {viewer: 403}},
	web_artifact_picture_file: {own: [], shown: [], less: {viewer: 403}}, web_artifact_picture: {own: [], shown: [], less: {viewer: 403}},
	web_share_form: {own: OWNER, shown: OWNER}, web_artifact_form: {own: OWNER, shown: OWNER},
	web_links_show: {admin: ['admin'], less: {viewer: 403, analyst: 403, outsider: 403, named: 403}},
	web_project_links: {project: ['admin'], less: {viewer: 403, analyst: 403}},
};
const links = {public: ALL, project: MEMBERS, people: ['named'], expired: [], revoked: []};

test('every route of artifacts and links, for everybody: a row of the table that is missing here fails', async () => {
	const mine = routes.filter((r) => /^\/artifacts|^\/links|\/links$|\/artifacts$/.test(r.pattern));
	assert.ok(mine.length > 15);
	const ids = {own: made('analyst@example.com'), shown: made('analyst@example.com')};
	one(`UPDATE artifacts SET visible = 'project' WHERE id = ${ids.shown}; UPDATE artifact_versions SET form = '{}' WHERE artifact_id IN (${ids.own}, ${ids.shown})`);
	const link = await share('analyst', ids.own);
	const before = one('SELECT string_agg(x::text, chr(10) ORDER BY id) FROM artifacts x');
	const wrong = [];
	for (const route of mine)
		for (const kind of route.pattern.includes('{artifact:') ? ['own', 'shown'] : ['']) {
			const address = route.pattern.replace('{project:slug}', 'shop').replace('{artifact:int}', ids[kind]).replace('{link:int}', link.id).replace('{export:int}', '999999').replace(/\{\w+:int\}/, '1');
			for (const who of ALL) {
				const row = matrix[route.name];
				// All that changes is the owner's, unless the table says more; the owner's own changes are tested where they are made.
				if (route.changes && (OWNER.includes(who) || (who === 'admin' && route.name === 'web_share_revoke'))) continue;
				if (!route.changes && !row) { wrong.push(`${route.name} is not in this table`); continue; }
				const {status} = route.method === 'GET' ? await callers[who].get(address, JSON_ONLY) : await callers[who].post(address, {version: '1', audience: 'project', days: '1', code: 'x', title: 'x', visible: 'own'}, JSON_ONLY);
				const may = (!route.changes || row) && (row[kind] ?? row.project ?? row.admin).includes(who);
				const want = may ? [200, 202, 303, 400, 422] : [who === 'nobody' ? 401 : (kind === 'own' ? null : row?.less?.[who]) ?? 404, ...(route.changes && kind === 'shown' ? [403] : [])];
				if (!want.includes(status) && !(may && status === 404 && /export\.md/.test(address)) && !(may && status === 503 && /export\.(png|pdf)/.test(address))) wrong.push(`${route.method} ${address} (${kind}) as ${who}: ${status}, not ${want}`);
			}
		}
	assert.deepEqual([...new Set(wrong)], []);
	assert.equal(one('SELECT string_agg(x::text, chr(10) ORDER BY id) FROM artifacts x'), before);
});

test('every route of a shared page, for each kind of link and everybody', async () => {
	const shared = routes.filter((r) => /^\/shared\/\{link:int\}/.test(r.pattern));
	assert.ok(shared.length >= 4);
	const id = made('analyst@example.com');
	const wrong = [];
	for (const [kind, may] of Object.entries(links)) {
		const fields = {project: {audience: 'project', data: 'live'}, people: {audience: 'people', people: 'named@example.com', data: 'frozen'}}[kind] ?? {};
		const link = await share('analyst', id, fields);
		for (const who of ALL) {
			// What was opened while it held.
			const client = fresh(who);
			const first = await open(client, link.path);
			if ((first.status === 200) !== (may.length ? may.includes(who) : true)) wrong.push(`${kind} as ${who}: ${first.status}`);
			if (kind === 'expired') one(`UPDATE artifact_links SET expires_at = now() WHERE id = ${link.id}`);
			if (kind === 'revoked') one(`UPDATE artifact_links SET revoked_at = now() WHERE id = ${link.id}`);
			for (const route of shared) {
				const address = route.pattern.replace('{link:int}', link.id);
				const {status} = route.method === 'GET' ? await client.get(address) : await client.post(address, {password: 'none is needed'});
				const want = may.includes(who) ? (route.method === 'GET' ? 200 : 303) : 404;
				if (status !== want) wrong.push(`${route.method} ${address} (${kind}) as ${who}: ${status}, not ${want}`);
			}
			one(`UPDATE artifact_links SET expires_at = NULL, revoked_at = NULL WHERE id = ${link.id}`);
		}
	}
	assert.deepEqual(wrong, []);
	forgive();
});

test('who is led to sign in comes back to the link, and its token is in no address meanwhile', async () => {
	const link = await share('analyst', made('analyst@example.com'), {audience: 'project', data: 'live'});
	const c = fresh('nobody');
	const {text, status} = await open(c, link.path);
	assert.equal(status, 404);
	assert.match(text, /href="\/sign-in\?next=\/shared\/"/);
	assert.ok(!text.includes(link.path));
	const done = await c.post('/sign-in', {email: 'viewer@example.com', password: q.env.QUERN_DEMO_PASSWORD, next: '/shared/'});
	assert.equal(done.headers.location, link.path);
	assert.equal((await open(c, link.path)).status, 200);
	for (const lie of ['//evil.example', '/shared/../admin', 'https://evil.example', '/shared/a b', '/p/shop']) {
		const liar = new Visitor(q);
		liar.cookies.set('__Secure-quern-next', lie);
		assert.equal((await liar.post('/sign-in', {email: 'viewer@example.com', password: q.env.QUERN_DEMO_PASSWORD, next: '/shared/'})).headers.location, '/shared/', lie);
	}
	forgive();
});

test('it ends at once: taken back, ended, deleted, its maker gone, forbidden', async () => {
	const id = made('analyst@example.com');
	const c = fresh('nobody');
	const link = await share('analyst', id);
	const {at} = await open(c, link.path);
	const ends = [[`UPDATE artifact_links SET revoked_at = now() WHERE id = ${link.id}`, `UPDATE artifact_links SET revoked_at = NULL WHERE id = ${link.id}`],
		[`UPDATE artifact_links SET expires_at = now() WHERE id = ${link.id}`, `UPDATE artifact_links SET expires_at = NULL WHERE id = ${link.id}`],
		[`UPDATE artifacts SET deleted_at = now() WHERE id = ${id}`, `UPDATE artifacts SET deleted_at = NULL WHERE id = ${id}`],
		["UPDATE users SET disabled_at = now() WHERE email = 'analyst@example.com'", "UPDATE users SET disabled_at = NULL WHERE email = 'analyst@example.com'"]];
	for (const [end, back] of ends) {
		one(end);
		for (const part of ['', '/data', '/sandbox']) assert.equal((await c.get(at + part)).status, 404, `${end} ${part}`);
		assert.equal((await open(fresh('nobody'), link.path)).status, 404, end);
		one(back);
		assert.equal((await c.get(at)).status, 200, back);
	}
	// A proof of one link opens no other, and not with a changed part.
	const other = await share('analyst', id);
	const name = `__Secure-quern-shared-${link.id}`, proof = c.cookies.get(name);
	for (const [number, value] of [[other.id, proof], [link.id, proof.replace(/^\d/, '9')], [link.id, `${proof.slice(0, -1)}${proof.endsWith('0') ? '1' : '0'}`], [link.id, ''], [link.id, `${proof}0`], [link.id, proof.replace('.0.', '.1.')]]) {
		const liar = new Visitor(q);
		liar.cookies.set(`__Secure-quern-shared-${number}`, value);
		assert.equal((await liar.get(`/shared/${number}`)).status, 404, `${number} ${value}`);
	}
});

test('live data is read as whoever looks, and only by people who are signed in', async () => {
	const id = made('analyst@example.com', {sources: [{name: 'sales', sql: SQL, run_id: 0}, {name: 'items', sql: 'SELECT id FROM order_items LIMIT 5', run_id: 0}]});
	const link = await share('analyst', id, {audience: 'project', data: 'live'});
	assert.equal((await callers.admin.post('/p/shop/settings/rules', {table: 'customers', viewer: '1', kind: 'filter', condition: "country_code = 'DE'", value: "country_code = 'DE'"})).status, 303);
	assert.equal((await callers.admin.post('/p/shop/settings/rules', {table: 'order_items', viewer: '1', kind: 'hide'})).status, 303);
	const read = async (who) => { const c = fresh(who); return JSON.parse((await c.get(`${(await open(c, link.path)).at}/data`, JSON_ONLY)).text).data; };
	const less = await read('viewer'), whole = await read('analyst');
	assert.deepEqual(less.sales.rows.map((r) => r[0]), ['DE']);
	assert.ok(!less.items.rows && less.items.error.message);
	assert.ok(whole.sales.rows.length > 3 && whole.items.rows.length === 5);
	const refused = await callers.analyst.post(`/artifacts/${id}/links`, {audience: 'public', data: 'live', days: '7', version: '1'}, JSON_ONLY);
	assert.equal(refused.status, 200, 'for everybody it is frozen, whatever was asked');
	assert.equal(one(`SELECT frozen IS NOT NULL FROM artifact_links WHERE id = ${JSON.parse(refused.text).id}`), 't');
	tokens.push(JSON.parse(refused.text).url.slice(-43));
	// A person of another project sees no rows of this one.
	const people = await share('analyst', id, {audience: 'people', people: 'named@example.com', data: 'live'});
	const c = fresh('named'), {at} = await open(c, people.path);
	const {status, text} = await c.get(`${at}/data`, JSON_ONLY);
	assert.equal(status, 403);
	assert.match(text, /the data is for members of the project/);
	assert.doesNotMatch(text, /country_code/);
	assert.match((await callers.analyst.get(`/artifacts/${id}/share`)).text, /none for who is no member of/);
});

test('the date on the page is that of the data, or of the version where no query is behind it', async () => {
	const own = made('analyst@example.com', {sources: []}), queried = made('analyst@example.com');
	for (const [id, audience, data, words] of [[own, 'public', 'frozen', /made <time>/], [own, 'project', 'live', /made <time>/], [queried, 'project', 'live', /live data/], [queried, 'public', 'frozen', /data of <time>/]]) {
		const {text} = await open(fresh('viewer'), (await share('analyst', id, {audience, data})).path);
		assert.match(text, words);
		assert.equal(['made <time>', 'live data', 'data of <time>'].filter((part) => text.includes(part)).length, 1);
		assert.equal(/data-artifact-refresh/.test(text), String(words).includes('live'));
	}
	assert.equal(one(`SELECT count(*) FROM artifact_links WHERE artifact_id = ${own} AND frozen_at IS NOT NULL`), '0');
});

test('who made it and may not export any more shows no rows to others', async () => {
	const id = made('analyst@example.com');
	const link = await share('analyst', id, {audience: 'project', data: 'frozen'}), live = await share('analyst', id, {audience: 'project', data: 'live'});
	const c = fresh('viewer'), {at} = await open(c, link.path);
	const role = (name) => one(`UPDATE members SET role = '${name}' WHERE user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')`);
	role('viewer');
	try {
		for (const part of ['', '/data', '/sandbox']) assert.equal((await c.get(at + part)).status, 404, part);
		assert.equal((await open(fresh('viewer'), link.path)).status, 404);
		assert.equal((await open(fresh('viewer'), live.path)).status, 200);
	} finally {
		role('analyst');
	}
	assert.equal((await c.get(at)).status, 200);
});

test('an admin of the project sees its links, open ones first, and takes them back', async () => {
	const id = made('analyst@example.com');
	const link = await share('analyst', id, {audience: 'project', data: 'frozen'}), ended = await share('analyst', id);
	assert.equal((await callers.analyst.post(`/links/${ended.id}/revoke`)).status, 303);
	assert.equal(one(`SELECT frozen FROM artifact_links WHERE id = ${ended.id}`), '{}', 'its rows are gone');
	one("INSERT INTO members (project_id, user_id, role) SELECT p.id, u.id, 'admin' FROM projects p, users u WHERE p.slug = 'shop' AND u.email = 'outsider@example.com'");
	try {
		const {status, text} = await callers.outsider.get('/p/shop/links');
		assert.equal(status, 200);
		assert.ok(text.indexOf(`id="link-${link.id}"`) > 0 && text.indexOf(`id="link-${link.id}"`) < text.indexOf(`id="link-${ended.id}"`));
		assert.equal((await callers.outsider.get('/admin/links')).status, 403);
		const done = await callers.outsider.post(`/links/${link.id}/revoke`, {back: 'project'});
		assert.equal(done.headers.location, '/p/shop/links?done=revoked');
	} finally {
		one("DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE email = 'outsider@example.com')");
	}
	// More than a page has.
	one(`INSERT INTO artifact_links (artifact_id, user_id, token_hash, audience, revoked_at) SELECT a.id, a.user_id, sha256(i::text::bytea), 'project', now() FROM artifacts a, generate_series(1, 201) i WHERE a.id = ${id}`);
	const more = /href="(\/admin\/links\?from=200)"/.exec((await callers.admin.get('/admin/links')).text)[1];
	const rest = (await callers.admin.get(more)).text;
	assert.match(rest, /id="link-\d+"/);
	assert.match(rest, /The first links/);
	one(`DELETE FROM artifact_links WHERE artifact_id = ${id} AND views = 0 AND frozen IS NULL`);
});

test('who shows an artifact only to themselves is told of its links', async () => {
	const id = made('analyst@example.com');
	const hide = async () => (await callers.analyst.get((await callers.analyst.post(`/artifacts/${id}/visible`, {visible: 'own'})).headers.location)).text;
	assert.match(await hide(), /Only you see it now/);
	const link = await share('analyst', id);
	const text = await hide();
	assert.match(text, /Its links still hold/);
	assert.doesNotMatch(text, /Only you see it/);
	assert.equal((await callers.analyst.post(`/links/${link.id}/revoke`)).status, 303);
	assert.match(await hide(), /Only you see it now/);
});

test('whoever may not export hands no rows on, and only the owner makes links', async () => {
	const id = made('viewer@example.com');
	const answer = await callers.viewer.post(`/artifacts/${id}/links`, {audience: 'project', data: 'frozen', days: '7', version: '1'}, JSON_ONLY);
	assert.equal(answer.status, 403, answer.text);
	assert.doesNotMatch((await callers.viewer.get(`/artifacts/${id}/share`)).text, /value="public"|value="frozen"/);
	assert.equal((await share('viewer', id, {audience: 'project', data: 'live'})).path.length, 51);
	// Rows can stand in the text as well.
	const note = made('viewer@example.com', {type: 'markdown', sources: [], code: 'DE 12, FR 9'});
	assert.equal((await callers.viewer.post(`/artifacts/${note}/links`, {audience: 'public', data: 'frozen', days: '7', version: '1'}, JSON_ONLY)).status, 403);
	assert.doesNotMatch((await callers.viewer.get(`/artifacts/${note}/share`)).text, /value="public"/);
	assert.equal((await share('viewer', note, {audience: 'project', data: 'frozen'})).path.length, 51);
	const own = made('analyst@example.com');
	one(`UPDATE artifacts SET visible = 'project' WHERE id = ${own}`);
	const link = await share('analyst', own);
	for (const who of ['viewer', 'outsider', 'named', 'admin']) {
		assert.equal((await callers[who].get(`/artifacts/${own}/share`)).status, 404, who);
		assert.equal((await callers[who].post(`/artifacts/${own}/links`, {audience: 'project', days: '1', version: '1'}, JSON_ONLY)).status, 404, who);
		if (who !== 'admin') assert.equal((await callers[who].post(`/links/${link.id}/revoke`, {}, JSON_ONLY)).status, 404, who);
	}
	const list = await callers.admin.get('/admin/links');
	assert.match(list.text, new RegExp(`id="link-${link.id}"`));
	assert.equal((await callers.analyst.get('/admin/links')).status, 403);
	assert.match((await callers.analyst.get(`/artifacts/${own}/share`)).text, new RegExp(`id="link-${link.id}"`));
	assert.equal((await callers.admin.post(`/links/${link.id}/revoke`, {back: 'admin'})).headers.location, '/admin/links?done=revoked');
	assert.equal((await open(fresh('nobody'), link.path)).status, 404);
});

test('what a link cannot be is said in one sentence', async () => {
	const id = made('analyst@example.com');
	for (const [fields, words] of [
		[{audience: 'world'}, /public/], [{days: ''}, /ends/], [{days: '-1'}, /ends/], [{days: '99999'}, /ends/],
		[{audience: 'people', people: ''}, /e-mail/], [{audience: 'people', people: 'nobody'}, /not an e-mail/], [{people: 'a@b.c'}, /certain people/],
		[{password: 'short'}, /10 to 200/], [{origins: 'http://a.example'}, /address of a site/], [{origins: "https://a.example; script-src *"}, /address of a site/],
		[{origins: 'https://*.example'}, /address of a site/], [{origins: "'self'"}, /address of a site/], [{audience: 'project', data: 'live', origins: 'https://a.example'}, /for everybody/],
		[{audience: 'people', people: Array.from({length: 51}, (_, i) => `p${i}@example.com`).join(' ')}, /50/],
	]) {
		const {status, text} = await callers.analyst.post(`/artifacts/${id}/links`, {audience: 'public', days: '7', version: '1', ...fields}, JSON_ONLY);
		assert.equal(status, 400, JSON.stringify(fields));
		assert.match(text, words, JSON.stringify(fields));
	}
	assert.equal(one(`SELECT count(*) FROM artifact_links WHERE artifact_id = ${id}`), '0');
	const broken = made('analyst@example.com', {sources: [{name: 'gone', sql: 'SELECT nothing FROM nowhere', run_id: 0}]});
	const {status, text} = await callers.analyst.post(`/artifacts/${broken}/links`, {audience: 'public', days: '7', version: '1'});
	assert.equal(status, 400);
	assert.match(text, /cannot be read/);
	assert.match(text, /value="public" checked/, 'what was chosen stays');
});

test('a password is asked for, and guessing it ends soon', async () => {
	const id = made('analyst@example.com', {title: 'Hidden title'});
	const link = await share('analyst', id, {password: 'correct horse'});
	const c = fresh('nobody');
	const asked = await open(c, link.path);
	assert.equal(asked.status, 200);
	assert.match(asked.text, /type="password"/);
	assert.doesNotMatch(asked.text, /Hidden title/);
	for (const part of ['/data', '/sandbox']) assert.equal((await c.get(asked.at + part)).status, 404);
	assert.equal((await c.post(`${asked.at}/password`, {password: 'correct horse'}, {headers: {Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site'}})).status, 403);
	assert.equal((await fresh('nobody').post(`${asked.at}/password`, {password: 'correct horse'})).status, 404);
	const wrong = await c.post(`${asked.at}/password`, {password: 'wrong horse'});
	assert.equal(wrong.status, 401);
	assert.match(wrong.text, /password is wrong/);
	assert.equal((await c.post(`${asked.at}/password`, {password: 'correct horse'})).status, 303);
	assert.match((await c.get(asked.at)).text, /Hidden title/);
	assert.equal((await c.get(`${asked.at}/data`)).status, 200);
	assert.match((await open(c, link.path)).text, /Hidden title/, 'opened again, it is not asked for again');
	const guesser = fresh('nobody');
	await open(guesser, link.path);
	let refused = 0;
	for (let i = 0; i < 12; i++) refused += (await guesser.post(`${asked.at}/password`, {password: `guess number ${i}`})).status === 429;
	assert.ok(refused >= 2, `${refused}`);
	assert.equal((await guesser.post(`${asked.at}/password`, {password: 'correct horse'})).status, 429);
	assert.equal((await c.get(asked.at)).status, 200, 'whoever is in stays in');
	assert.match(one(`SELECT string_agg(DISTINCT action, ' ' ORDER BY action) FROM audit_log WHERE object = 'artifact:${id}'`), /artifact\.link\.create artifact\.link\.open artifact\.link\.refused/);
	forgive();
});

test('a view counts once a day for each visitor, and not for robots, fetching ahead or its maker', async () => {
	const id = made('analyst@example.com');
	const link = await share('analyst', id);
	const views = () => Number(one(`SELECT views FROM artifact_links WHERE id = ${link.id}`));
	const c = fresh('nobody');
	const {at} = await open(c, link.path);
	assert.equal(views(), 1);
	for (let i = 0; i < 3; i++) await c.get(at, {headers: {'User-Agent': BROWSER}});
	await open(fresh('nobody'), link.path);
	assert.equal(views(), 1, 'reload');
	await open(fresh('nobody'), link.path, {'User-Agent': `${BROWSER} other`});
	assert.equal(views(), 2, 'another browser');
	for (const [name, value] of [['Sec-Purpose', 'prefetch'], ['Sec-Purpose', 'prefetch;prerender'], ['Purpose', 'prefetch'], ['X-Moz', 'prefetch']])
		await open(fresh('nobody'), link.path, {'User-Agent': `${BROWSER} ahead`, [name]: value});
	for (const robot of ['Googlebot/2.1', 'Slackbot-LinkExpanding 1.0', 'facebookexternalhit/1.1', 'curl/8.0', '']) {
		const {text} = await open(fresh('nobody'), link.path, {'User-Agent': robot});
		assert.match(text, /og:title" content="Sales"/, robot);
		assert.doesNotMatch(text, /country_code|data-from/, robot);
	}
	await open(fresh('analyst'), link.path, {'User-Agent': `${BROWSER} maker`});
	assert.equal(views(), 2);
	assert.ok(one(`SELECT viewed_at > now() - interval '1 minute' FROM artifact_links WHERE id = ${link.id}`) === 't');
	one("UPDATE artifact_views SET visitor = visitor || '\\x00'");
	await c.get(at, {headers: {'User-Agent': BROWSER}});
	assert.equal(views(), 3, 'another day');
	const locked = await share('analyst', id, {password: 'correct horse'});
	assert.doesNotMatch((await open(fresh('nobody'), locked.path, {'User-Agent': 'Googlebot/2.1'})).text, /og:title/);
});

test('inside other sites it shows only where the link says so', async () => {
	const id = made('analyst@example.com');
	const link = await share('analyst', id, {origins: 'https://Intranet.example https://b.example:8443'});
	const c = fresh('nobody');
	const {headers, at, cookie} = await open(c, link.path);
	assert.match(headers['content-security-policy'], /frame-ancestors https:\/\/intranet\.example https:\/\/b\.example:8443;/);
	assert.equal(headers['x-frame-options'], undefined);
	assert.match(cookie, /SameSite=None; Partitioned$/);
	assert.match((await c.get(`${at}/sandbox`)).headers['content-security-policy'], /frame-ancestors 'self' https:\/\/intranet\.example https:\/\/b\.example:8443$/);
	const other = await open(fresh('nobody'), (await share('analyst', id)).path);
	assert.equal(other.headers['x-frame-options'], 'DENY');
});

test('a link reaches one artifact and nothing else', async () => {
	const id = made('analyst@example.com'), another = made('analyst@example.com');
	const link = await share('analyst', id), second = await share('analyst', another);
	const c = fresh('nobody');
	await open(c, link.path);
	assert.equal(c.cookies.size, 1);
	const reached = [], numbers = [id, another, second.id, 1];
	for (const route of routes)
		for (const number of [link.id, ...numbers]) {
			const url = route.pattern.replace('{project:slug}', 'shop').replace(/\{\w+:int\}/g, number).replace(/\{\w+:(name|token)\}/g, 'x'.repeat(43)).replace(/\{\w+:slug\}/g, 'x');
			const {status} = route.method === 'GET' ? await c.get(url, JSON_ONLY) : await c.post(url, {}, JSON_ONLY);
			if (status < 400) reached.push(`${route.method} ${url} ${status}`);
			if (!/:int\}/.test(route.pattern)) break;
		}
	const want = ['GET /health 200', 'GET /sign-in 200', ...['', '/data', '/sandbox'].map((part) => `GET /shared/${link.id}${part} 200`), `POST /shared/${link.id}/password 303`];
	assert.deepEqual([...new Set(reached)].sort(), want.sort());
	forgive();
});

const token = () => crypto.randomBytes(32).toString('base64url');

test('guessing finds nothing and is slowed', async () => {
	const c = fresh('nobody');
	const statuses = {};
	const batch = await Promise.all(Array.from({length: 300}, () => new Client(q).get(`/shared/${token()}`)));
	for (const {status} of batch) statuses[status] = (statuses[status] ?? 0) + 1;
	assert.deepEqual(Object.keys(statuses).sort(), ['404', '429']);
	assert.ok(statuses[429] >= 200, JSON.stringify(statuses));
	// Past the first gate, the second: misses of one address within a quarter of an hour.
	forgive();
	let last;
	for (let i = 0; i < 70; i++) last = await c.get(`/shared/${token()}`);
	assert.equal(last.status, 429);
	assert.match(last.headers['content-type'], /html/);
	assert.equal(last.headers['referrer-policy'], 'no-referrer');
	forgive();
});

test('whoever has a link cannot ask for its page and data without end', async () => {
	const link = await share('analyst', made('analyst@example.com')), opened = await open(fresh('nobody'), link.path);
	for (const part of ['', '/data', '/sandbox']) {
		const batch = await Promise.all(Array.from({length: 200}, () => new Client(q).get(opened.at + part)));
		assert.ok(batch.filter(({status, headers}) => status === 429 && !headers['x-request-id']).length >= 50, part);
	}
});

// Opens an address as a visitor from the n-th address of many, past nginx and its limits.
async function visit(address, n) {
	const answer = await fcgi.send(q.env.QUERN_WEB_SOCKET, Buffer.concat(fcgi.request({QUERN_SECRET: q.env.QUERN_FASTCGI_SECRET, QUERN_URI: address, DOCUMENT_URI: address,
		REQUEST_METHOD: 'GET', QUERY_STRING: '', REMOTE_ADDR: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`, HTTP_USER_AGENT: BROWSER})));
	const at = answer.indexOf('\r\n\r\n');
	return {status: Number(/^Status: (\d+)/.exec(answer)?.[1] ?? 0), head: answer.slice(0, at), text: answer.slice(at + 4)};
}

test('10,000 guesses from 100 addresses, half of them one character from a token: none opens, and all look the same', async () => {
	const link = await share('analyst', made('analyst@example.com'));
	const near = (i) => { const at = 8 + (i % 42); return link.path.slice(0, at) + (link.path[at] === 'A' ? 'B' : 'A') + link.path.slice(at + 1); };
	const statuses = {}, pages = new Set();
	for (let i = 0; i < 10000; i += 8)
		for (const {status, head, text} of await Promise.all(Array.from({length: 8}, (_, j) => visit((i + j) % 2 ? near(i + j) : `/shared/${token()}`, (i + j) % 100)))) {
			statuses[status] = (statuses[status] ?? 0) + 1;
			if (status === 404) pages.add(plain(text));
			assert.ok(!head.includes(`quern-shared-${link.id}`), head);
		}
	assert.deepEqual(Object.keys(statuses), ['404', '429']);
	assert.equal(pages.size, 1);
	assert.ok(statuses[429] > 3000, JSON.stringify(statuses));
	assert.equal((await visit(link.path, 65536)).status, 303, 'the link itself opens all the while');
	forgive();
});

// How often a time of one list is longer than one of the other: a half when nothing tells them apart.
function rank(a, b) {
	const all = [...a.map((us) => ({us, mine: 1})), ...b.map((us) => ({us, mine: 0}))].sort((x, y) => x.us - y.us);
	return (all.reduce((sum, {mine}, i) => sum + (mine ? i + 1 : 0), 0) - (a.length * (a.length + 1)) / 2) / (a.length * b.length);
}

// The requests are mixed, so that whatever else the machine does falls on all kinds alike. A rank of 400 and 400 is by
// chance within 0.04 of a half 19 times in 20.
test('time does not tell why a token shows nothing', async () => {
	const id = made('analyst@example.com'), old = await share('analyst', id), back = await share('analyst', id), gone = await share('analyst', made('analyst@example.com'));
	one(`UPDATE artifact_links SET expires_at = now() WHERE id = ${old.id}; UPDATE artifact_links SET revoked_at = now() WHERE id = ${back.id};
		UPDATE artifacts SET deleted_at = now() WHERE id = (SELECT artifact_id FROM artifact_links WHERE id = ${gone.id})`);
	const project = await share('analyst', id, {audience: 'project', data: 'live'});
	const kinds = {wrong: () => `/shared/${token()}`, short: () => '/shared/abc', expired: () => old.path, revoked: () => back.path, deleted: () => gone.path, others: () => project.path, elsewhere: () => '/nowhere'};
	const took = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
	let n = 1 << 17;
	for (let i = 0; i < 420; i++)
		for (const {kind} of Object.keys(kinds).map((name) => ({kind: name, by: Math.random()})).sort((x, y) => x.by - y.by)) {
			const address = kinds[kind](), from = process.hrtime.bigint(), {status} = await visit(address, n++);
			if (i >= 20) took[kind].push(Number(process.hrtime.bigint() - from) / 1000);
			assert.equal(status, 404, kind);
		}
	const ranks = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, rank(took[kind], took.wrong)]));
	const median = (kind) => took[kind].sort((x, y) => x - y)[took[kind].length / 2];
	console.log(`# rank and median beside a wrong token: ${Object.entries(ranks).map(([kind, value]) => `${kind} ${value.toFixed(2)} ${(median(kind) / median('wrong')).toFixed(2)}`).join(', ')}`);
	// Whether the artifact is there, and the link for this person, is asked last: who has such a token may tell by some 20 us.
	for (const [kind, most] of Object.entries({short: 0.15, expired: 0.15, revoked: 0.15, deleted: 0.25, others: 0.25})) assert.ok(Math.abs(ranks[kind] - 0.5) < most, `${kind}: ${ranks[kind]}`);
	assert.ok(ranks.elsewhere < 0.25, `a page that asks no database is told apart: ${ranks.elsewhere}`);
	forgive();
});

test('links for everybody can be forbidden, also those that are there', async () => {
	const id = made('analyst@example.com');
	const link = await share('analyst', id);
	const c = fresh('nobody');
	const {at} = await open(c, link.path);
	const {dir, port} = q;
	await stop(q, {keep: true});
	q = await start({args: [], dir, port, env: {QUERN_PUBLIC_LINKS: 'off'}});
	for (const client of Object.values(callers)) client.q = q;
	c.q = q;
	assert.equal((await c.get(at)).status, 404);
	assert.equal((await open(fresh('nobody'), link.path)).status, 404);
	const {status, text} = await callers.analyst.post(`/artifacts/${id}/links`, {audience: 'public', days: '7', version: '1'}, JSON_ONLY);
	assert.equal(status, 403);
	assert.match(text, /forbidden here/);
	assert.match((await callers.analyst.get(`/artifacts/${id}/share`)).text, /switched off/);
	assert.equal((await share('analyst', id, {audience: 'project'})).path.length, 51);
});

test('no token is kept anywhere', async () => {
	// Mistyped ones and failures, too.
	for (const more of ['x', '/', '/data', '/x/y', '?a=b']) await fresh('nobody').get(`/shared/${tokens[0]}${more}`);
	await fresh('nobody').get(`/shared/${tokens[0]}`, {headers: {'Content-Encoding': 'gzip'}});
	await fresh('nobody').request('POST', `/shared/${tokens[0]}`, {body: 'x'.repeat(2 << 20), headers: {'Content-Type': 'text/plain'}}).catch(() => {});
	await fresh('nobody').get(`/shared/${tokens[0]}`, {headers: {'X-Long': 'x'.repeat(7000), 'X-Longer': 'x'.repeat(7000), 'X-Longest': 'x'.repeat(7000), 'X-More': 'x'.repeat(7000), 'X-Most': 'x'.repeat(7000)}}).catch(() => {});
	await sleep(6000); // nginx writes its log every 5 s
	assert.ok(tokens.length > 20);
	const files = (dir) => fs.readdirSync(dir, {withFileTypes: true}).flatMap((e) => (e.isDirectory() ? (e.name === 'pg' ? [] : files(path.join(dir, e.name))) : e.isFile() ? [path.join(dir, e.name)] : []));
	const dump = one("SELECT string_agg(x::text, '') FROM artifact_links x") + one("SELECT string_agg(x::text, '') FROM audit_log x") + one("SELECT string_agg(x::text, '') FROM rate_limits x") + one("SELECT string_agg(x::text, '') FROM artifact_views x");
	const places = [['database', dump], ...files(q.dir).map((file) => [file, fs.readFileSync(file, 'latin1')])];
	assert.ok(places.some(([name]) => /access/.test(name)) && places.some(([name]) => /error/.test(name)), places.map(([name]) => name).join(' '));
	for (const [name, text] of places) for (const token of tokens) assert.ok(!text.includes(token), `${token} is in ${name}: ${text.slice(Math.max(0, text.indexOf(token) - 200), text.indexOf(token) + 60)}`);
});

run({seconds: 300});
