// Turns as people have them, through nginx and TLS to the scripted provider and back: many that stream at once, and many with a
// query between two calls of the model.
'use strict';

const {spawn} = require('node:child_process');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const {build, sleep} = require('../lib/quern.js');
const {instanceProcesses, pssKb, cpuSeconds} = require('./process.js');

const STEADY = 20; // seconds that are measured
const SLACK = 12;  // and those around them
// turns at once, those that begin in a second, deltas of each in a second
const crowds = {bench: {turns: 2000, rate: 200, speed: 20}, crowd: {turns: 10000, rate: 250, speed: 2}};
const tools = {turns: 500, rate: 25, deltas: 3};

const deltasOf = ({turns, rate, speed}) => Math.ceil(turns / rate * 1.2 + STEADY + SLACK) * speed;

// What the scripted provider answers to each of these.
const rules = [
	...Object.entries(crowds).map(([name, crowd]) => ({match: `^${name}$`, reply: {bench: {deltas: deltasOf(crowd), per_second: crowd.speed}}})),
	{match: '^tool$', call: 0, reply: {tools: [{name: 'execute_sql', input: {sql: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at'}}]}},
	{match: '^tool$', call: 1, reply: {text: 't{{rows.0.0}},{{asked_us}} ', chunk: 100, bench: {deltas: tools.deltas, per_second: 50}}},
];

const needs = {threads: crowds.crowd.turns / 2 + 200, connections: 32768};

async function client({web, client: c, cookie, q, ending}, question, options, onEvent = () => {}) {
	const args = {port: web.port, origin: q.env.QUERN_URL, cookie, csrf: c.csrf, path: '/p/shop/turns', question, ...options};
	const child = spawn(path.join(build, 'bench-turns'), Object.entries(args).filter(([, v]) => v !== false)
		.flatMap(([name, value]) => value === true ? [`--${name}`] : [`--${name}`, String(value)]), {stdio: ['ignore', 'pipe', 'inherit']});
	ending.push(() => child.kill());
	let result;
	for await (const line of readline.createInterface({input: child.stdout})) {
		const event = JSON.parse(line);
		if (event.event === 'result') result = event;
		else onEvent(event.event, child.pid);
	}
	if (!result) throw new Error('bench-turns gave no result');
	return result;
}

// Many streams at once. One client in 50 hangs up in the middle and comes back for the rest.
async function crowd(shared, {report, say, complaints}, name, prefix, plain = false) {
	const {q, web, model} = shared, {turns, rate} = crowds[name];
	const agents = () => instanceProcesses(q).filter((p) => p.pool === 'agent').map((p) => p.pid);
	const memory = () => agents().reduce((sum, pid) => sum + pssKb(pid), 0);
	const watched = () => ({agent: agents(), nginx: [web.child.pid], provider: [model.child.pid], postgres: [q.child.pid]});
	const before = memory();
	let after, cpu;
	const result = await client(shared, name, {turns, rate, seconds: STEADY, deltas: deltasOf(crowds[name]), drop: 50,
		port: plain ? web.plain : web.port, plain}, (event, pid) => {
		if (event === 'steady') cpu = cpuSeconds(watched(), pid);
		if (event === 'measured') {
			const now = cpuSeconds(watched(), pid);
			cpu = Object.entries(now).map(([who, seconds]) => `${who} ${((seconds - cpu[who]) / (STEADY + 1)).toFixed(2)}`);
			after = memory();
		}
	});
	if (!after) {
		complaints(q);
		throw new Error(`only some of ${turns} turns streamed, ${result.failed} failed`);
	}
	say(`  ${result.deltas} deltas in ${STEADY} s, delay p50 ${result.p50_ms} p90 ${result.p90_ms} max ${result.max_ms} ms; ${result.dropped} clients left and came back; ` +
		`cores used of ${os.cpus().length}: ${cpu.join(', ')}`);
	report(`${prefix}.p99_delay_ms`, result.p99_ms, 'ms', '< 30');
	report(`${prefix}.kb_per_turn`, (after - before) / turns, 'KB', '< 150');
	report(`${prefix}.failures`, result.failed, 'turns', '<= 0');
	report(`${prefix}.lost_or_doubled`, result.wrong, 'events', '<= 0');
	if (result.failed || result.wrong) complaints(q);
}

// Rows that were written, transactions, and the log of the platform database so far.
async function written(q) {
	await sleep(12000); // until every connection has told its figures
	const [rows, commits, bytes, syncs] = q.sql('quern', `SELECT (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables),
		xact_commit, (SELECT wal_bytes FROM pg_stat_wal), (SELECT wal_sync FROM pg_stat_wal)
		FROM pg_stat_database WHERE datname = 'quern'`).split('|').map(Number);
	return {rows, commits, bytes, syncs};
}

// Turns with two calls of the model and a query between them, few at a time.
async function withTools(shared, {report, say, complaints}) {
	const {q} = shared;
	q.sql('quern', 'UPDATE projects SET queries_a_minute = 0');
	await client(shared, 'tool', {turns: 10, rate: 10, seconds: 0, deltas: tools.deltas});
	const before = await written(q);
	const r = await client(shared, 'tool', {turns: tools.turns, rate: tools.rate, seconds: 0, deltas: tools.deltas});
	const after = await written(q);
	const each = (what) => (after[what] - before[what]) / tools.turns;
	say(`  ${r.turns} turns with a query, ${tools.rate} a second: query to request p99 ${r.gap_p99_ms} ms; model to browser p90 ${r.p90_ms} p99 ${r.p99_ms} ms; ` +
		`of each ${each('commits').toFixed(1)} transactions, ${each('syncs').toFixed(1)} waits for the disk, ${(each('bytes') / 1024).toFixed(1)} KB of log`);
	report('turns.tool_to_model_ms', r.gap_p50_ms, 'ms', '< 2');
	report('turns.model_to_browser_ms', r.p50_ms, 'ms', '< 2');
	report('turns.writes_per_turn', each('rows'), 'rows');
	if (r.failed || r.wrong || r.gaps !== r.turns) {
		complaints(q);
		throw new Error(`${r.failed} turns failed, ${r.wrong} events were wrong, ${r.gaps} of ${r.turns} times were told`);
	}
}

module.exports = {rules, needs, crowd, withTools};
