#!/usr/bin/env node
// Turns while workers and servers die and clients come and go: every turn ends, nobody loses an event or gets one twice, and
// nothing is done twice. QUERN_FAULT_TURNS is how many turns the first test runs (20), QUERN_FAULT_AT_ONCE how many of them at once (10),
// QUERN_FAULT_OFTEN how many times more the others do what they do (1); QUERN_FAULT_SEED says what happens when. `make bench
// BENCH=fault` runs all of it at full size.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, stop, scripted, Client, sleep, until} = require('../lib/quern.js');
const t = require('../lib/turns.js');

const TURNS = Number(process.env.QUERN_FAULT_TURNS || 20);
const SEED = Number(process.env.QUERN_FAULT_SEED || Date.now() % 1000000);
const FIRST_AT_ONCE = Number(process.env.QUERN_FAULT_AT_ONCE || 10);
const AT_ONCE = 10;
const EVENTS = 35; // of a turn, about
const OFTEN = Number(process.env.QUERN_FAULT_OFTEN || 1);
const MINUTES = 2 + Math.max(TURNS / 100, OFTEN);

const rand = t.random(SEED);
const script = t.scriptOf(true);
let q, model, analyst, cases = 0;

const environment = () => ({...model.env, QUERN_AGENT_PROCESSES: '3'});
const database = () => until(() => { try { return q.sql('quern', 'SELECT 1'); } catch { return false; } }, 'the database is there');
const soon = (seconds = 90) => Date.now() + seconds * 1000;
const follower = (name = 'asker', drops = 0) => new t.Follower(q, analyst, {name, rand, drops});
const isGood = (bad) => assert.equal(bad.length, 0, bad.slice(0, 10).join('\n'));

// What a turn other than those of the script says of itself when it is over.
function isWhole(followers, status, text) {
	for (const f of followers) {
		assert.deepEqual(f.faults, [], f.name);
		assert.equal(f.status, status, `${f.name}: ${JSON.stringify(f.events.slice(-3))}`);
		assert.deepEqual(f.events.map((e) => e.id), f.events.map((e, i) => i + 1), f.name);
		if (text) assert.equal(f.events.filter((e) => e.event === 'message').at(-1).data.text, text, f.name);
	}
	assert.equal(q.sql('quern', `SELECT count(*) FROM turn_events WHERE turn_id = ${followers[0].turn}`), String(followers[0].last));
}

// Asks, and lets another client watch from the start.
async function askAndWatch(text) {
	const asker = follower(), watcher = follower('watcher');
	const over = new Promise((resolve, reject) => {
		asker.started = ({turn_id: turn}) => {
			watcher.turn = turn;
			resolve();
		};
		asker.over = asker.ask(text, soon()).catch(reject);
	});
	await over;
	watcher.over = watcher.follow(soon());
	return [asker, watcher];
}
// For whoever measures: make bench adds up these lines.
const figures = (of) => console.log(`# ${JSON.stringify(of)}`);
const overs = (followers) => Promise.all(followers.map((f) => f.over));

test('start', async () => {
	console.log(`seed ${SEED}`);
	model = await scripted([...t.rules(script), ...t.OTHERS]);
	cleanup(() => model.stop());
	q = await start({args: [], env: environment()});
	cleanup(() => q.stop());
	q.sql('quern', 'UPDATE projects SET queries_a_minute = 0, queries_at_once = 0');
	analyst = await new Client(q).signIn('analyst@example.com');
});

// A project holds a bounded number of learnings that nobody has looked at.
function lookAtLearnings() {
	try { q.sql('quern', "UPDATE learnings SET state = 'dismissed'"); } catch { /* the next time, then */ }
}

// Runs `count` turns of the script, so many at once.
async function runTurns(count, end, {drops, atOnce = AT_ONCE, turns = []} = {}) {
	let left = count;
	const lane = async () => {
		while (left-- > 0 && Date.now() < end) {
			if (++cases % 50 === 0) lookAtLearnings();
			turns.push(await t.runTurn(q, analyst, cases, rand, end, drops));
		}
	};
	await Promise.all(Array.from({length: atOnce}, lane));
	return turns;
}

// Notes how long it takes until others have the turns of a worker that is killed.
async function killWorker(resumed) {
	const pid = rand.one(t.agents(q)), held = t.heldBy(q, pid);
	t.kill(pid);
	const killed = Date.now();
	for (let left = held, taken; left.length; await sleep(25)) {
		({left, taken} = t.sinceHeld(q, left));
		for (let i = 0; i < taken; i++) resumed.push(Date.now() - killed);
	}
}

