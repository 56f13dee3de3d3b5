#!/usr/bin/env node
// What breaks and what must not: workers killed under load, PostgreSQL restarted, reload, an edited migration.
'use strict';

const assert = require('node:assert');
const {execFileSync} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {root, quern, start, Client, sleep, until} = require('../lib/quern.js');

let q, analyst;

test('start', async () => {
	q = await start();
	analyst = await new Client(q).signIn('analyst@example.com');
});
cleanup(() => q && q.stop());

const children = (pid) => execFileSync('pgrep', ['-P', String(pid)], {encoding: 'utf8'}).trim().split('\n').map(Number);
const serve = () => children(q.child.pid).find((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${quern}\0serve`));
const workers = () => children(serve());

test('kill -9 of workers under load costs only their own requests', async () => {
	let on = true, good = 0;
	const bad = [];
	const client = async () => {
		const c = new Client(q);
		c.cookies = analyst.cookies;
		while (on) {
			const page = await c.get('/p/shop').catch((e) => ({status: e.code}));
			if (page.status === 200) good++;
			else bad.push(page.status);
		}
	};
	const clients = Array.from({length: 8}, client);
	const before = workers().length;
	let kills = 0;
	for (let i = 0; i < 6; i++) {
		await sleep(250);
		const pids = workers();
		process.kill(pids[i % pids.length], 'SIGKILL');
		kills++;
		await until(() => workers().length === before, 'the pool is whole again');
	}
	on = false;
	await Promise.all(clients);
	assert.ok(good > 50, `${good} good requests`);
	// A web worker runs at most as many requests at once as there are clients.
	assert.ok(bad.length <= kills * 8, `${bad.length} failed: ${[...new Set(bad)]}`);
	// nginx shows its own page with 503 when a worker went away under a request.
	assert.ok(bad.every((status) => [503, 'ECONNRESET'].includes(status)), String(bad));
	assert.match(q.log('quern.log'), /worker died/);
});

test('reload replaces the workers without a failed request', async () => {
	const old = new Set(workers());
	let on = true;
	const seen = {};
	const load = (async () => {
		while (on) {
			const {status} = await analyst.get('/p/shop');
			seen[status] = (seen[status] || 0) + 1;
		}
	})();
	process.kill(serve(), 'SIGHUP');
	await until(() => workers().every((pid) => !old.has(pid)) && workers().length === old.size, 'all workers are new', 40);
	on = false;
	await load;
	assert.deepEqual(Object.keys(seen), ['200']);
});

test('while PostgreSQL is away pages say 503, and recover by themselves', async () => {
	const postgres = children(q.child.pid).find((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres'));
	process.kill(postgres, 'SIGINT');
	const page = await until(async () => {
		const p = await analyst.get('/p/shop');
		return p.status !== 200 && p;
	}, 'a page without its database');
	assert.equal(page.status, 503);
	assert.match(page.text, /Not available right now/);
	assert.ok(page.headers['retry-after']);
	const json = await analyst.get('/p/shop', {headers: {Accept: 'application/json'}});
	if (json.status !== 200) assert.equal(JSON.parse(json.text).error.kind, 'unavailable');
	await until(async () => (await analyst.get('/p/shop')).status === 200, 'pages work again', 30);
	const done = await analyst.ask('/p/shop/turns', 'What tables are there?');
	assert.equal(done.find('done')[0].status, 'done');
});

test('another worker goes on with a turn whose worker was killed', async () => {
	let turn;
	const asked = analyst.ask('/p/shop/turns', 'Tell me a long story about the shop slowly', {onEvent: (e) => {
		if (e.event === 'turn') turn = e.data.turn_id;
		if (e.event === 'delta' && turn > 0) { for (const pid of workers()) process.kill(pid, 'SIGKILL'); turn = -turn; }
	}}).catch(() => {});
	await asked;
	turn = Math.abs(turn);
	await until(() => q.sql('quern', `SELECT status FROM turns WHERE id = ${turn}`) === 'done', 'the turn is done', 120);
	const page = await analyst.get(`/turns/${turn}`);
	assert.equal(page.status, 200);
	assert.match(page.text, /<div class="text"/);
	const seqs = JSON.parse(q.sql('quern', `SELECT json_agg(seq ORDER BY seq) FROM turn_events WHERE turn_id = ${turn}`));
	assert.deepEqual(seqs, seqs.map((_, i) => i + 1));
});

test('an edited migration and a newer database are refused', () => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-sql-'));
	cleanup(() => fs.rmSync(dir, {recursive: true}));
	const first = fs.readdirSync(path.join(root, 'sql')).sort()[0];
	fs.writeFileSync(path.join(dir, first), fs.readFileSync(path.join(root, 'sql', first), 'utf8') + '\n-- edited\n');
	const edited = q.cli(['migrate'], {env: {QUERN_MIGRATIONS: dir}});
	assert.equal(edited.code, 1);
	assert.match(edited.stderr, new RegExp(first));
	fs.rmSync(path.join(dir, first));
	assert.equal(q.cli(['migrate'], {env: {QUERN_MIGRATIONS: dir}}).code, 1);
	assert.equal(q.cli(['migrate']).code, 0);
});

run({seconds: 180});
