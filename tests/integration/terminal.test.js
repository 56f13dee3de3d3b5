#!/usr/bin/env node
// quern ask as a person at a terminal uses it, and as a program does: steps, JSON lines, Ctrl-C, questions back, turns that go on without it.
'use strict';

const assert = require('node:assert');
const {spawn} = require('node:child_process');
const {test, cleanup, skip, run} = require('../lib/runner.js');
const {root, quern, start, scripted, Client, until} = require('../lib/quern.js');
const t = require('../lib/turns.js');

const ASKS_BACK = [
	{match: 'what is our revenue', call: 0, reply: {tools: [{name: 'ask_user', input: {question: 'Net or gross?', options: ['Net', 'Gross']}}]}},
	{match: 'what is our revenue', reply: {text: '{{tool_result}}'}},
];
const THINKS = [{match: 'think about it', reply: {thinking: 'Let me see what there is.', text: 'I have thought.'}}];
const WIDE = [
	{match: 'all about customers', call: 0, reply: {tools: [{name: 'execute_sql', input: {sql: 'SELECT * FROM customers ORDER BY id LIMIT 2'}}]}},
	{match: 'all about customers', reply: {text: 'There they are.'}},
];
const HOSTILE = [{match: 'move the cursor', reply: {text: 'a\u001b[31mb\u009b31mc\u0007d\u007fe'}}];

const script = t.scriptOf(true);
let q, analyst;

test('start', async () => {
	const model = await scripted([...t.rules(script), ...t.OTHERS, ...ASKS_BACK, ...THINKS, ...WIDE, ...HOSTILE]);
	cleanup(() => model.stop());
	q = await start({args: [], env: model.env});
	cleanup(() => q.stop());
	Object.assign(q.env, model.env);
	q.sql('quern', 'UPDATE projects SET queries_a_minute = 0, queries_at_once = 0');
	analyst = await new Client(q).signIn('analyst@example.com');
});

// The program, running: {child, out, err, over} with over resolving to its exit code, or the signal that ended it.
function begin(argv, {env = {}, terminal = false, columns = 200} = {}) {
	const [file, args] = terminal ? ['script', ['-qefc', `stty cols ${columns}; exec ` + [quern, ...argv].map((a) => `'${a}'`).join(' '), '/dev/null']] : [quern, argv];
	const p = {out: '', err: ''};
	p.child = spawn(file, args, {cwd: root, env: {...process.env, ...q.env, TERM: 'xterm', NO_COLOR: '', ...env}, stdio: [terminal ? 'pipe' : 'ignore', 'pipe', 'pipe']});
	p.child.stdout.setEncoding('utf8').on('data', (d) => { p.out += d; });
	p.child.stderr.setEncoding('utf8').on('data', (d) => { p.err += d; });
	p.over = new Promise((resolve) => p.child.on('close', (code, signal) => resolve(signal || code)));
	return p;
}
const ask = (question, more = [], options = {}) => begin(['ask', '--project', 'shop', '--user', 'analyst@example.com', ...more, question], options);
const newest = () => Number(q.sql('quern', 'SELECT max(id) FROM turns'));
const status = (turn) => q.sql('quern', `SELECT status FROM turns WHERE id = ${turn}`);
const lines = (text) => text.trim().split('\n').map((line) => JSON.parse(line));

function needsTerminal() {
	try { require('node:child_process').execFileSync('script', ['--version']); } catch { skip('no script(1) to make a terminal'); }
}

test('into a pipe: the answer, its tables and its queries on one side, the steps on the other, and no colours', async () => {
	const p = ask(t.question(1));
	assert.equal(await p.over, 0, p.err);
	for (const text of t.textsOf(script, 1)) assert.ok(p.out.includes(text), text);
	assert.match(p.out, /status +n\n-+ +-+\n[\s\S]*SQL: SELECT status, count/);
	assert.match(p.out, /Run \d+, 1 row in \d+ ms\nTables: .*shop\.orders/);
	assert.match(p.err, /Thinking…\nThinking: done in \d+ ms\nQuerying the database…/);
	assert.doesNotMatch(p.out + p.err, /\x1b/);
});

