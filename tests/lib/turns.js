// Turns under faults: a scripted model whose answers are known to the letter, clients that watch turns and tell whatever they lost or
// got twice, and the faults: workers and servers that die, clients that leave.
'use strict';

const {execFileSync} = require('node:child_process');
const fs = require('node:fs');
const https = require('node:https');
const {quern, Client, sleep} = require('./quern.js');

// Numbers that look random and come again with the same seed.
function random(seed) {
	let s = seed >>> 0;
	const next = () => {
		s = (s + 0x6d2b79f5) >>> 0;
		let t = Math.imul(s ^ (s >>> 15), 1 | s);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	return {next, between: (from, to) => from + next() * (to - from), one: (list) => list[Math.floor(next() * list.length)]};
}

// The script ---------------------------------------------------------------------------------------------------------------

const LONG = Array.from({length: 12}, (_, i) => `Part ${i + 1} of the answer says that nothing was left out — not a word, not an ö.`).join('\n\n');
const HEAVY = "SELECT count(*) AS n FROM orders a JOIN orders b ON a.id <> b.id AND a.id < 300";

// What the model says in each of its replies to "Work through case N", and the tools that it calls with it.
function scriptOf(learns) {
	const learning = learns ? [{name: 'save_learning', input: {text: 'What {{question}} has taught us.', tables: ['orders']}}] : [];
	return [
		{text: '{{question}}: I begin.', tools: [{name: 'execute_sql', input: {sql: 'SELECT status, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1'}},
			{name: 'describe_table', input: {table: 'customers'}}]},
		{text: 'One step further.', tools: [...learning, {name: 'execute_sql', input: {sql: HEAVY}}]},
		{text: 'And a last look.', tools: [{name: 'execute_sql', input: {sql: 'SELECT count(*) AS n FROM customers'}}]},
		{text: `{{question}} is done.\n\n${LONG}`},
	];
}

function rules(script, {delay = 30, chunk = 16} = {}) {
	let call = 0;
	return script.map((reply) => {
		const rule = {match: 'work through case', call, reply: {...reply, delay, chunk}};
		call += reply.tools?.length || 0;
		return rule;
	});
}

// Other questions: one whose query takes longer than anybody waits, one whose answer does, one that goes on for ever, one that needs a
// yes, and those that meet a model that fails once.
const TALE = Array.from({length: 100}, (_, i) => `${i + 1} `.padEnd(16, '.')).join('');
const ENDLESS = 'SELECT count(*) AS n FROM orders a, orders b, orders c, orders d';
const OTHERS = [
	{match: 'count for ever', call: 0, reply: {text: 'I count.', tools: [{name: 'execute_sql', input: {sql: ENDLESS}}]}},
	{match: 'count for ever', reply: {text: 'That took too long.'}},
	{match: 'tell a tale', reply: {text: TALE, chunk: 16, delay: 40}},
	{match: 'run the long one', call: 0, reply: {text: 'That takes long.', tools: [{name: 'run_long_query', input: {sql: 'SELECT count(*) AS n FROM orders WHERE id < 43'}}]}},
	{match: 'run the long one', reply: {text: 'There are {{rows.0.0}}.'}},
	{match: 'never enough', reply: {text: 'Once more.', tools: [{name: 'execute_sql', input: {sql: 'SELECT {{row_count}} + 1 AS n'}}], first_delay: 150, usage: {input: 100, output: 10}}},
	...['error', 'cut', 'garbage', 'wrong_json'].flatMap((then) => [
		{match: `stumble over ${then}$`, times: 1, reply: {text: 'This is as far as it ', chunk: 4, delay: 20, then}},
		{match: `stumble over ${then}$`, reply: {text: 'This is the whole of it.'}},
	]),
	{match: 'stumble over 529$', times: 2, reply: {status: 529, error: {type: 'overloaded_error', message: 'Overloaded'}}},
	{match: 'stumble over 429$', times: 1, reply: {status: 429, retry_after: 1, error: {type: 'rate_limit_error', message: 'Slowly'}}},
	{match: 'stumble over (529|429)$', reply: {text: 'This is the whole of it.'}},
];

const lines = (q, sql) => q.sql('quern', sql).split('\n').filter(Boolean);
const question = (n) => `Work through case ${n}`;
const textsOf = (script, n) => script.map((reply) => reply.text.replaceAll('{{question}}', question(n)));

// A stream without events has a heartbeat every 15 s.
const SILENCE_S = 30;

// Clients ------------------------------------------------------------------------------------------------------------------

// A client that follows one turn until it is done, whatever breaks: it comes again with the number of the last event that it
// got. `faults` says what must not happen and did.
class Follower {
	constructor(q, {cookies, csrf}, {name, rand, drops = 0}) {
		this.client = Object.assign(new Client(q), {cookies, csrf});
		this.client.agent = new https.Agent({rejectUnauthorized: false}); // a question on a kept connection might be sent twice
		Object.assign(this, {name, rand, drops, last: 0, events: [], faults: [], text: '', connections: 0, refused: 0, done: false, deltas: 0});
	}

	take(event) {
		if (event.event === 'turn') {
			this.turn = event.data.turn_id;
			this.started?.(event.data);
		} else if (event.event === 'delta') {
			this.deltas++;
			this.text += event.data.text;
		} else if (event.id) {
			if (event.id !== this.last + 1) this.faults.push(`event ${event.id} after ${this.last}`);
			if (this.done) this.faults.push(`${event.event} after done`);
			this.last = event.id;
			this.events.push(event);
			if (this.name === 'asker') Follower.asked++;
			this.check(event);
			this.seen?.(event);
		}
	}

	// What was seen of a text is its beginning; a step that is begun anew makes it void.
	check({event, data}) {
		if (event === 'message') {
			if (!data.text.startsWith(this.text)) this.faults.push(`text ${JSON.stringify(this.text.slice(-80))} is no beginning of ${JSON.stringify(data.text.slice(0, 80))}`);
			this.text = '';
		}
		if (event === 'step' && data.name === 'model' && data.state === 'running') this.text = '';
		if (event === 'done') {
			this.done = true;
			this.status = data.status;
		}
	}

	// One connection, left after some events if it is one to be left, or by leave().
	async once(open) {
		const leave = new AbortController();
		this.leave = () => leave.abort();
		let left = this.rand.next() < this.drops ? Math.ceil(this.rand.between(0, this.drops < 1 ? 60 : 8)) : Infinity;
		this.text = '';
		this.connections++;
		const parse = Client.events((event) => {
			if (leave.signal.aborted) return;
			this.take(event);
			if (--left <= 0) leave.abort();
		});
		let silence = setTimeout(() => {}, 0);
		const feed = (text) => {
			clearTimeout(silence);
			silence = setTimeout(() => { this.faults.push(`nothing came for ${SILENCE_S} s behind event ${this.last}`); leave.abort(); }, SILENCE_S * 1000);
			parse(text);
		};
		feed('');
		const done = await open(feed, leave.signal).catch((e) => ({status: 0, error: e}));
		clearTimeout(silence);
		return done;
	}

	watch(feed, signal) {
		const [url, headers] = this.rand.next() < 0.5 ? [`/turns/${this.turn}/events?after=${this.last}`, {}]
			: [`/turns/${this.turn}/events`, {'Last-Event-ID': String(this.last)}];
		return this.client.get(url, {onData: feed, signal, headers: {Accept: 'text/event-stream', ...headers}});
	}

	async follow(until = Infinity) {
		while (!this.done && Date.now() < until) {
			const {status} = await this.once((feed, signal) => this.watch(feed, signal));
			if (status !== 200) this.refused++;
			if ([401, 403, 404].includes(status)) throw new Error(`watching turn ${this.turn} was refused with ${status}`);
			if (!this.done) await sleep(this.rand.between(20, 300));
		}
		return this;
	}

	// Asks until somebody says that the question was taken, and follows its turn.
	async ask(text, until = Infinity) {
		while (!this.turn && Date.now() < until) {
			const done = await this.once((feed, signal) => this.client.post('/p/shop/turns', {question: text},
				{onData: feed, signal, headers: {Accept: 'text/event-stream'}}));
			if (this.turn) break;
			if (![0, 200, 502, 503].includes(done.status)) throw new Error(`asking gave ${done.status}: ${done.text}`);
			await sleep(this.rand.between(100, 500));
		}
		return this.follow(until);
	}
}

Follower.asked = 0; // events that askers got

// Turn n with its asker, one who watches from the start and one who comes late.
async function runTurn(q, person, n, rand, until, drops = 0.5) {
	const followers = ['asker', 'watcher', 'late'].map((name) => new Follower(q, person, {name, rand, drops}));
	const [asker, watcher, late] = followers;
	const others = new Promise((resolve) => {
		asker.started = ({turn_id: turn}) => {
			asker.started = null;
			watcher.turn = late.turn = turn;
			resolve(Promise.all([watcher.follow(until), sleep(rand.between(300, 6000)).then(() => late.follow(until))]));
		};
	});
	await asker.ask(question(n), until);
	if (asker.turn) await others;
	return {n, turn: asker.turn, followers};
}

// What must hold once all is over. Resolves to a list of sentences, empty when all is well. --------------------------------------

function judge(q, turns, script) {
	const bad = [];
	const rows = JSON.parse(q.sql('quern', `SELECT coalesce(json_object_agg(turn_id, events), '{}') FROM (SELECT turn_id,
		json_agg(json_build_object('id', seq, 'event', kind, 'data', body) ORDER BY seq) AS events
		FROM turn_events WHERE turn_id IN (${idsOf(turns)}) GROUP BY 1) x`));
	for (const {n, turn, followers} of turns) {
		const say = (what) => bad.push(`case ${n}, turn ${turn}: ${what}`);
		const stored = rows[turn] || [];
		if (!turn) say('was never taken');
		if (stored.some((e, i) => e.id !== i + 1)) say(`its rows are ${stored.map((e) => e.id)}`);
		if (stored.filter((e) => e.event === 'done').length !== 1 || stored.at(-1)?.event !== 'done') say('it has not one end');
		if (stored.at(-1)?.data.status !== 'done') say(`ended ${JSON.stringify(stored.slice(-2).map((e) => e.data))}`);
		const texts = stored.filter((e) => e.event === 'message').map((e) => e.data.text);
		if (JSON.stringify(texts) !== JSON.stringify(textsOf(script, n))) say(`its texts are ${JSON.stringify(texts).slice(0, 300)}`);
		const results = stored.filter((e) => e.event === 'tool_result');
		if (new Set(results.map((e) => e.data.id)).size !== results.length) say('a call has two results');
		for (const f of followers) {
			for (const fault of f.faults) say(`${f.name}: ${fault}`);
			if (f.last !== stored.length) say(`${f.name}: got ${f.last} of ${stored.length} events`);
			const differs = f.events.find((e, i) => !same(e, stored[i]));
			if (differs) say(`${f.name}: event ${differs.id} is not what was stored: ${JSON.stringify(differs)}`);
		}
	}
	const open = q.sql('quern', `SELECT count(*) FROM turns WHERE status NOT IN ('done', 'stopped')`);
	if (open !== '0') bad.push(`${open} turns did not end well: ${q.sql('quern', `SELECT id, status, error FROM turns WHERE status NOT IN ('done', 'stopped') LIMIT 3`)}`);
	return bad;
}

// As JSON with its members in order: the database keeps them in its own.
const ordered = (v) => (Array.isArray(v) ? v.map(ordered) : v && typeof v === 'object' ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, ordered(v[k])])) : v);
const same = (a, b) => a && b && a.id === b.id && a.event === b.event && JSON.stringify(ordered(a.data)) === JSON.stringify(ordered(b.data));

