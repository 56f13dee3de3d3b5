// Runs a whole private Quern (`quern dev`) for tests: PostgreSQL, nginx, workers, scripted model. And a small HTTP client with
// cookies that speaks to it as a browser would.
'use strict';

const {spawn, spawnSync} = require('node:child_process');
const fs = require('node:fs');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const {StringDecoder} = require('node:string_decoder');

const root = path.resolve(__dirname, '..', '..');
const build = path.resolve(root, process.env.BUILD || 'build');
const quern = process.env.QUERN || path.join(build, 'quern');

function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer().on('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const {port} = server.address();
			server.close(() => resolve(port));
		});
	});
}

// The settings that `quern dev` wrote, as an object.
function readEnv(dir) {
	const env = {};
	for (const line of fs.readFileSync(path.join(dir, 'env'), 'utf8').split('\n')) {
		const m = /^export (\w+)='(.*)'$/.exec(line);
		if (m) env[m[1]] = m[2];
	}
	return env;
}

// Starts and waits for the address. options: args (more options of dev), env, dir (to start on existing data).
async function start({args = ['--llm', 'scripted'], env = {}, dir, port} = {}) {
	dir = dir || fs.mkdtempSync(path.join(os.tmpdir(), 'quern-test-'));
	fs.chmodSync(dir, 0o755);
	port = port || await freePort();
	const child = spawn(quern, ['dev', '--var', dir, '--port', String(port), ...args],
		{cwd: root, env: {...process.env, ...env}, stdio: ['ignore', 'pipe', 'pipe']});
	const q = {dir, port, child, url: `https://127.0.0.1:${port}`, output: '', exited: false};
	await new Promise((resolve, reject) => {
		const add = (bytes) => {
			q.output += bytes;
			if (q.output.includes('Ctrl-C stops everything')) resolve();
		};
		child.stdout.on('data', add);
		child.stderr.on('data', add);
		child.on('exit', (code) => {
			q.exited = true;
			reject(new Error(`quern dev ended with ${code}:\n${q.output}`));
		});
	});
	q.env = readEnv(dir);
	q.log = (name) => fs.readFileSync(path.join(dir, 'log', name), 'utf8');
	q.cli = (argv, options = {}) => cli(q, argv, options);
	q.sql = (database, text) => sql(q, database, text);
	q.stop = () => stop(q);
	return q;
}

async function stop(q, {keep = false} = {}) {
	if (!q.exited) {
		const ended = new Promise((resolve) => q.child.on('exit', resolve));
		q.child.kill('SIGTERM');
		await ended;
	}
	if (!keep) {
		fs.rmSync(q.dir, {recursive: true, force: true});
		fs.rmSync(q.env?.QUERN_DEV_PG_SOCKET || q.dir, {recursive: true, force: true});
	}
}

// A model that answers from rules (tests/provider/README.md); env goes to start(), together with args: [].
async function scripted(rules) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-model-'));
	const file = path.join(dir, 'scenario.json');
	fs.writeFileSync(file, JSON.stringify({rules}));
	const child = spawn(path.join(build, 'scripted-provider'), ['--port', '0', '--scenario', file], {stdio: ['ignore', 'pipe', 'inherit']});
	const port = await new Promise((resolve) => { child.stdout.once('data', (d) => resolve(String(d).trim())); });
	return {env: {QUERN_LLM_URL: `http://127.0.0.1:${port}`, QUERN_LLM_KEY: 'k', QUERN_LLM_MODEL: 'scripted'},
		stop() { child.kill(); fs.rmSync(dir, {recursive: true, force: true}); }};
}

// One command of quern with the instance's settings. Resolves to {code, stdout, stderr}.
function cli(q, argv, {input = '', env = {}} = {}) {
	const done = spawnSync(quern, argv, {cwd: root, input, encoding: 'utf8', maxBuffer: 1 << 28,
		env: {...process.env, ...(q ? q.env : {}), ...env}});
	return {code: done.status, stdout: done.stdout, stderr: done.stderr};
}

// SQL as the cluster's superuser; returns psql's unaligned output.
function sql(q, database, text) {
	const done = spawnSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', q.env.QUERN_DEV_PG_SOCKET,
		'-U', 'quern_dev', '-d', database, '-f', '-'],
	{input: text, encoding: 'utf8', maxBuffer: 1 << 28, env: {...process.env, PGPASSWORD: q.env.QUERN_DEV_SUPERUSER_PASSWORD}});
	if (done.status !== 0) throw new Error(done.stderr);
	return done.stdout.trim();
}

// A client with its own cookies.
class Client {
	constructor(q) {
		this.q = q;
		this.cookies = new Map();
		this.csrf = '';
		this.agent = new https.Agent({rejectUnauthorized: false, keepAlive: true});
	}

