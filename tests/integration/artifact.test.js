#!/usr/bin/env node
// Artifacts over HTTP: who sees and changes which, versions, data as whoever looks, the gallery.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client} = require('../lib/quern.js');

let q;
const callers = {};
const JSON_ONLY = {headers: {Accept: 'application/json'}};
const one = (text) => q.sql('quern', text);

// An artifact of somebody, as rows: who makes them otherwise is tested where they are made.
function made(email, {title = 'Sales', type = 'html', code = '<p>one</p>', sources = [], data = null, visible = 'own'} = {}) {
	const literal = (value) => (value === null ? 'NULL' : `$q$${typeof value === 'string' ? value : JSON.stringify(value)}$q$`);
	const id = one(`INSERT INTO artifacts (project_id, user_id, title, type, visible) SELECT p.id, u.id, ${literal(title)}, '${type}', '${visible}'
		FROM projects p, users u WHERE p.slug = 'shop' AND u.email = '${email}' RETURNING id`);
	one(`INSERT INTO artifact_versions (artifact_id, n, user_id, code, sources, data) SELECT ${id}, 1, id, ${literal(code)}, ${literal(sources)}, ${literal(data)} FROM users WHERE email = '${email}'`);
	return id;
}

test('start', async () => {
	q = await start({args: []});
	assert.equal(q.cli(['user', 'add', 'outsider@example.com'], {input: `${q.env.QUERN_DEMO_PASSWORD}\n`}).code, 0);
	for (const name of ['viewer', 'analyst', 'admin', 'outsider']) callers[name] = await new Client(q).signIn(`${name}@example.com`);
	callers.nobody = new Client(q);
});
cleanup(() => q && q.stop());

test('one that is not shown is there for nobody but its owner', async () => {
	const id = made('viewer@example.com');
	for (const path of [`/artifacts/${id}`, `/artifacts/${id}?version=1`, `/artifacts/${id}/data`, `/artifacts/${id}/rows`])
		for (const [who, status] of Object.entries({viewer: 200, analyst: 404, admin: 404, outsider: 404, nobody: 401}))
			assert.equal((await callers[who].get(path, JSON_ONLY)).status, status, `${path} as ${who}`);
	one(`UPDATE artifacts SET visible = 'project' WHERE id = ${id}`);
	for (const [who, status] of Object.entries({viewer: 200, analyst: 200, admin: 200, outsider: 404, nobody: 401}))
		assert.equal((await callers[who].get(`/artifacts/${id}`, JSON_ONLY)).status, status, who);
	for (const path of ['save', 'restore', 'rename', 'visible', 'delete', 'undelete'])
		for (const who of ['analyst', 'admin', 'outsider']) {
			const {status} = await callers[who].post(`/artifacts/${id}/${path}`, {code: 'x', version: '1', title: 'x', visible: 'own'}, JSON_ONLY);
			assert.equal(status, 404, `${path} as ${who}`);
		}
	assert.equal(one(`SELECT title || n || visible || (deleted_at IS NULL) FROM artifacts WHERE id = ${id}`), 'Sales1projecttrue');
});

test('versions: a change makes one, an old one comes back, and each says what it changed', async () => {
	const id = made('analyst@example.com', {title: 'Months <b>', code: 'a\nb\nc'});
	const {viewer, analyst} = callers;
	const save = await analyst.post(`/artifacts/${id}/save`, {code: 'a\r\nx & y\r\nc', note: 'The middle', version: '1'});
	assert.equal(save.status, 303);
	const page = (await analyst.get(`/artifacts/${id}`)).text;
	assert.match(page, /Months &lt;b&gt;/);
	assert.match(page, /version 2 · analyst@example\.com/);
	assert.match(page, /<span class="old"><span class="sign">-<\/span>b<\/span>\s*<span class="new"><span class="sign">\+<\/span>x &amp; y<\/span>/);
	assert.match(page, /The middle/);
	const old = (await analyst.get(`/artifacts/${id}?version=1`)).text;
	assert.match(old, /version 1 of 2/);
	assert.match(old, /This is an older version/);
	assert.equal((await analyst.get(`/artifacts/${id}?version=3`)).status, 404);
	assert.equal((await analyst.post(`/artifacts/${id}/restore`, {version: '1'})).status, 303);
	assert.equal(one(`SELECT string_agg(n || ' ' || code, '|' ORDER BY n) FROM artifact_versions WHERE artifact_id = ${id}`), '1 a\nb\nc|2 a\nx & y\nc|3 a\nb\nc');
	const {text} = await analyst.get(`/artifacts/${id}/data?version=2`, JSON_ONLY);
	assert.deepEqual(JSON.parse(text), {id: Number(id), type: 'html', title: 'Months <b>', version: 2, code: 'a\nx & y\nc', at: null, data: {}});
	assert.equal((await analyst.post(`/artifacts/${id}/save`, {code: '', version: '1'})).status, 400);
	assert.equal((await analyst.post(`/artifacts/${id}/restore`, {version: 'x'})).status, 400);
	assert.equal((await viewer.get(`/artifacts/${id}`)).status, 404);
});