// What a tool that writes did: each turn's learning is there once, and was there first.
function judgeWrites(q, turns) {
	const rows = q.sql('quern', `SELECT t.id, (SELECT count(*) FROM learnings l WHERE l.turn_id = t.id),
		(SELECT count(*) FROM turn_effects e WHERE e.turn_id = t.id),
		(SELECT count(*) FROM turn_steps s WHERE s.turn_id = t.id AND s.body->>'text' LIKE 'Not offered%')
		FROM turns t WHERE t.id IN (${idsOf(turns)})`).split('\n').filter(Boolean).map((line) => line.split('|').map(Number));
	return rows.filter(([, learnings, effects, again]) => learnings !== 1 || effects !== 1 || again !== 0)
		.map(([id, learnings, effects, again]) => `turn ${id}: ${learnings} learnings, ${effects} effects, ${again} of them again`);
}

const idsOf = (turns) => turns.map((t) => t.turn).filter(Boolean).join() || '0';
const done = (q, turns) => Number(q.sql('quern', `SELECT count(*) FROM turns WHERE id IN (${idsOf(turns)}) AND status = 'done'`));
// Events and steps that are kept of each.
const rowsPerTurn = (q, turns) => Number(q.sql('quern', `SELECT ((SELECT count(*) FROM turn_events WHERE turn_id IN (${idsOf(turns)}))
	+ (SELECT count(*) FROM turn_steps WHERE turn_id IN (${idsOf(turns)}))) / ${turns.length}.0`));

