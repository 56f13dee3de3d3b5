#!/usr/bin/env node
// Turns while workers and servers die and clients come and go: every turn ends, nobody loses an event or gets one twice, and
// nothing is done twice. QUERN_FAULT_TURNS is how many turns the first test runs (40), QUERN_FAULT_SEED what happens when.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, Client, sleep, until} = require('../lib/quern.js');
const {random, scriptOf, rules, runTurn, judge, judgeWrites, postgres, agents, kill} = require('../lib/turns.js');

const TURNS = Number(process.env.QUERN_FAULT_TURNS || 40);
const SEED = Number(process.env.QUERN_FAULT_SEED || Date.now() % 1000000);
const AT_ONCE = 10;
const MINUTES = 1 + TURNS / 30;

const rand = random(SEED);
const script = scriptOf(true);
let q, analyst;

test('start', async () => {
	console.log(`seed ${SEED}`);
	const model = await scripted(rules(script));
	cleanup(() => model.stop());
	q = await start({args: [], env: {...model.env, QUERN_AGENT_PROCESSES: '3'}});
	cleanup(() => q.stop());
	q.sql('quern', 'UPDATE projects SET queries_a_minute = 0, queries_at_once = 0');
	analyst = await new Client(q).signIn('analyst@example.com');
});

// Kills until `over()`; the servers at a third and two thirds of the way.
async function wreak(progress, log) {
	const servers = [['SIGQUIT', 1 / 3], ['SIGINT', 2 / 3]];
	while (progress() < 1) {
		await sleep(rand.between(1500, 4000));
		if (servers.length && progress() > servers[0][1]) {
			const [signal] = servers.shift();
			log.push(`PostgreSQL ${signal}`);
			kill(postgres(q), signal);
			continue;
		}
		let pids;
		try { pids = agents(q); } catch { continue; }
		if (!pids.length) continue;
		if (rand.next() < 0.15) {
			log.push('a session of the database');
			try { kill(Number(q.sql('quern', "SELECT pid FROM pg_stat_activity WHERE usename = 'quern' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1")), 'SIGTERM'); } catch { /* it is away */ }
			continue;
		}
		log.push('a worker');
		kill(rand.one(pids));
	}
}

test(`${TURNS} turns while workers are killed, PostgreSQL is restarted and clients come and go`, async () => {
	const end = Date.now() + MINUTES * 60000;
	const turns = [], log = [];
	let next = 0;
	const lane = async () => {
		while (next < TURNS && Date.now() < end) turns.push(await runTurn(q, analyst, ++next, rand, end));
	};
	const began = Date.now();
	await Promise.all([wreak(() => (Date.now() > end ? 1 : turns.length / TURNS), log), ...Array.from({length: AT_ONCE}, lane)]);
	console.log(`${turns.length} turns in ${((Date.now() - began) / 1000).toFixed(1)} s; ended: ${log.join(', ')}`);
	console.log(`${turns.flatMap((t) => t.followers).reduce((n, f) => n + f.connections, 0)} connections, taken up ${q.sql('quern', 'SELECT sum(fence - 1) FROM turns')} times`);
	await until(() => { try { return q.sql('quern', 'SELECT 1'); } catch { return false; } }, 'the database is there');
	const bad = [...judge(q, turns, script), ...judgeWrites(q, turns)];
	assert.equal(bad.length, 0, bad.slice(0, 10).join('\n'));
	assert.equal(turns.length, TURNS);
});

run({seconds: MINUTES * 60 + 60});
