// make bench [BENCH="page turns"]: measures a private instance and this build's programs on this machine, prints a table and
// writes BUILD/bench.json: name -> {value, unit, aim}. Figures of other machines say little; ratios and the order of size do.
'use strict';

const {spawn, spawnSync} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {root, build, quern, start, Client, cli, freePort, sleep, until, shared: sharedFile} = require('../lib/quern.js');
const {instanceProcesses, pssKb, cpuSeconds} = require('./process.js');
const seed = require('./seed.js');
const artifacts = require('../lib/artifacts.js');
const turns = require('./turns.js');
const frames = require('./artifact.js');

const results = {};
const say = (text) => process.stderr.write(`${text}\n`);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// aim: "< 20", ">= 0.15", or '' where there is none.
function report(name, value, unit, aim = '') {
	results[name] = {value: Number(value.toPrecision(4)), unit, aim};
	const [, sign, bound] = /^(\S+) (\S+)$/.exec(aim) || [];
	const met = !sign ? '' : (sign === '<' ? value < bound : sign === '<=' ? value <= bound : value >= bound) ? 'met' : 'MISSED';
	say(`  ${name.padEnd(26)} ${String(results[name].value).padStart(10)} ${unit.padEnd(10)} ${aim && `aim ${aim}`.padEnd(14)} ${met}`);
}

function program(name, args, env = {}) {
	const done = spawnSync(path.join(build, name), args, {encoding: 'utf8', cwd: root, maxBuffer: 1 << 28, env: {...process.env, ...env}});
	if (done.status !== 0) throw new Error(`${name}: ${done.stderr}`);
	return done.stdout;
}

// The instance that the benches share: started when the first one asks for it. ------------------------------------------

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-bench-'));
const ending = [];
let shared;

async function stopChild(child, signal = 'SIGTERM') {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = new Promise((resolve) => child.on('exit', resolve));
	child.kill(signal);
	await ended;
}