test('on a terminal steps are dim, unless that was refused; thoughts are shown', async () => {
	needsTerminal();
	const p = ask('Please think about it', [], {terminal: true});
	assert.equal(await p.over, 0);
	assert.match(p.out, /\x1b\[2mThinking…\x1b\[0m/);
	assert.match(p.out, /\x1b\[2mLet me see what there is\.\x1b\[0m\r\n/);
	assert.match(p.out, /I have thought\./);
	for (const env of [{NO_COLOR: '1'}, {TERM: 'dumb'}]) {
		const plain = ask('Please think about it', [], {terminal: true, env});
		assert.equal(await plain.over, 0);
		assert.doesNotMatch(plain.out, /\x1b/);
	}
});

test('a table fits into the terminal, and cuts no number', async () => {
	needsTerminal();
	const ids = q.sql('shop', 'SELECT id FROM shop.customers ORDER BY id LIMIT 2').split('\n');
	for (const columns of [80, 30]) {
		const p = ask('All about customers', [], {terminal: true, columns});
		assert.equal(await p.over, 0, p.out);
		const rows = p.out.split('\r\n'), from = rows.findIndex((row) => /^-+ /.test(row));
		assert.deepEqual(rows.slice(from + 1, from + 3).map((row) => row.trim().split(' ')[0]), ids);
		for (const row of rows.slice(from - 1, from + 3)) assert.ok([...row.replace(/\x1b\[\d*m/g, '')].length <= columns, row);
		assert.equal(/too narrow for: .*created_at/.test(p.out), columns === 30, p.out);
	}
});

test('what is wrong is said in a sentence that helps', async () => {
	for (const [argv, code, words] of [
		[['ask', 'how many orders?'], 2, /--project is missing/],
		[['ask', '--project', 'shop'], 2, /there is no question/],
		[['ask', '--project', 'shop', 'how', 'many'], 2, /needs quotes around it/],
		[['ask', '--project', 'shop', ' '], 1, /the question is empty/],
		[['ask', '--watch', 'x'], 2, /--watch needs the number of a turn/],
		[['ask', '--watch', '1', 'why?'], 2, /--watch takes no question/],
		[['ask', '--project', 'nowhere', 'hi'], 1, /admin@example.com sees no project "nowhere"\nhint: .quern project list/],
		[['ask', '--project', 'shop', '--user', 'nobody@example.com', 'hi'], 1, /there is no account nobody@example.com\nhint: .quern user list/],
		[['ask', '--project', 'shop', '--time-zone', 'Atlantis/City', 'hi'], 1, /not the name of a time zone/],
	]) {
		const p = begin(argv);
		assert.equal(await p.over, code, p.err);
		assert.match(p.err, words);
		assert.equal(p.out, '');
	}
	q.cli(['user', 'add', 'outsider@example.com', '--name', 'Out'], {input: 'a password that is long'});
	const p = begin(['ask', '--project', 'shop', '--user', 'outsider@example.com', 'hi']);
	assert.equal(await p.over, 1);
	assert.match(p.err, /outsider@example.com sees no project "shop"/);
	const away = begin(['ask', '--project', 'shop', 'hi'], {env: {QUERN_DATABASE_URL: 'postgresql://quern@127.0.0.1:1/quern'}});
	assert.equal(await away.over, 1);
	assert.match(away.err, /could not reach the platform database\nhint: Check that PostgreSQL runs/);
});

test('a model moves no cursor', async () => {
	const p = ask('Please move the cursor');
	assert.equal(await p.over, 0);
	assert.match(p.out, /a\[31mb31mcde/);
});

test('--json writes each event when it happens, and the whole at the end', async () => {
	const p = ask('Please tell a tale in lines', ['--json']);
	await until(() => p.out.split('\n').length > 10, 'lines come while the answer is written');
	assert.equal(p.child.exitCode, null);
	assert.equal(await p.over, 0, p.err);
	const events = lines(p.out), result = events.pop();
	assert.equal(p.err, '');
	assert.deepEqual(Object.keys(events[0]), ['id', 'event', 'data']);
	assert.equal(events[0].event, 'turn');
	assert.deepEqual(events.map((e) => e.id).filter(Boolean), events.filter((e) => e.id).map((e, i) => i + 1));
	assert.equal(events.filter((e) => e.event === 'delta').map((e) => e.data.text).join(''), t.TALE);
	assert.equal(events.at(-1).event, 'done');
	assert.equal(result.event, 'result');
	assert.equal(result.status, 'done');
	assert.equal(result.answer, t.TALE.trim());
	assert.equal(result.turn_id, events[0].data.turn_id);
});

test('a conversation goes on', async () => {
	const first = lines(await finished(ask('Please think about it', ['--json']))).at(-1);
	const p = ask('Please think about it again', ['--json', '--conversation', String(first.conversation_id)]);
	assert.equal(await p.over, 0, p.err);
	assert.equal(lines(p.out).at(-1).conversation_id, first.conversation_id);
	assert.equal(q.sql('quern', `SELECT count(*) FROM turns WHERE conversation_id = ${first.conversation_id}`), '2');
	const other = ask('hi', ['--conversation', '999999']);
	assert.equal(await other.over, 1);
	assert.match(other.err, /not found/);
});

async function finished(p) {
	assert.equal(await p.over, 0, p.err);
	return p.out;
}

const statements = () => Number(q.sql('quern', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_reader' AND state = 'active'"));

for (const question of ['Please count for ever', 'Please tell a tale of an end'])
	test(`Ctrl-C stops the turn and its query: ${question}`, async () => {
		const p = ask(question);
		await until(() => (/count/.test(question) ? statements() : p.out.length > 50), 'it is under way');
		const turn = newest();
		p.child.kill('SIGINT');
		assert.equal(await p.over, 130, p.err);
		assert.match(p.err, /quern: stopped\n/);
		assert.equal(status(turn), 'stopped');
		await until(() => statements() === 0, 'no statement is left', 5);
	});

test('one Ctrl-C that arrives twice is one', async () => {
	const p = ask('Please tell a tale of a wrapper');
	await until(() => p.out.length > 50, 'it is under way');
	p.child.kill('SIGINT');
	await new Promise((resolve) => setTimeout(resolve, 10));
	p.child.kill('SIGINT');
	assert.equal(await p.over, 130);
	assert.match(p.err, /quern: stopped\n/);
	assert.doesNotMatch(p.err, /left at once/);
});

test('a second Ctrl-C ends at once', async () => {
	const p = ask('Please tell a tale of a wait');
	await until(() => p.out.length > 50, 'it is under way');
	const turn = newest(), server = t.postgres(q), all = [server, ...t.allBelow(server)];
	for (const pid of all) t.kill(pid, 'SIGSTOP');
	p.child.kill('SIGINT');
	await new Promise((resolve) => setTimeout(resolve, 300));
	assert.equal(p.child.exitCode, null);
	p.child.kill('SIGINT');
	assert.equal(await p.over, 130);
	for (const pid of all) t.kill(pid, 'SIGCONT');
	assert.match(p.err, /left at once; the turn may go on/);
	await until(() => ['stopped', 'done'].includes(status(turn)), 'the turn is over all the same', 40);
});

test('a question back is asked at the terminal; a number is the answer of that place', async () => {
	needsTerminal();
	const p = ask('What is our revenue?', [], {terminal: true});
	await until(() => /Net or gross\?\r\n {2}1\. Net\r\n {2}2\. Gross\r\n> $/.test(p.out), () => p.out);
	p.child.stdin.write('2\n');
	assert.equal(await p.over, 0, p.out);
	assert.match(p.out, /The person answered: Gross/);
});

test('without a terminal it says what it waits for, and the turn waits on', async () => {
	const p = ask('What is our revenue?');
	assert.equal(await p.over, 1);
	const turn = newest();
	assert.match(p.err, new RegExp(`quern: the turn waits for an answer: Net or gross\\? Net / Gross\nhint: Answer it at ${q.url}/p/shop/chat/\\d+, or on a terminal with .quern ask --watch ${turn}.`));
	assert.equal(status(turn), 'waiting');
	const json = ask('What is our revenue?', ['--json']);
	assert.equal(await json.over, 1);
	assert.equal(lines(json.out).at(-1).status, 'waiting');
	needsTerminal();
	const later = begin(['ask', '--user', 'analyst@example.com', '--watch', String(turn)], {terminal: true});
	await until(() => later.out.endsWith('> '), 'the question is asked again');
	later.child.stdin.write('Only what was paid\n');
	assert.equal(await later.over, 0, later.out);
	assert.match(later.out, /The person answered: Only what was paid/);
});

test('Ctrl-C while a question back is asked stops the turn', async () => {
	needsTerminal();
	const p = ask('What is our revenue?', [], {terminal: true});
	await until(() => p.out.endsWith('> '), 'the question is asked');
	const turn = newest();
	p.child.stdin.write('\x03');
	assert.equal(await p.over, 130, p.out);
	assert.match(p.out, /quern: stopped/);
	assert.equal(status(turn), 'stopped');
});

test('--watch follows a turn that runs elsewhere; who leaves it does not stop it', async () => {
	const asker = new t.Follower(q, analyst, {name: 'asker', rand: t.random(1)});
	const over = asker.ask('Please tell a tale to watch');
	await until(() => asker.turn, 'the turn has begun');
	const watch = () => begin(['ask', '--user', 'analyst@example.com', '--watch', String(asker.turn), '--json']);
	const left = watch(), p = watch();
	await until(() => left.out.includes('delta'), 'it is seen');
	left.child.kill('SIGINT');
	assert.equal(await left.over, 130);
	assert.match(left.err, /goes on in the service/);
	assert.equal(await p.over, 0, p.err);
	await over;
	assert.equal(asker.status, 'done');
	const events = lines(p.out);
	assert.deepEqual(events.filter((e) => e.id).map((e) => e.id), asker.events.map((e) => e.id));
	assert.equal(events.at(-1).answer, t.TALE.trim());
	const stranger = begin(['ask', '--user', 'viewer@example.com', '--watch', String(asker.turn)]);
	assert.equal(await stranger.over, 1);
});

for (const [signal, code] of [['SIGTERM', 143], ['SIGHUP', 129], ['SIGKILL', 'SIGKILL']])
	test(`the service goes on with the turn of a command that ends by ${signal}`, async () => {
		const p = ask('Please tell a tale that goes on');
		await until(() => p.out.length > 50, 'it is under way');
		const turn = newest(), killed = Date.now();
		p.child.kill(signal);
		assert.equal(await p.over, code, p.err);
		if (signal !== 'SIGKILL') assert.match(p.err, new RegExp(`turn ${turn} goes on in the service; see it with .quern ask --watch ${turn}.`));
		await until(() => t.agents(q).includes(t.holder(q, turn)), 'a worker of the service has it');
		console.log(`taken up within ${Date.now() - killed} ms`);
		const seen = await finished(begin(['ask', '--user', 'analyst@example.com', '--watch', String(turn), '--json']));
		assert.equal(lines(seen).at(-1).answer, t.TALE.trim());
	});

test('a command that stood still while the service took its turn follows it there', async () => {
	const p = ask('Please tell a tale of a command that slept', ['--json']);
	await until(() => p.out.includes('delta'), 'it is under way');
	const turn = newest();
	p.child.kill('SIGSTOP');
	await until(() => t.agents(q).includes(t.holder(q, turn)), 'a worker of the service has it');
	p.child.kill('SIGCONT');
	assert.equal(await p.over, 0, p.err);
	const events = lines(p.out);
	assert.deepEqual(events.filter((e) => e.id).map((e) => e.id), events.filter((e) => e.id).map((e, i) => i + 1));
	assert.equal(events.at(-1).answer, t.TALE.trim());
});

run({seconds: 120});