// Kills until all is over; the servers at a third and two thirds of the way.
async function wreak(progress, log, resumed) {
	const servers = [['SIGQUIT', 1 / 3], ['SIGINT', 2 / 3]];
	const did = (what) => log.set(what, (log.get(what) || 0) + 1);
	while (progress() < 1) {
		await sleep(rand.between(1000, 3000));
		if (servers.length && progress() > servers[0][1]) {
			const [signal] = servers.shift();
			did(`PostgreSQL by ${signal}`);
			t.kill(t.postgres(q), signal);
			continue;
		}
		try {
			if (rand.next() < 0.15) {
				t.kill(Number(q.sql('quern', "SELECT pid FROM pg_stat_activity WHERE usename = 'quern' ORDER BY random() LIMIT 1")), 'SIGTERM');
				did('a session of the database');
			} else {
				await killWorker(resumed);
				did('a worker');
			}
		} catch {
			did('nothing, the database was away');
		}
	}
}

const total = (list, of) => list.reduce((n, x) => n + of(x), 0);

test(`${TURNS} turns while workers are killed, PostgreSQL is restarted and clients come and go`, async () => {
	const end = Date.now() + MINUTES * 60000;
	const turns = [], log = new Map(), resumed = [];
	const began = Date.now();
	const all = runTurns(TURNS, end, {turns, atOnce: FIRST_AT_ONCE});
	const progress = () => (Date.now() > end ? 1 : Math.max(turns.length / TURNS, Math.min(0.99, t.Follower.asked / EVENTS / TURNS)));
	await Promise.all([all, wreak(progress, log, resumed)]);
	await database();
	const clients = turns.flatMap((turn) => turn.followers), wrong = t.judge(q, turns, script), twice = t.judgeWrites(q, turns);
	resumed.sort((a, b) => a - b);
	console.log(`killed: ${[...log].map(([what, n]) => `${what} ${n} times`).join(', ')}`);
	figures({turns: turns.length, seconds: (Date.now() - began) / 1000, not_done: TURNS - t.done(q, turns), wrong: wrong.length, written_twice: twice.length,
		taken_up: Number(q.sql('quern', 'SELECT sum(fence - 1) FROM turns')), resumed_p50_ms: resumed[resumed.length >> 1], resumed_max_ms: resumed.at(-1),
		clients: clients.length, connections: total(clients, (f) => f.connections), events: total(clients, (f) => f.events.length), rows_per_turn: t.rowsPerTurn(q, turns)});
	isGood([...wrong, ...twice]);
	assert.equal(turns.length, TURNS);
});

test('clients that leave all the time get every event once', async () => {
	const turns = await runTurns(5 * OFTEN, soon(60 * MINUTES), {drops: 1});
	const clients = turns.flatMap((turn) => turn.followers), connections = total(clients, (f) => f.connections);
	isGood([...t.judge(q, turns, script), ...t.judgeWrites(q, turns)]);
	assert.ok(connections > 4 * clients.length, 'they did leave');
	figures({left: connections - clients.length});
});

test('a turn goes on when its worker dies', async () => {
	const [asker, watcher] = await askAndWatch('Please tell a tale of a worker that died');
	await until(() => asker.deltas > 5, 'the tale has begun');
	const killed = Date.now();
	const again = new Promise((resolve) => { watcher.seen = (e) => { if (e.event === 'step' && e.data.state === 'running') resolve(Date.now() - killed); }; });
	t.kill(t.holder(q, asker.turn));
	console.log(`went on after ${await again} ms`);
	await overs([asker, watcher]);
	isWhole([asker, watcher], 'done', t.TALE);
});

