#!/usr/bin/env node
// Artifacts as files: who may have which, what they are called, what is in them.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client} = require('../lib/quern.js');

let q;
const callers = {};
const JSON_ONLY = {headers: {Accept: 'application/json'}};
const one = (text) => q.sql('quern', text);
const literal = (value) => (value === null ? 'NULL' : `$q$${typeof value === 'string' ? value : JSON.stringify(value)}$q$`);
const countries = {name: 'countries', sql: "SELECT country_code, count(*) AS customers FROM customers WHERE country_code IN ('FR', 'DE') GROUP BY 1 ORDER BY 1"};

function made({title = 'Sales', type = 'html', code = '<p>one</p>', sources = [], data = null, email = 'analyst@example.com'} = {}) {
	const id = one(`INSERT INTO artifacts (project_id, user_id, title, type, visible) SELECT p.id, u.id, ${literal(title)}, '${type}', 'project'
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

test('rows behind an artifact are for those who may export results', async () => {
	const id = made({sources: [countries]});
	for (const ending of ['csv', 'xlsx', 'html'])
		for (const [who, status] of Object.entries({viewer: 403, analyst: 200, admin: 200, outsider: 404, nobody: 401}))
			assert.equal((await callers[who].get(`/artifacts/${id}/export.${ending}`, JSON_ONLY)).status, status, `${ending} as ${who}`);
	assert.doesNotMatch((await callers.viewer.get(`/artifacts/${id}`)).text, /export\./, 'and the page offers nothing else');
	assert.match((await callers.analyst.get(`/artifacts/${id}`)).text, /export\.csv/);
	const plain = made({code: '<p>no rows</p>'});
	assert.equal((await callers.viewer.get(`/artifacts/${plain}/export.html`)).status, 200);
	one(`UPDATE artifacts SET visible = 'own' WHERE id = ${id}`);
	assert.equal((await callers.admin.get(`/artifacts/${id}/export.csv`, JSON_ONLY)).status, 404);
});

test('CSV holds the rows of the named query, as the person may see them, and the trail has it', async () => {
	const id = made({title: 'Two', sources: [countries, {name: 'total', sql: 'SELECT count(*) AS n FROM customers'}]});
	const first = await callers.analyst.get(`/artifacts/${id}/export.csv`);
	assert.match(first.text, /^country_code,customers\r\nDE,\d+\r\nFR,\d+\r\n$/);
	assert.match(first.headers['content-disposition'], /filename="two-countries-\d{4}-\d\d-\d\d\.csv"/);
	const second = await callers.analyst.get(`/artifacts/${id}/export.csv?source=total`);
	assert.match(second.text, /^n\r\n\d+\r\n$/);
	assert.equal((await callers.analyst.get(`/artifacts/${id}/export.csv?source=none`, JSON_ONLY)).status, 404);
	assert.equal(one(`SELECT detail->>'format' || (detail->>'rows') FROM audit_log WHERE action = 'artifact.export' AND object = 'artifact:${id}' ORDER BY id LIMIT 1`), 'csv2');
	assert.equal((await callers.analyst.get(`/artifacts/${made()}/export.csv`, JSON_ONLY)).status, 404, 'without a query there are no rows');
});

test('what the guard refuses stays where it is', async () => {
	const id = made({sources: [{name: 'secret', sql: 'SELECT * FROM pg_authid'}]});
	const csv = await callers.analyst.get(`/artifacts/${id}/export.csv`, JSON_ONLY);
	assert.equal(csv.status, 422);
	const html = await callers.analyst.get(`/artifacts/${id}/export.html`);
	assert.match(html.text, /class="problem">secret cannot be shown/);
	assert.doesNotMatch(html.text, /SCRAM/);
});

test('text leaves as it was written; what is no text does not', async () => {
	const text = '# A title\r\n\n| a | b |\n|---|---|\n| <b>1</b> | ü |\n';
	const id = made({title: 'Text', type: 'markdown', code: text});
	const md = await callers.viewer.get(`/artifacts/${id}/export.md`);
	assert.equal(md.text, text);
	assert.match(md.headers['content-type'], /^text\/markdown/);
	assert.equal((await callers.analyst.get(`/artifacts/${made()}/export.md`, JSON_ONLY)).status, 404);
	const html = (await callers.viewer.get(`/artifacts/${id}/export.html`)).text;
	assert.match(html, /<table>/);
	assert.doesNotMatch(html, /<script/);
});

test('files are named after titles, whatever these say', async () => {
	const names = {
		'../../etc/passwd': 'etc-passwd', 'a"; filename=evil.exe': 'a-filename-evil-exe', 'x\r\nSet-Cookie: a=b': 'x-set-cookie-a-b',
		'\u202Egpj.exe': 'gpj-exe', '...': 'artifact', 'CON': 'con', '<script>alert(1)</script>': 'script-alert-1-script',
		'Ünïcode 世界': null, ['x'.repeat(200)]: 'x'.repeat(80),
	};
	for (const [title, stem] of Object.entries(names)) {
		const {status, headers} = await callers.analyst.get(`/artifacts/${made({title})}/export.html`);
		assert.equal(status, 200, title);
		const disposition = headers['content-disposition'];
		assert.match(disposition, /^attachment; filename="[A-Za-z0-9._-]+"(; filename\*=UTF-8''[A-Za-z0-9._%-]+)?$/, title);
		if (stem) assert.match(disposition, new RegExp(`filename="${stem}-\\d{4}-\\d\\d-\\d\\d\\.html"`), title);
		assert.equal(headers['set-cookie'], undefined);
	}
});

test('nothing of an artifact ends the script or the page around it', async () => {
	const nasty = '</script><!--<script>\u2028\u2029]]></textarea></style></title><script>alert(1)</script>';
	const html = (await callers.analyst.get(`/artifacts/${made({title: nasty, code: nasty, data: {rows: [nasty]}})}/export.html`)).text;
	const blob = /<script type="application\/json" id="content">(.*?)<\/script>/s.exec(html)[1];
	assert.doesNotMatch(blob, /[<\u2028\u2029]/);
	const content = JSON.parse(blob);
	assert.equal(content.code, nasty);
	assert.deepEqual(content.data.rows, [nasty]);
	assert.equal(html.match(/<script/g).length, 2, 'the content and our own script');
	assert.equal(html.match(/<\/script/g).length, 2);
	assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
});

run({seconds: 120});
