#!/usr/bin/env node
// Results as files: who may have them, what is in them, what is left when something goes wrong on the way.
'use strict';

const assert = require('node:assert');
const https = require('node:https');
const zlib = require('node:zlib');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client, until} = require('../lib/quern.js');

let q, admin, analyst, viewer;

test('start', async () => {
	q = await start();
	admin = await new Client(q).signIn('admin@example.com');
	analyst = await new Client(q).signIn('analyst@example.com');
	viewer = await new Client(q).signIn('viewer@example.com');
});
cleanup(() => q && q.stop());

const literal = (text) => `'${text.replace(/'/g, "''")}'`;

// A run of that statement as the platform keeps it; its number.
function recorded(sql, {email = 'analyst@example.com', project = 'shop', tables = '{}'} = {}) {
	return q.sql('quern', `INSERT INTO query_runs (project_id, user_id, sql_asked, sql_run, tables, outcome, rows, bytes, truncated, took_us, result)
		SELECT p.id, u.id, ${literal(sql)}, ${literal(sql)}, '${tables}', 'done', 0, 0, false, 0, '{"columns":[],"rows":[],"truncated":false}'
		FROM projects p, users u WHERE p.slug = '${project}' AND u.email = '${email}' RETURNING id`);
}

const file = (client, id, format, options = {}) => client.get(`/runs/${id}/export.${format}`, options);

// RFC 4180 by the letter: CRLF ends every line, quotes only around and doubled inside. null is null, "" is ''.
function readCsv(text) {
	const rows = [];
	let at = 0;
	while (at < text.length) {
		const row = [];
		for (;;) {
			const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
			field.lastIndex = at;
			const m = field.exec(text);
			assert.ok(m, `not CSV at ${JSON.stringify(text.slice(at, at + 40))}`);
			row.push(m[1] !== undefined ? m[1].replace(/""/g, '"') : m[2] === '' ? null : m[2]);
			at = field.lastIndex;
			if (m[3] !== ',') break;
		}
		rows.push(row);
	}
	return rows;
}

// The members of a ZIP archive by name, as text.
function unzip(bytes) {
	const members = {};
	let end = bytes.length - 22;
	while (bytes.readUInt32LE(end) !== 0x06054b50) end--;
	let at = bytes.readUInt32LE(end + 16);
	for (let n = bytes.readUInt16LE(end + 10); n > 0; n--) {
		const size = bytes.readUInt32LE(at + 20), name = bytes.readUInt16LE(at + 28), local = bytes.readUInt32LE(at + 42);
		const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
		const packed = bytes.subarray(from, from + size);
		members[bytes.toString('utf8', at + 46, at + 46 + name)] = (bytes.readUInt16LE(at + 10) ? zlib.inflateRawSync(packed) : packed).toString('utf8');
		at += 46 + name + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
	}
	return members;
}

