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

// A run of the analyst, as the SQL page makes it.
async function ran(sql) {
	assert.equal((await callers.analyst.post('/p/shop/sql', {sql})).status, 200);
	return one('SELECT max(id) FROM query_runs');
}

test('a result is kept by a form, which can be opened again', async () => {
	const {analyst, viewer} = callers;
	const run = await ran("SELECT date_trunc('month', ordered_at)::date AS month, status, sum(total) AS revenue FROM orders WHERE ordered_at < '2024-07-01' GROUP BY 1, 2 -- all of it");
	const form = (await analyst.get(`/runs/${run}/keep`)).text;
	assert.match(form, /<option value="month" selected>/);
	assert.match(form, /name="y" value="revenue" checked/);
	const fields = {title: 'Revenue by status', kind: 'bar', x: 'month', y: 'revenue', series: 'status', aggregate: 'sum', format: 'whole', stacked: '1'};
	const kept = await analyst.post(`/runs/${run}/keep`, fields);
	assert.equal(kept.status, 303, /class="problem"[\s\S]{0,400}/.exec(kept.text)?.[0]);
	const address = kept.headers.location;
	const {code, data, type} = JSON.parse((await analyst.get(`${address}/data`, JSON_ONLY)).text);
	assert.equal(type, 'plotly');
	assert.doesNotMatch(code, /delivered/, 'the values are found for whoever looks');
	assert.equal(JSON.parse(code).data[0].$each, 'rows.status');
	assert.deepEqual(data.rows.columns.map((c) => c.name), ['month', 'status', 'revenue']);
	assert.ok(data.rows.rows.some((r) => r[1] === 'delivered'));
	assert.equal(new Set(data.rows.rows.map((r) => r.slice(0, 2).join())).size, data.rows.rows.length, 'one row for each month and status');
	assert.match((await analyst.get(address)).text, /Change the chart/);
	const again = (await analyst.get(`${address}/form`)).text;
	for (const part of [/<option value="bar" selected>/, /<option value="status" selected>/, /name="stacked" value="1" checked/, /<option value="sum" selected>/]) assert.match(again, part);
	assert.equal((await analyst.post(`${address}/form`, {...fields, kind: 'line', series: '', stacked: ''})).status, 303);
	const second = JSON.parse((await analyst.get(`${address}/data`, JSON_ONLY)).text);
	assert.equal(second.version, 2);
	assert.deepEqual(second.data.rows.columns.map((c) => c.name), ['month', 'revenue']);
	for (const [wrong, words] of [[{kind: 'rings'}, /no such kind/], [{y: ''}, /columns? of numbers/], [{x: 'nothing'}, /no such column/], [{title: ' '}, /needs a title/], [{aggregate: 'none'}, /become one: choose how/]]) {
		const bad = await analyst.post(`/runs/${run}/keep`, {...fields, ...wrong});
		assert.equal(bad.status, 400);
		assert.match(bad.text, words);
		assert.match(bad.text, wrong.aggregate ? /<option value="none" selected>/ : /<option value="sum" selected>/, 'what was chosen stays');
	}
	assert.equal((await viewer.get(`/runs/${run}/keep`)).status, 404);
	assert.equal((await viewer.post(`/runs/${run}/keep`, fields)).status, 404);
	assert.equal((await viewer.get(`${address}/form`)).status, 404);
});

test('a chart with series that others look at has only their values', async () => {
	const {analyst, viewer, admin} = callers;
	const run = await ran('SELECT country_code AS country, name AS customer, id FROM customers WHERE id <= 200');
	const kept = await analyst.post(`/runs/${run}/keep`, {title: 'By country', kind: 'bar', x: 'customer', y: 'id', series: 'country', aggregate: 'count', format: 'plain'});
	assert.equal(kept.status, 303);
	const address = kept.headers.location;
	assert.equal((await analyst.post(`${address}/visible`, {visible: 'project'})).status, 303);
	assert.equal((await admin.post('/p/shop/settings/rules', {table: 'customers', viewer: '1', kind: 'filter', condition: "country_code = 'DE'", value: "country_code = 'DE'"})).status, 303);
	const series = async (who) => JSON.parse((await who.get(`${address}/data`, JSON_ONLY)).text).data.rows.rows.map((r) => r[1]);
	assert.ok(new Set(await series(analyst)).size > 1);
	assert.deepEqual([...new Set(await series(viewer))], ['DE']);
	assert.doesNotMatch((await viewer.get(address)).text, />(FR|'FR'|&quot;FR&quot;)</);
});