test('a worker that stood still until others had its turn changes nothing any more', async () => {
	const [asker, watcher] = await askAndWatch('Please tell a tale of a worker that slept');
	await until(() => asker.deltas > 5, 'the tale has begun');
	const pid = t.holder(q, asker.turn), ours = watcher.connections, stopped = Date.now();
	const again = new Promise((resolve) => { watcher.seen = (e) => { if (e.event === 'step' && e.data.state === 'running') resolve(Date.now() - stopped); }; });
	t.kill(pid, 'SIGSTOP');
	// Who watches over the worker that stands still sees nothing and comes again: to another one.
	setTimeout(() => { for (const f of [asker, watcher]) f.leave(); }, 3000);
	console.log(`went on after ${await again} ms`);
	// Now both would write.
	t.kill(pid, 'SIGCONT');
	assert.notEqual(t.holder(q, asker.turn), pid);
	await overs([asker, watcher]);
	isWhole([asker, watcher], 'done', t.TALE);
	assert.ok(watcher.connections > ours);
	await until(() => t.agents(q).includes(pid), 'the worker works again');
});

test('a reload hands turns over, and nobody sees an error', async () => {
	const pairs = [];
	for (let i = 0; i < 4; i++) pairs.push(await askAndWatch(i % 2 ? `Please tell a tale of reload ${i}` : t.question(++cases)));
	await until(() => pairs.every(([asker]) => asker.last > 0), 'all have begun');
	const old = t.agents(q);
	t.kill(t.master(q), 'SIGHUP');
	await until(() => t.agents(q).some((pid) => !old.includes(pid)), 'the new workers are there');
	await overs(pairs.flat());
	for (const [i, pair] of pairs.entries()) isWhole(pair, 'done', i % 2 ? t.TALE : undefined);
	assert.deepEqual(pairs.flat().map((f) => f.refused), pairs.flat().map(() => 0), 'nobody was refused');
	await until(() => t.agents(q).every((pid) => !old.includes(pid)), 'the old workers are gone', 40);
});

test('turns go on when the service is stopped and started', async () => {
	const pairs = [];
	for (let i = 0; i < 3; i++) pairs.push(await askAndWatch(i ? t.question(++cases) : 'Please tell a tale of a stop'));
	await until(() => pairs.every(([asker]) => asker.last > 0), 'all have begun');
	t.kill(t.master(q), 'SIGTERM');
	await overs(pairs.flat());
	for (const [i, pair] of pairs.entries()) isWhole(pair, 'done', i ? undefined : t.TALE);
});

test('a killed session of the database, and with it all of them, costs no turn', async () => {
	const turns = runTurns(AT_ONCE * OFTEN, soon(60 * MINUTES));
	for (let i = 0; i < 2 * OFTEN; i++) {
		await sleep(rand.between(500, 2500));
		await database();
		const killed = Date.now();
		t.kill(Number(q.sql('quern', "SELECT pid FROM pg_stat_activity WHERE usename = 'quern' ORDER BY random() LIMIT 1")));
		await sleep(20);
		await database();
		const there = Date.now();
		await until(() => analyst.get('/p/shop').then((page) => page.status === 200, () => false), 'a page');
		console.log(`a session of the database was killed: the database was there after ${there - killed} ms, the first page ${Date.now() - there} ms later`);
	}
	isGood(t.judge(q, await turns, script));
});

// A power cut: everything that belongs to the instance, at once.
function cutPower() {
	t.kill(q.child.pid, 'SIGSTOP');
	const pids = t.allBelow(q.child.pid);
	for (const pid of pids) t.kill(pid, 'SIGSTOP');
	const all = [...new Set([...pids, ...t.allBelow(q.child.pid)]), q.child.pid];
	for (const pid of all) t.kill(pid);
	return all;
}

async function startAgain(killed) {
	await until(() => q.child.signalCode && !killed.some((pid) => t.kill(pid, 0)), 'all has ended');
	q = Object.assign(q, await start({args: [], env: environment(), dir: q.dir, port: q.port}));
}

test('after a power cut every turn that was taken ends', async () => {
	const turns = [], all = runTurns(AT_ONCE * OFTEN, soon(60 * MINUTES), {turns});
	for (let i = 0; i < OFTEN; i++) {
		await sleep(rand.between(500, 5000));
		await startAgain(cutPower());
	}
	await all;
	isGood([...t.judge(q, turns, script), ...t.judgeWrites(q, turns)]);
	assert.equal(turns.length, AT_ONCE * OFTEN);
	const audit = q.cli(['audit', 'verify']);
	assert.equal(audit.code, 0, audit.stdout + audit.stderr);
});