	// Resolves to {status, headers, text}; with onData the body is handed over as it comes. Redirects are not followed.
	async request(method, url, options = {}) {
		try {
			return await this.once(method, url, options);
		} catch (e) {
			// A kept connection may be closed at the moment when it is used again; browsers try once more, too.
			if (!e.keptSocket || e.code === 'ABORT_ERR') throw e;
			return this.once(method, url, options);
		}
	}

	once(method, url, {headers = {}, body, onData, signal} = {}) {
		const send = {Accept: 'text/html', ...headers};
		if (this.cookies.size && !('Cookie' in send))
			send.Cookie = [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
		if (body !== undefined) send['Content-Length'] = Buffer.byteLength(body);
		return new Promise((resolve, reject) => {
			const req = https.request({host: '127.0.0.1', port: this.q.port, path: url, method, headers: send, agent: this.agent, signal}, (res) => {
				this.keep(res.headers['set-cookie']);
				const chunks = [], decoder = new StringDecoder('utf8');
				res.on('data', (c) => { chunks.push(c); if (onData) onData(decoder.write(c)); });
				res.on('error', reject);
				res.on('end', () => {
					const text = Buffer.concat(chunks).toString('utf8');
					const csrf = /data-csrf="([^"]+)"/.exec(text);
					if (csrf) this.csrf = csrf[1];
					resolve({status: res.statusCode, headers: res.headers, text});
				});
			});
			req.on('error', (e) => reject(Object.assign(e, {keptSocket: req.reusedSocket})));
			req.end(body);
		});
	}

	keep(setCookies = []) {
		for (const line of setCookies) {
			const [pair, ...attributes] = line.split(';').map((s) => s.trim());
			const at = pair.indexOf('=');
			if (attributes.some((a) => /^max-age=0$/i.test(a))) this.cookies.delete(pair.slice(0, at));
			else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
		}
	}

	get(url, options) {
		return this.request('GET', url, options);
	}

	// A form as a browser of this site sends it.
	post(url, fields = {}, {headers = {}, ...rest} = {}) {
		return this.request('POST', url, {body: new URLSearchParams({csrf: this.csrf, ...fields}).toString(), ...rest,
			headers: {'Content-Type': 'application/x-www-form-urlencoded', Origin: this.q.url, 'Sec-Fetch-Site': 'same-origin', ...headers}});
	}

	async signIn(email, password = this.q.env.QUERN_DEMO_PASSWORD) {
		const done = await this.post('/sign-in', {email, password});
		if (done.status !== 303) throw new Error(`sign-in of ${email}: ${done.status}`);
		await this.get('/');
		return this;
	}

	// Asks and reads the whole stream; resolves to {status, events, text}. onEvent sees each as it comes.
	async ask(url, question, {onEvent = () => {}, signal, fields = {}} = {}) {
		const events = [];
		const feed = eventParser((event) => { events.push(event); onEvent(event); });
		const done = await this.post(url, {question, ...fields}, {onData: feed, signal, headers: {Accept: 'text/event-stream'}});
		return {status: done.status, events, text: done.text, find: (name) => events.filter((e) => e.event === name).map((e) => e.data)};
	}

	// Follows a turn to its end; resolves to its events.
	async watch(turn, after = 0, onEvent = () => {}, query = '') {
		const events = [];
		await this.get(`/turns/${turn}/events?after=${after}${query}`, {onData: eventParser((e) => { events.push(e); onEvent(e); }), headers: {Accept: 'text/event-stream'}});
		return events;
	}
}

function eventParser(onEvent) {
	let buffer = '';
	return (chunk) => {
		buffer += chunk;
		for (let at; (at = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(at + 2)) {
			const event = {id: 0, event: 'message', data: ''};
			for (const line of buffer.slice(0, at).split('\n')) {
				const m = /^(id|event|data): ?(.*)$/.exec(line);
				if (m) event[m[1]] = m[1] === 'id' ? Number(m[2]) : event[m[1]] && m[1] === 'data' ? event.data + m[2] : m[2];
			}
			if (event.data) onEvent({...event, data: JSON.parse(event.data)});
		}
	};
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits until fn gives something true; fails after `seconds`.
async function until(fn, what, seconds = 20) {
	const end = Date.now() + seconds * 1000;
	for (;;) {
		const value = await fn();
		if (value) return value;
		if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
		await sleep(50);
	}
}

// The shared data folder, or null when it is not here.
function shared(...parts) {
	const file = path.join(process.env.QUERN_SHARED || path.join(root, '..', 'shared'), ...parts);
	return fs.existsSync(file) ? file : null;
}

Client.events = eventParser;

module.exports = {root, build, quern, start, stop, scripted, cli, freePort, Client, sleep, until, shared};