test('a change of what is not the newest any more is told, and makes no version', async () => {
	const {analyst} = callers, id = made('analyst@example.com', {type: 'html', code: '<p>1</p>'});
	assert.match((await analyst.get(`/artifacts/${id}`)).text, /name="newest" value="1"/);
	assert.equal((await analyst.post(`/artifacts/${id}/save`, {version: 1, newest: 1, code: '<p>2</p>'})).status, 303);
	const late = await analyst.post(`/artifacts/${id}/save`, {version: 1, newest: 1, code: '<p>3</p>'});
	assert.equal(late.status, 409);
	assert.match(late.text, /has a newer version by now/);
	assert.equal(one(`SELECT n FROM artifacts WHERE id = ${id}`), '2');
});

test('any table is kept as it is', async () => {
	const run = await ran('SELECT id, name, country_code FROM customers ORDER BY id LIMIT 20');
	assert.match((await callers.analyst.get(`/runs/${run}/keep`)).text, /<option value="table" selected>/);
	const kept = await callers.analyst.post(`/runs/${run}/keep`, {title: 'Customers', kind: 'table', x: 'id', aggregate: 'none', format: 'plain'});
	const {code, data} = JSON.parse((await callers.analyst.get(`${kept.headers.location}/data`, JSON_ONLY)).text);
	assert.equal(JSON.parse(code).data[0].type, 'table');
	assert.equal(data.rows.rows.length, 20);
});

test('what the browser reports is given back once for each version, and not for a repair', async () => {
	const {analyst, viewer} = callers;
	const id = made('analyst@example.com', {title: 'Broken', type: 'react', code: 'x('});
	const post = (query, who = analyst) => who.post(`/artifacts/${id}/error?${new URLSearchParams(query)}`, {}, {headers: {Accept: 'text/event-stream, application/json'}});
	assert.equal((await post({version: 1, message: 'x'})).status, 404, 'it was made in no conversation');
	await analyst.ask('/p/shop/turns', 'which tables are there?');
	const turn = one('SELECT max(id) FROM turns');
	one(`UPDATE artifacts SET conversation_id = (SELECT conversation_id FROM turns WHERE id = ${turn}) WHERE id = ${id}`);
	assert.equal((await post({version: 1, message: 'x'})).status, 409, 'a person made it');
	one(`UPDATE artifact_versions SET turn_id = ${turn} WHERE artifact_id = ${id}`);
	assert.equal((await post({version: 1})).status, 400);
	assert.equal((await post({version: 2, message: 'x'})).status, 409);
	assert.equal((await post({version: 1, message: 'x'}, viewer)).status, 404);
	const asked = await post({version: 1, message: 'x is not "defined"\nand more', line: 3, column: 7});
	assert.equal(asked.status, 200);
	const repair = one('SELECT max(id) FROM turns');
	assert.notEqual(repair, turn);
	assert.equal(one(`SELECT question FROM turns WHERE id = ${repair}`),
		`The artifact “Broken” (number ${id}, version 1) does not work in my browser: "x is not \\"defined\\"\\nand more" (line 3, column 7). Please repair it.`);
	assert.equal((await post({version: 1, message: 'again'})).status, 409);
	// What the repair made is not repaired again.
	one(`INSERT INTO artifact_versions (artifact_id, n, user_id, turn_id, code) SELECT ${id}, 2, user_id, ${repair}, 'y(' FROM artifacts WHERE id = ${id}; UPDATE artifacts SET n = 2 WHERE id = ${id}`);
	assert.equal((await post({version: 2, message: 'x'})).status, 409);
	assert.equal(one('SELECT max(id) FROM turns'), repair);
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