// Statements of turns that the project's database works on.
const statements = () => Number(q.sql('quern', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_reader' AND state = 'active'"));

test('a stop ends a turn at any point, and its query with it', async () => {
	const took = [];
	for (let i = 0; i < 5 * OFTEN; i++) {
		const asker = follower();
		const over = asker.ask(i % 2 ? 'Please count for ever' : 'Please tell a tale of an end', soon());
		await until(() => asker.turn, 'the turn has begun');
		await sleep(rand.between(0, 800));
		const asked = Date.now();
		assert.equal((await analyst.post(`/turns/${asker.turn}/stop`)).status, 204);
		await over;
		took.push(Date.now() - asked);
		isWhole([asker], 'stopped');
		await until(() => statements() === 0, 'no statement is left', 5);
	}
	took.sort((a, b) => a - b);
	figures({stops: took.length, stopped_p50_ms: took[took.length >> 1], stopped_max_ms: took.at(-1)});
});

for (const [field, limit, count] of [['turn_steps', 4, 4], ['turn_tokens', 440, 4], ['turn_cost', 4400, 4], ['turn_seconds', 3, 0]])
	test(`a model that never has enough is stopped at ${field}`, async () => {
		q.sql('quern', `UPDATE projects SET turn_steps = 100, turn_seconds = 0, turn_tokens = 0, turn_cost = 0;
			UPDATE projects SET ${field} = ${limit}; INSERT INTO project_models (project_id, place, format, url, model, price_in, price_out)
			SELECT id, 1, '', '', '', 10000000, 10000000 FROM projects ON CONFLICT DO NOTHING`);
		const asker = await follower().ask('This is never enough', soon());
		isWhole([asker], 'failed');
		const [error] = asker.events.filter((e) => e.event === 'error');
		assert.equal(error.data.code, field);
		const calls = Number(q.sql('quern', `SELECT count(*) FROM turn_steps WHERE turn_id = ${asker.turn} AND kind = 'reply'`));
		if (count) assert.equal(calls, count);
		assert.ok(calls > 0);
		q.sql('quern', 'UPDATE projects SET turn_steps = 0, turn_seconds = 0, turn_tokens = 0, turn_cost = 0');
	});

test('a model that fails once is asked again', async () => {
	const pairs = await Promise.all(['error', 'cut', 'garbage', 'wrong_json', '529', '429'].map((what) => askAndWatch(`Please stumble over ${what}`)));
	await overs(pairs.flat());
	for (const pair of pairs) isWhole(pair, 'done', 'This is the whole of it.');
});

test('a yes that comes hours later, to other workers, runs exactly what was asked for', async () => {
	const [asker, watcher] = await askAndWatch('Please run the long one');
	const status = () => q.sql('quern', `SELECT status FROM turns WHERE id = ${asker.turn}`);
	await until(() => status() === 'waiting', 'it waits');
	assert.equal(t.holder(q, asker.turn), 0, 'nobody works on it');
	const old = t.agents(q);
	t.kill(t.master(q), 'SIGTERM');
	await until(() => { const now = t.agents(q); return now.length && now.every((pid) => !old.includes(pid)); }, 'the service is another one', 40);
	// Of all that it may cost, waiting costs nothing.
	q.sql('quern', `UPDATE projects SET turn_seconds = 30; UPDATE turns SET started_at = started_at - interval '9 hours', taken_at = taken_at - interval '9 hours' WHERE id = ${asker.turn};
		UPDATE turn_events SET at = at - interval '9 hours' WHERE turn_id = ${asker.turn}`);
	await until(() => analyst.get('/p/shop').then((page) => page.status === 200, () => false), 'a page');
	const {id, hash} = asker.events.find((e) => e.event === 'approval').data;
	const answer = async (fields) => (await analyst.post(`/turns/${asker.turn}/answer`, {id, hash, ...fields})).status;
	assert.equal(await answer({approve: 'yes', hash: hash.replace(/./g, '0')}), 409, 'a yes to something else');
	assert.equal(await answer({approve: 'perhaps'}), 400);
	assert.equal(status(), 'waiting');
	assert.equal(await answer({approve: 'yes'}), 204);
	assert.equal(await answer({approve: 'no'}), 409, 'the answer was given');
	await overs([asker, watcher]);
	isWhole([asker, watcher], 'done', 'There are 42.');
	assert.equal(q.sql('quern', `SELECT count(*) FROM query_runs WHERE turn_id = ${asker.turn} AND outcome = 'done' AND background`), '1');
	q.sql('quern', 'UPDATE projects SET turn_seconds = 0');
});

run({seconds: MINUTES * 60 + 60});