// The scripted provider; resolves to its address.
async function provider(rules) {
	const file = path.join(work, 'scenario.json');
	fs.writeFileSync(file, JSON.stringify({rules}));
	const child = spawn(path.join(build, 'scripted-provider'), ['--port', '0', '--scenario', file], {stdio: ['ignore', 'pipe', 'inherit']});
	ending.push(() => stopChild(child));
	const port = await new Promise((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
	return {url: `http://127.0.0.1:${port}`, child};
}

// nginx with the instance's own configuration, and beside it a listener without TLS and one file under /bench/.
async function nginx(q, connections) {
	const dir = path.join(work, 'nginx'), port = await freePort(), plain = await freePort();
	fs.mkdirSync(path.join(dir, 'files'), {recursive: true});
	let conf = fs.readFileSync(path.join(q.dir, 'nginx.conf'), 'utf8')
		.replaceAll(`${q.dir}/nginx`, dir)
		.replace(/listen .* ssl/, (text) => `listen 127.0.0.1:${plain} backlog=4096;\n\t\t${text.replace(/:\d+/, `:${port}`)}`)
		.replaceAll(/rate=\d+r\/s/g, 'rate=1000000r/s') // all requests come from one address
		.replace('location / {', `location /bench/ {\n\t\t\talias ${dir}/files/;\n\t\t}\n\n\t\tlocation / {`);
	if (connections) conf = conf.replace(/worker_connections \d+/, `worker_connections ${connections}`);
	if (!/^daemon off/m.test(conf)) conf = `daemon off;\n${conf}`;
	fs.writeFileSync(path.join(dir, 'nginx.conf'), conf);
	const child = spawn('nginx', ['-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', path.join(dir, 'error.log')], {stdio: 'inherit'});
	ending.push(() => stopChild(child));
	const client = new Client({...q, port});
	await until(() => client.get('/health').then((r) => r.status === 200, () => false), 'nginx answers');
	return {port, plain, child, files: path.join(dir, 'files')};
}

// large: room for more than the settings give of themselves.
async function instance({large = false} = {}) {
	if (shared) return shared;
	say('starting an instance');
	const model = await provider(turns.rules);
	const q = await start({args: [], env: {QUERN_LLM_URL: model.url, QUERN_LLM_KEY: 'bench', QUERN_LLM_MODEL: 'scripted',
		...(large ? {QUERN_AGENT_THREADS: turns.needs.threads} : {})}});
	ending.unshift(() => q.stop());
	const web = await nginx(q, large ? turns.needs.connections : 0);
	const email = 'analyst@example.com';
	const chat = q.sql('quern', seed.statements(email)).split('\n').pop();
	const client = await new Client({...q, port: web.port, url: q.env.QUERN_URL}).signIn(email);
	const cookie = [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	shared = {q, web, model, chat, client, cookie, ending};
	return shared;
}

// What the service complained about most, when something failed.
function complaints(q) {
	const counts = new Map();
	for (const line of q.log('quern.log').split('\n')) {
		let entry;
		try { entry = JSON.parse(line); } catch { continue; }
		if (!/^(warning|error)$/.test(entry.level)) continue;
		const what = [entry.message || entry.msg, entry.error || entry.cause].filter(Boolean).join(': ');
		counts.set(what, (counts.get(what) || 0) + 1);
	}
	for (const [what, n] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5)) say(`  log, ${n} times: ${what}`);
}

// The benches --------------------------------------------------------------------------------------------------------------

// One page in its parts, without a server.
function mustache() {
	const file = path.join(work, 'turns.json');
	fs.writeFileSync(file, JSON.stringify(seed.turns()));
	const r = JSON.parse(program('bench-page', [path.join(root, 'templates'), file]));
	say(`  a page of ${r.bytes} bytes: records ${r.read_us} us, Markdown, SQL and tables ${r.fill_us} us, templates ${r.render_us} us`);
	report('mustache.page_us', r.render_us, 'us');
}

// Decisions of the guard, without a database; over a million of them memory stays what it is.
function guard() {
	const corpora = [['tests/guard/policy.json', 'tests/guard/accept.jsonl'], ['tests/guard/shop-policy.json', 'tests/guard/shop.jsonl']]
		.map((pair) => pair.map((file) => path.join(root, file)));
	if (sharedFile('attacks', 'attacks.jsonl')) corpora.push([sharedFile('attacks', 'policy.json'), sharedFile('attacks', 'attacks.jsonl')]);
	const tpcds = sharedFile('tpc', 'tpcds_queries.json');
	const r = JSON.parse(program('bench-guard', ['1000000', tpcds || '-', ...corpora.flat()]));
	say(`  ${r.statements} accepted statements, 99 in 100 within ${r.p99_us} us`);
	report('guard.median_us', r.median_us, 'us', '< 120');
	if (tpcds) report('guard.tpcds_ms', r.tpcds_ms, 'ms', '< 110');
	report('guard.growth_kb', r.growth_kb, 'KB', '< 256');
}

const WRK_UNITS = {us: 0.001, ms: 1, s: 1000};
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0';

function wrk(url, cookie) {
	const done = spawnSync('wrk', ['-t1', '-c8', '-d3s', '--latency', '-H', `Cookie: ${cookie}`, '-H', `User-Agent: ${BROWSER}`, url], {encoding: 'utf8'});
	const quantile = (q) => { const m = new RegExp(`${q}%\\s+([\\d.]+)(us|ms|s)`).exec(done.stdout); return m[1] * WRK_UNITS[m[2]]; };
	const bad = /Non-2xx.*|Socket errors.*/.exec(done.stdout);
	if (done.status !== 0 || bad) throw new Error(`wrk ${url}: ${bad || done.stderr}`);
	return {rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(done.stdout)[1]), p50: quantile(50), p99: quantile(99)};
}

// A page against the same bytes as a file, by turns.
function besideFile(web, name, url, text, cookie, aim) {
	fs.writeFileSync(path.join(web.files, `${name}.html`), text);
	const rounds = Array.from({length: 3}, () => ({file: wrk(`https://127.0.0.1:${web.port}/bench/${name}.html`, cookie),
		page: wrk(`https://127.0.0.1:${web.port}${url}`, cookie)}));
	const of = (what, field) => median(rounds.map((r) => r[what][field]));
	say(`  ${Buffer.byteLength(text)} bytes: page ${of('page', 'rate').toFixed(0)}/s (p50 ${of('page', 'p50')} ms, p99 ${of('page', 'p99')} ms), ` +
		`file ${of('file', 'rate').toFixed(0)}/s (p50 ${of('file', 'p50')} ms, p99 ${of('file', 'p99')} ms)`);
	report(`${name}.ratio`, median(rounds.map((r) => r.page.rate / r.file.rate)), 'of a file', aim);
	report(`${name}.per_second`, of('page', 'rate'), '1/s');
	report(`${name}.p50_ms`, of('page', 'p50'), 'ms');
	report(`${name}.p99_ms`, of('page', 'p99'), 'ms');
}

// A chat page of 50 messages.
async function page() {
	const {web, chat, client, cookie} = await instance();
	const url = `/p/shop/chat/${chat}`;
	const saved = await client.get(url);
	if (saved.status !== 200 || saved.text.split('<article class="turn"').length !== seed.turns().length + 1) throw new Error(`${url} is not the page it should be`);
	besideFile(web, 'page', url, saved.text, cookie, '>= 0.15');
}

// A shared page for somebody who opened its link; each request asks whether the link still holds, and whether the visitor was counted.
async function share() {
	const {q, web, client} = await instance();
	const id = artifacts.put(q, {type: 'html', code: '<p>one</p>', data: {sales: [1, 2, 3]}});
	const made = await client.post(`/artifacts/${id}/links`, {audience: 'public', days: '30', version: '1'}, {headers: {Accept: 'application/json'}});
	if (made.status !== 200) throw new Error(`no link: ${made.status} ${made.text}`);
	const visitor = new Client({...q, port: web.port, url: q.env.QUERN_URL});
	const {headers} = await visitor.get(new URL(JSON.parse(made.text).url).pathname, {headers: {'User-Agent': BROWSER}});
	const saved = await visitor.get(headers.location);
	if (saved.status !== 200 || !saved.text.includes('data-artifact-frame')) throw new Error(`${headers.location} is not the page it should be`);
	besideFile(web, 'share', headers.location, saved.text, [...visitor.cookies].map(([k, v]) => `${k}=${v}`).join('; '));
}

const TABLES = 1000, COLUMNS = 20;

// The dictionary of a large database.
async function dictionary() {
	const {q} = await instance();
	const columns = Array.from({length: COLUMNS - 1}, (_, i) => `c${i} ${['text', 'bigint', 'numeric', 'date', 'boolean'][i % 5]}`).join(', ');
	q.sql('postgres', 'CREATE DATABASE big;');
	q.sql('big', `CREATE SCHEMA big; GRANT USAGE ON SCHEMA big TO shop_reader;
		DO $$ BEGIN FOR i IN 1..${TABLES} LOOP
			EXECUTE format('CREATE TABLE big.t%s (id bigint PRIMARY KEY, ${columns})', i);
			EXECUTE format('INSERT INTO big.t%s SELECT n, ''name '' || n, n, n / 3.0, date ''2025-01-01'' + n, n %% 2 = 0 FROM generate_series(1, 20) n', i);
		END LOOP; END $$;
		GRANT SELECT ON ALL TABLES IN SCHEMA big TO shop_reader;`);
	q.sql('big', 'ANALYZE;');
	const dsn = q.env.QUERN_DATABASE_URL.replace(/\/\/[^@]*@/, `//shop_reader:${encodeURIComponent(q.env.QUERN_DEV_READER_PASSWORD)}@`)
		.replace(/\/quern$/, '/big');
	const must = (done) => { if (done.code !== 0) throw new Error(done.stderr); };
	must(cli(q, ['project', 'add', '--slug', 'big', '--name', 'Big', '--dsn', dsn, '--schema', 'big']));
	const took = [];
	for (let i = 0; i < 3; i++) {
		const from = performance.now();
		must(cli(q, ['dictionary', 'generate', '--project', 'big']));
		took.push((performance.now() - from) / 1000);
	}
	report('dictionary.seconds', median(took), 's', '< 5');
}

const WIDE = ['id', 'label', 'note', 'price', 'share', 'day', 'at', 'open', 'parent', 'code'];

// 10,000 rows and 10 columns as CSV and JSON, against psql that writes the same.
async function run() {
	const {q} = await instance();
	q.sql('postgres', 'CREATE DATABASE wide;');
	q.sql('wide', `CREATE SCHEMA wide; GRANT USAGE ON SCHEMA wide TO shop_reader;
		CREATE TABLE wide.items AS SELECT n AS id, 'item ' || n AS label, 'A note about it, as people write them, "quoted" or not: ' || n AS note,
			(n * 1.37)::numeric(10,2) AS price, random() AS share, date '2025-01-01' + n % 365 AS day,
			timestamptz '2025-01-01 00:00+00' + n * interval '7 min' AS at, n % 3 = 0 AS open,
			CASE WHEN n % 5 > 0 THEN n / 5 END AS parent, md5(n::text) AS code FROM generate_series(1, 10000) n;
		GRANT SELECT ON wide.items TO shop_reader; ANALYZE;`);
	const dsn = q.env.QUERN_DATABASE_URL.replace(/\/\/[^@]*@/, `//shop_reader:${encodeURIComponent(q.env.QUERN_DEV_READER_PASSWORD)}@`).replace(/\/quern$/, '/wide');
	for (const args of [['project', 'add', '--slug', 'wide', '--name', 'Wide', '--dsn', dsn, '--schema', 'wide'], ['dictionary', 'generate', '--project', 'wide']]) {
		const done = cli(q, args);
		if (done.code !== 0) throw new Error(done.stderr);
	}
	q.sql('quern', 'UPDATE projects SET queries_a_minute = 0');
	const dir = fs.mkdtempSync(path.join(work, 'run-'));
	const r = JSON.parse(program('bench-run', ['wide', dsn, dir, `SELECT ${WIDE} FROM items`, `SELECT ${WIDE} FROM wide.items`, WIDE.join(', ')], q.env));
	const json = JSON.parse(fs.readFileSync(path.join(dir, 'quern.json'), 'utf8')), theirs = JSON.parse(fs.readFileSync(path.join(dir, 'psql.json'), 'utf8'));
	if (json.rows.length !== theirs.length || json.rows[9][1] !== theirs[9][1]) throw new Error('the two did not write the same');
	if (fs.readFileSync(path.join(dir, 'psql.csv'), 'utf8').split('\n').length !== 10002) throw new Error('psql wrote something else');
	const both = (name) => `${r[`${name}_us`]} us (${r[`${name}_cpu_us`]} of its own processor time)`;
	say(`  CSV ${both('csv')}, psql --csv ${both('psql_csv')}, COPY ${both('psql_copy')}; JSON ${both('json')}, psql ${both('psql_json')}`);
	report('run.csv_ratio', r.csv_us / r.psql_csv_us, 'of psql', '<= 1.2');
	report('run.json_ratio', r.json_us / r.psql_json_us, 'of psql', '<= 1.2');
}

// Another `quern serve` on the same database, until it says that it is ready.
async function serveOnce(q) {
	const from = performance.now();
	const child = spawn(quern, ['serve'], {cwd: root, stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
		env: {...process.env, ...q.env, QUERN_READY_FD: '3', QUERN_WEB_SOCKET: path.join(work, 'w.sock'), QUERN_AGENT_SOCKET: path.join(work, 'a.sock')}});
	const ready = await new Promise((resolve) => { child.stdio[3].once('data', () => resolve(true)); child.on('exit', () => resolve(false)); });
	const took = performance.now() - from;
	await stopChild(child);
	if (!ready) throw new Error('quern serve did not get ready');
	return took;
}

async function serve() {
	const {q} = await instance();
	const took = [];
	for (let i = 0; i < 7; i++) took.push(await serveOnce(q));
	report('serve.ready_ms', median(took), 'ms', '< 150');
	const idle = await idleInstance(q);
	report('serve.worker_mb', idle / 1024, 'MB');
}

// PSS of a web worker that has served one page and rests, beside one other.
async function idleInstance(q) {
	await sleep(500);
	return median(instanceProcesses(q).filter((p) => p.pool === 'web').map((p) => pssKb(p.pid)));
}

// What it costs to admit a query, and whether people of one project wait for each other.
async function ratelimit() {
	const {q} = await instance();
	const r = JSON.parse(program('bench-ratelimit', [], q.env));
	say(`  SELECT 1 ${r.select_us} us; 16 people in a project each ${r.own_project}/s`);
	report('ratelimit.us', r.us, 'us');
	report('ratelimit.of_select', r.us / r.select_us, 'SELECT 1');
	report('ratelimit.per_second', r.one_project, '1/s');
	report('ratelimit.one_project', r.one_project / r.own_project, 'of own', '>= 0.8');
}

// Every way in which the provider of a model fails, in both formats, 50 times each: calls that end in a defined state in time.
async function failing() {
	const rounds = 50;
	const out = program('unit-llm', ['failures'], {QUERN_ROUNDS: rounds});
	const r = JSON.parse(/^# (\{.*\})$/m.exec(out)[1]);
	report('failing.defined_in_time', r.calls, 'calls', `>= ${2 * 16 * rounds}`);
	report('failing.requests_a_call', r.most_requests, 'at most', '<= 4');
	report('failing.redirects_followed', r.redirects_followed, '', '<= 0');
	report('failing.memory_mb', r.memory_kb / 1024, 'MB', '<= 16');
}

// Turns while everything dies that can: the integration test at its full size.
function fault() {
	const turns = 1000, atOnce = 200;
	const done = spawnSync('node', [path.join(root, 'tests/integration/turns.test.js')], {encoding: 'utf8', cwd: root, maxBuffer: 1 << 28,
		env: {...process.env, QUERN_FAULT_TURNS: turns, QUERN_FAULT_AT_ONCE: atOnce, QUERN_FAULT_OFTEN: 10}});
	const r = Object.assign({}, ...[...done.stdout.matchAll(/^# (\{.*\})$/mg)].map(([, json]) => JSON.parse(json)));
	for (const [line] of done.stdout.matchAll(/^(seed |killed: |not ok |went on ).*$/mg)) say(`  ${line}`);
	say(`  ${atOnce} turns at once; ${r.clients} clients connected ${r.connections} times and saw ${r.events} events; turns were taken up ${r.taken_up} times`);
	report('fault.turns', r.turns, 'turns', `>= ${turns}`);
	report('fault.failures', r.not_done, 'turns', '<= 0');
	report('fault.lost_or_doubled', r.wrong, 'faults', '<= 0');
	report('fault.written_twice', r.written_twice, 'turns', '<= 0');
	report('fault.resumed_p50_ms', r.resumed_p50_ms, 'ms');
	report('fault.resumed_max_ms', r.resumed_max_ms, 'ms', '< 10000');
	report('fault.stopped_max_ms', r.stopped_max_ms, 'ms', '< 2000');
	report('fault.rows_per_turn', r.rows_per_turn, 'rows');
	if (done.status !== 0) throw new Error(`turns under faults: ${done.stdout.slice(-2000)}${done.stderr}`);
}

const tell = {report, say, complaints};

async function manyTurns() {
	const at = await instance();
	await turns.withTools(at, tell);
	await turns.crowd(at, tell, 'bench', 'turns');
}

// Artifacts in a browser.
async function artifact() {
	const {q} = await instance();
	const {cold, warm} = await frames.firstPaint(q);
	report('artifact.first_paint_cold_ms', median(cold), 'ms', '< 1500');
	report('artifact.first_paint_warm_ms', median(warm), 'ms', '< 500');
	report('artifact.escapes', frames.escapes(), 'ways', '<= 0');
}

const benches = {artifact, failing, fault, mustache, guard, serve, page, share, run, turns: manyTurns, ratelimit, dictionary,
	'turns-plain': async () => turns.crowd(await instance(), tell, 'bench', 'turns-plain', true),
	'turns-10000': async () => turns.crowd(await instance({large: true}), tell, 'crowd', 'turns-10000')};
const usual = ['failing', 'mustache', 'guard', 'serve', 'page', 'share', 'run', 'turns', 'ratelimit', 'dictionary', 'artifact', 'fault'];

async function main() {
	const chosen = process.argv.slice(2).length ? process.argv.slice(2) : usual;
	for (const name of chosen)
		if (!benches[name]) throw new Error(`no bench "${name}"; there are: ${Object.keys(benches).join(', ')}`);
	try {
		for (const name of chosen) {
			say(name);
			await benches[name]();
		}
	} finally {
		for (const end of ending) await end();
		fs.rmSync(work, {recursive: true, force: true});
	}
	fs.writeFileSync(path.join(build, 'bench.json'), `${JSON.stringify(results, null, '\t')}\n`);
}

main().catch((e) => {
	say(`bench: ${e.message}`);
	process.exitCode = 1;
});