test('renamed, shown, deleted and back', async () => {
	const id = made('analyst@example.com', {title: 'Old name'});
	const {viewer, analyst} = callers;
	assert.equal((await analyst.post(`/artifacts/${id}/rename`, {title: ' New name '})).status, 303);
	assert.equal((await analyst.post(`/artifacts/${id}/rename`, {title: ' '})).status, 400);
	const has = async (who, words) => new RegExp(words).test((await who.get('/p/shop/artifacts?q=new+NAME')).text);
	assert.ok(await has(analyst, 'New name'));
	assert.ok(!await has(viewer, '>New name<'));
	assert.equal((await analyst.post(`/artifacts/${id}/visible`, {visible: 'project'})).status, 303);
	assert.equal((await analyst.post(`/artifacts/${id}/visible`, {visible: 'world'})).status, 400);
	assert.ok(await has(viewer, '>New name<[\\s\\S]*analyst@example.com'));
	const gone = await analyst.post(`/artifacts/${id}/delete`);
	assert.match(gone.headers.location, new RegExp(`^/p/shop/artifacts\\?deleted=${id}$`));
	assert.ok(!await has(viewer, '>New name<'));
	for (const path of ['', '/data', '/rows']) assert.equal((await analyst.get(`/artifacts/${id}${path}`)).status, 404);
	assert.match((await analyst.get(gone.headers.location)).text, new RegExp(`action="/artifacts/${id}/undelete"`));
	assert.equal((await analyst.post(`/artifacts/${id}/undelete`)).status, 303);
	assert.equal((await viewer.get(`/artifacts/${id}`)).status, 200);
});

test('data is what whoever looks may see, and says from when', async () => {
	const sources = [{name: 'orders', sql: 'SELECT country_code, count(*) AS n FROM customers GROUP BY 1 ORDER BY 1', run_id: 0},
		{name: 'all', sql: 'SELECT id FROM order_items', run_id: 0}];
	const id = made('analyst@example.com', {sources, data: {target: {goal: 5}}, visible: 'project'});
	const {viewer, analyst, admin} = callers;
	const read = async (who) => JSON.parse((await who.get(`/artifacts/${id}/data`, JSON_ONLY)).text);
	const whole = await read(analyst);
	assert.ok(whole.data.orders.rows.length > 3);
	assert.deepEqual(whole.data.orders.columns.map((c) => c.name), ['country_code', 'n']);
	assert.deepEqual(whole.data.target, {goal: 5});
	assert.ok(whole.data.all.rows.length > 1000, 'more rows than a page of results has');
	assert.ok(Math.abs(Date.now() - Date.parse(whole.at)) < 60000);
	assert.equal((await admin.post('/p/shop/settings/rules', {table: 'customers', viewer: '1', kind: 'filter', condition: "country_code = 'DE'", value: "country_code = 'DE'"})).status, 303);
	assert.equal((await admin.post('/p/shop/settings/rules', {table: 'order_items', viewer: '1', kind: 'hide'})).status, 303);
	const less = await read(viewer);
	assert.deepEqual(less.data.orders.rows.map((r) => r[0]), ['DE']);
	assert.ok(!less.data.all.rows && less.data.all.error.message, 'a clear refusal');
	assert.deepEqual((await read(analyst)).data.orders.rows, whole.data.orders.rows);
	const tables = await viewer.get(`/artifacts/${id}/rows`);
	assert.equal(tables.status, 200);
	assert.match(tables.text, />DE</);
	assert.doesNotMatch(tables.text, />FR</);
	assert.match(tables.text, /class="problem" role="alert"/);
	assert.equal(one(`SELECT string_agg(DISTINCT u.email, ' ') FROM query_runs r JOIN users u ON u.id = r.user_id WHERE r.origin = 'artifact'`), 'analyst@example.com viewer@example.com');
	// What is read is read now.
	q.sql('shop', "UPDATE shop.customers SET country_code = 'DE' WHERE id = (SELECT min(id) FROM shop.customers WHERE country_code <> 'DE')");
	assert.equal(Number((await read(viewer)).data.orders.rows[0][1]), Number(less.data.orders.rows[0][1]) + 1);
});

test('code is only text on the page', async () => {
	const hostile = '</textarea></script><script>alert(1)</script><img src=x onerror=alert(1)>{{layout.csrf}}';
	const id = made('analyst@example.com', {title: hostile.slice(0, 150), code: hostile, data: {x: hostile}});
	const page = await callers.analyst.get(`/artifacts/${id}`);
	assert.equal(page.status, 200);
	assert.doesNotMatch(page.text, /<script>alert|<img src=x/);
	const text = made('analyst@example.com', {type: 'markdown', code: `# Report\n\n${hostile}\n\n[x](javascript:alert(1)) ![y](https://evil.example/x.png)`});
	const rendered = (await callers.analyst.get(`/artifacts/${text}`)).text;
	assert.match(rendered, /<h1[^>]*>Report<\/h1>/);
	assert.doesNotMatch(rendered, /<script>alert|<img |href="javascript/);
	const data = await callers.analyst.get(`/artifacts/${id}/data`, JSON_ONLY);
	assert.match(data.headers['content-type'], /^application\/json/);
	assert.equal(JSON.parse(data.text).code, hostile);
});

run({seconds: 120});