const plain = (xml) => xml.replace(/_x([0-9A-F]{4})_/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
	.replace(/&(lt|gt|quot|amp|apos);/g, (_, name) => ({lt: '<', gt: '>', quot: '"', amp: '&', apos: "'"})[name]);

// A sheet's cells: rows of {A: {type, style, text}}.
function readSheet(xml) {
	return [...xml.matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map(([, row]) => Object.fromEntries(
		[...row.matchAll(/<c r="([A-Z]+)\d+"(?: s="(\d+)")?(?: t="(\w+)")?>(.*?)<\/c>/gs)].map(([, column, style, type, inside]) =>
			[column, {type: type || 'n', style, text: plain(inside.replace(/<[^>]*>/g, ''))}])));
}

// As bytes, with what happened at the end: 'end' or 'broken'.
function raw(client, url, {stopAfter} = {}) {
	const cookie = [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	return new Promise((resolve, reject) => {
		const req = https.get({host: '127.0.0.1', port: q.port, path: url, rejectUnauthorized: false, agent: false, headers: {Cookie: cookie, Accept: 'text/html'}}, (res) => {
			const chunks = [];
			const done = (how) => resolve({how, status: res.statusCode, headers: res.headers, bytes: Buffer.concat(chunks)});
			res.on('data', (c) => {
				chunks.push(c);
				if (stopAfter && chunks.reduce((n, b) => n + b.length, 0) > stopAfter) { done('left'); req.destroy(); }
			});
			res.on('end', () => done('end'));
			res.on('error', () => done('broken'));
			res.on('aborted', () => done('broken'));
		});
		req.on('error', reject);
	});
}

test('an answer of the chat has links to its files, and each is the whole result', async () => {
	const done = await analyst.ask('/p/shop/turns', 'How did revenue develop month by month in 2025?');
	const {run_id: id} = done.find('tool_result')[0], turn = done.find('turn')[0];
	for (const url of [`/p/shop/chat/${turn.conversation_id}`, `/turns/${turn.turn_id}`])
		for (const format of ['csv', 'xlsx', 'json'])
			assert.match((await analyst.get(url)).text, new RegExp(`href="/runs/${id}/export\\.${format}"`), url);
	const csv = await file(analyst, id, 'csv');
	assert.equal(csv.status, 200, csv.text);
	assert.match(csv.headers['content-type'], /^text\/csv; charset=utf-8/);
	assert.match(csv.headers['content-disposition'], /^attachment; filename="how-did-revenue-develop-month-by-month-in-2025-\d{4}-\d\d-\d\d\.csv"$/);
	assert.equal(csv.headers['x-content-type-options'], 'nosniff');
	const rows = readCsv(csv.text);
	assert.deepEqual(rows[0], ['month', 'orders', 'gross_revenue', 'refunded', 'net_revenue']);
	assert.equal(rows.length, 13);
	const json = JSON.parse((await file(analyst, id, 'json')).text);
	assert.deepEqual(json.rows, rows.slice(1).map(([month, ...figures]) => [month, ...figures.map(Number)]));
	assert.equal(json.truncated, false);
	const [action, object, detail] = q.sql('quern', `SELECT action, object, detail FROM audit_log ORDER BY id DESC LIMIT 1`).split('|');
	assert.equal(action, 'query.export');
	assert.match(object, /^project:\d+$/);
	assert.deepEqual(JSON.parse(detail), {of: Number(id), run: JSON.parse(detail).run, format: 'json', rows: 12});
});

test('every row comes, beyond what a page shows, exactly as the database has it', async () => {
	const sql = 'SELECT id, order_id, quantity, unit_price, line_total FROM order_items ORDER BY id LIMIT 20000';
	const rows = readCsv((await file(analyst, recorded(sql), 'csv')).text);
	const own = q.sql('shop', `SET search_path = shop; ${sql}`).split('\n').map((line) => line.split('|'));
	assert.equal(rows.length, 20001);
	assert.deepEqual(rows.slice(1), own);
});

test('the limit of the project cuts and is told', async () => {
	q.sql('quern', `UPDATE projects SET export_rows = 7 WHERE slug = 'shop'`);
	const id = recorded('SELECT id FROM orders ORDER BY id');
	const json = JSON.parse((await file(analyst, id, 'json')).text);
	assert.equal(json.rows.length, 7);
	assert.equal(json.cut, 'only the first 7 rows were fetched');
	assert.equal(readCsv((await file(analyst, id, 'csv')).text).length, 8);
	const sheets = unzip((await raw(analyst, `/runs/${id}/export.xlsx`)).bytes);
	assert.match(sheets['xl/worksheets/sheet2.xml'], /only the first 7 rows were fetched/);
	q.sql('quern', `UPDATE projects SET export_rows = 100000 WHERE slug = 'shop'`);
});

test('viewers cannot export and see no links; strangers find nothing', async () => {
	const mine = recorded('SELECT 1 AS one', {email: 'viewer@example.com'});
	for (const format of ['csv', 'json', 'xlsx']) {
		const refused = await file(viewer, mine, format);
		assert.equal(refused.status, 403);
		assert.match(refused.text, /viewers of Shop analytics cannot export/);
		assert.equal(refused.headers['content-disposition'], undefined);
		assert.equal((await file(admin, mine, format)).status, 404);
		assert.equal((await file(new Client(q), mine, format)).status, 303);
	}
	const done = await viewer.ask('/p/shop/turns', 'How did revenue develop month by month in 2025?');
	const {conversation_id: chat, turn_id: turn} = done.find('turn')[0];
	assert.match((await viewer.get(`/p/shop/chat/${chat}`)).text, /data-copy-table/);
	for (const url of [`/p/shop/chat/${chat}`, `/turns/${turn}`])
		assert.doesNotMatch((await viewer.get(url)).text, /runs\/\d+\/export/);
	assert.equal((await file(analyst, mine, 'exe')).status, 404);
	assert.equal((await file(analyst, 999999, 'csv')).status, 404);
});

test('what counts is the role and the rules of now', async () => {
	const id = recorded('SELECT id, email FROM customers ORDER BY id LIMIT 3');
	assert.equal((await file(analyst, id, 'csv')).status, 200);
	q.sql('quern', `UPDATE members SET role = 'viewer' WHERE user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')`);
	assert.equal((await file(analyst, id, 'csv')).status, 403);
	q.sql('quern', `UPDATE members SET role = 'analyst' WHERE user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')`);
	q.sql('quern', `INSERT INTO policy_rules (project_id, role, table_name, kind) SELECT id, 'analyst', 'customers', 'hide' FROM projects WHERE slug = 'shop'`);
	const refused = await file(analyst, id, 'csv');
	assert.ok(refused.status >= 400 && refused.status < 500, `${refused.status}`);
	assert.equal(refused.headers['content-disposition'], undefined);
	assert.doesNotMatch(refused.text, /noah\.nguyen/);
	q.sql('quern', `DELETE FROM policy_rules`);
	q.sql('quern', `DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')`);
	assert.equal((await file(analyst, id, 'csv')).status, 404);
	await admin.post('/p/shop/members', {email: 'analyst@example.com', role: 'analyst'});
	assert.equal((await file(analyst, id, 'csv')).status, 200);
});

test('an error before the first bytes is a page, one after them a failed download', async () => {
	const early = await file(analyst, recorded('SELECT 1 / (id - id) AS x FROM orders'), 'csv');
	assert.ok(early.status >= 400 && early.status < 500, early.text);
	assert.match(early.headers['content-type'], /^text\/html/);
	for (const format of ['csv', 'json']) {
		const late = await raw(analyst, `/runs/${recorded('SELECT id, 1 / (id - 60000) AS x FROM order_items')}/export.${format}`);
		assert.equal(late.status, 200, late.bytes.toString());
		assert.ok(late.bytes.length > 100000, `${late.bytes.length} bytes`);
		assert.equal(late.how, 'broken');
		assert.match(q.sql('quern', `SELECT action || detail FROM audit_log ORDER BY id DESC LIMIT 1`), /query\.export.*"rows": *\d{4}/);
	}
	const sheet = await file(analyst, recorded('SELECT id, 1 / (id - 60000) AS x FROM order_items'), 'xlsx');
	assert.ok(sheet.status >= 400 && sheet.status < 500, `${sheet.status}`);
});

test('a browser that goes away ends the query', async () => {
	const id = recorded('SELECT a.id, b.id AS other, a.email, b.email AS mail FROM customers a CROSS JOIN customers b');
	q.sql('quern', `UPDATE projects SET export_rows = 1000000 WHERE slug = 'shop'`);
	await raw(analyst, `/runs/${id}/export.csv`, {stopAfter: 100000});
	await until(() => q.sql('quern', `SELECT outcome FROM query_runs ORDER BY id DESC LIMIT 1`) === 'cancelled', 'the run is recorded as cancelled');
	await until(() => q.sql('postgres', `SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_reader' AND state = 'active'`) === '0', 'the server is at rest');
	q.sql('quern', `UPDATE projects SET export_rows = 100000 WHERE slug = 'shop'`);
});

const hostile = ['=1+1', '+1', '-1', '@SUM(1)', '\t=1', '\r=1', '\n=1', ' =1', "'=1", '"=1', '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0",
	'＝1', '＠x', '\u00a0=1', '\u200b=1', '\ufeff=1', '=1,2', 'a,b', 'a"b', 'a\r\nb', 'a;=1', '', ' ', "'", '_x0041_', '<f>1</f>', '&amp;', ']]>', 'http://example.com', 'mailto:a@b.c',
	'\u0001\u001f', 'ä€😀', 'NULL', '007', '1e5', '1/2', '2025-01-01', 'TRUE', '#REF!', '{=1}', 'internal:Sheet2!A1'];

test('texts that look like formulas are texts in every format', async () => {
	const id = recorded(`SELECT v.n, v.t FROM (VALUES ${hostile.map((t, i) => `(${i}, ${literal(t)})`).join(', ')}) AS v(n, t) ORDER BY 1`);
	const rows = readCsv((await file(analyst, id, 'csv')).text).slice(1);
	const triggers = /^[\s"'\u200b\ufeff]*[=+\-@＝＠\t\r\n]/;
	assert.deepEqual(rows.map(([, t]) => t), hostile.map((t) => (triggers.test(t) || /^[\t\r\n]/.test(t) ? `'${t}` : t)));
	const json = JSON.parse((await file(analyst, id, 'json')).text);
	assert.deepEqual(json.rows.map(([, t]) => t), hostile);
	const book = unzip((await raw(analyst, `/runs/${id}/export.xlsx`)).bytes);
	const sheet = readSheet(book['xl/worksheets/sheet1.xml']).slice(1);
	assert.deepEqual(sheet.map((row) => row.B?.text ?? ''), hostile);
	assert.ok(sheet.every((row) => !row.B || row.B.type === 'inlineStr'));
	for (const [name, text] of Object.entries(book)) {
		assert.doesNotMatch(text, /<(\w+:)?f[ >]|<hyperlinks?[ >]|externalLink/i, name);
		assert.match(text, /^<\?xml /, name);
	}
});

test('a sheet has numbers, dates and truth values as such, and nothing that is not exact', async () => {
	const id = recorded(`SELECT 42 AS i, -1.50 AS n, 9007199254740993 AS big, 12345678901234567890.123 AS long, 0.1::float8 AS f, 'NaN'::float8 AS nan,
		DATE '2024-02-29' AS d, DATE '1850-01-01' AS old, 'infinity'::date AS never, TIMESTAMPTZ '2025-07-01 12:30:00+00' AS z, TIMESTAMP '2025-07-01 12:30:15.25' AS t,
		true AS y, NULL::text AS nothing, repeat(repeat('x', 10000), 4) AS much, '2025-01-01'::text AS words, 'f' AS "=head"`);
	q.sql('quern', `UPDATE users SET time_zone = 'Europe/Berlin' WHERE email = 'analyst@example.com'`);
	const answer = await raw(analyst, `/runs/${id}/export.xlsx`);
	assert.equal(answer.status, 200, answer.bytes.toString());
	assert.match(answer.headers['content-disposition'], /filename="result-[\d-]{10}\.xlsx"/);
	const book = unzip(answer.bytes), xml = book['xl/worksheets/sheet1.xml'];
	const [head, row] = readSheet(xml);
	assert.match(xml, /<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"\/>/);
	assert.equal(head.P.text, '=head');
	assert.ok(Object.values(head).every((c) => c.style === head.A.style && c.type === 'inlineStr'));
	assert.match(book['xl/styles.xml'], /<b\/>/);
	const is = (column, type, text) => assert.deepEqual({type: row[column].type, text: row[column].text}, {type, text}, column);
	is('A', 'n', '42');
	is('B', 'n', '-1.5');
	is('C', 'inlineStr', '9007199254740993');
	is('D', 'inlineStr', '12345678901234567890.123');
	is('E', 'n', '0.1');
	is('F', 'inlineStr', 'NaN');
	is('G', 'n', '45351');
	is('H', 'inlineStr', '1850-01-01');
	is('I', 'inlineStr', 'infinity');
	assert.ok(Math.abs(Number(row.J.text) - (45839 + 14.5 / 24)) < 1e-9, row.J.text);
	assert.ok(Math.abs(Number(row.K.text) - (45839 + (12.5 * 3600 + 15.25) / 86400)) < 1e-9, row.K.text);
	assert.ok(row.G.style && row.J.style && row.K.style && row.G.style !== row.J.style);
	is('L', 'b', '1');
	assert.equal(row.M, undefined);
	assert.equal(row.N.text.length, 32767);
	is('O', 'inlineStr', '2025-01-01');
	const about = readSheet(book['xl/worksheets/sheet2.xml']).map((r) => `${r.A.text}: ${r.B.text}`).join('\n');
	assert.match(about, /Times are in: Europe\/Berlin/);
	assert.match(about, /Cut: 1 long value was cut to 32767 characters/);
	assert.match(about, /SQL: SELECT 42 AS i/);
});

test('quern sql writes the same files', () => {
	const sql = `SELECT id, email, '=1' AS f FROM customers ORDER BY id LIMIT 2`;
	const csv = q.cli(['sql', '--project', 'shop', '--format', 'csv', sql]);
	assert.deepEqual(readCsv(csv.stdout).map((r) => r[2]), ['f', "'=1", "'=1"]);
	assert.equal(JSON.parse(q.cli(['sql', '--project', 'shop', '--format', 'json', sql]).stdout).rows.length, 2);
	assert.match(q.cli(['sql', '--project', 'shop', '--format', 'xlsx', sql]).stdout, /^PK/);
	assert.equal(q.cli(['sql', '--project', 'shop', '--format', 'ods', sql]).code, 2);
});

run();