// Processes ----------------------------------------------------------------------------------------------------------------

function children(pid) {
	if (!pid) return [];
	try {
		return execFileSync('pgrep', ['-P', String(pid)], {encoding: 'utf8'}).trim().split('\n').map(Number);
	} catch {
		return [];
	}
}

function command(pid) {
	try {
		return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
	} catch {
		return '';
	}
}

const master = (q) => children(q.child.pid).find((pid) => command(pid).startsWith(`${quern}\0serve`));
const postgres = (q) => children(q.child.pid).find((pid) => command(pid).includes('/postgres\0'));
const allBelow = (pid) => children(pid).flatMap((child) => [child, ...allBelow(child)]);

function kill(pid, signal = 'SIGKILL') {
	if (!(pid > 1)) return false; // 0 would be this program itself and all with it
	try {
		process.kill(pid, signal);
		return true;
	} catch {
		return false;
	}
}

// The process that works on a turn.
const holder = (q, turn) => Number(q.sql('quern', `SELECT w.pid FROM turns t JOIN workers w ON w.id = t.worker_id WHERE t.id = ${turn}`));

// Turns that a process works on: [[id, fence]]; and what became of them: who nobody took up, how many somebody did. Others ended by
// themselves. The database may be away for a while.
const pairs = (q, sql) => lines(q, sql).map((line) => line.split('|').map(Number));
const heldBy = (q, pid) => pairs(q, `SELECT t.id, t.fence FROM turns t JOIN workers w ON w.id = t.worker_id WHERE w.pid = ${pid} AND t.status = 'running'`);
function sinceHeld(q, held) {
	try {
		const now = new Map(pairs(q, `SELECT id, CASE WHEN status = 'running' OR fence > (ARRAY[${held.map(([, fence]) => fence)}])[n] THEN fence END
			FROM turns JOIN unnest(ARRAY[${held.map(([id]) => id)}]) WITH ORDINALITY AS held (turn, n) ON id = turn`));
		return {left: held.filter(([id, fence]) => now.get(id) === fence), taken: held.filter(([id, fence]) => now.get(id) > fence).length};
	} catch {
		return {left: held, taken: 0};
	}
}

// Workers of the agent pool: those that renew a lease.
function agents(q) {
	const below = new Set(children(master(q)));
	return q.sql('quern', 'SELECT pid FROM workers ORDER BY id').split('\n').map(Number).filter((pid) => below.has(pid));
}

module.exports = {random, scriptOf, rules, OTHERS, TALE, question, textsOf, holder, heldBy, sinceHeld, Follower, runTurn, judge, judgeWrites, done, rowsPerTurn, children, allBelow, master, postgres, agents, kill};
