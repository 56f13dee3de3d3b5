#!/usr/bin/env node
// What somebody keeps who had access once, where secrets could be seen, and what answers give away.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client, until} = require('../lib/quern.js');

const JSON_TYPE = {Accept: 'application/json'};
const SECRETS = ['QUERN_KEY', 'QUERN_FASTCGI_SECRET', 'QUERN_DEMO_PASSWORD', 'QUERN_DEV_SUPERUSER_PASSWORD', 'QUERN_DEV_PLATFORM_PASSWORD', 'QUERN_DEV_READER_PASSWORD'];
let q, admin, analyst;
const commands = new Set();

const processes = () => fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
function readProc(pid, name) {
	try { return fs.readFileSync(`/proc/${pid}/${name}`, 'utf8'); } catch { return ''; }
}

// Notes the arguments of all processes as long as it is on.
function watchCommands() {
	const timer = setInterval(() => { for (const pid of processes()) commands.add(readProc(pid, 'cmdline')); }, 5);
	return () => clearInterval(timer);
}

test('start', async () => {
	const stop = watchCommands();
	q = await start();
	stop();
	admin = await new Client(q).signIn('admin@example.com');
	analyst = await new Client(q).signIn('analyst@example.com');
});
cleanup(() => q && q.stop());

// Secrets ------------------------------------------------------------------------------------------------------------

test('no secret is among the arguments of a process', () => {
	assert.ok([...commands].some((line) => line.includes('setup-db')), 'the commands of the demo were seen');
	for (const name of SECRETS)
		assert.deepEqual([...commands].filter((line) => line.includes(q.env[name])).map((line) => line.replaceAll('\0', ' ')), [], name);
});

test('programs of others do not get the settings', () => {
	const found = {};
	for (const pid of processes()) {
		const line = readProc(pid, 'cmdline'), env = readProc(pid, 'environ');
		if (!line.includes(q.dir)) continue;
		const name = path.basename(line.split(/[\0: ]/)[0]);
		found[name] = true;
		if (name !== 'quern')
			for (const secret of SECRETS) assert.ok(!env.includes(q.env[secret]), `${secret} in the environment of ${name}`);
	}
	assert.ok(found.postgres && found.nginx, Object.keys(found).join());
});

test('an address with its password comes from standard input', () => {
	const address = `postgresql://shop_reader:${q.env.QUERN_DEV_READER_PASSWORD}@${encodeURIComponent(q.env.QUERN_DEV_PG_SOCKET)}/shop`;
	const add = (slug, input) => q.cli(['project', 'add', '--slug', slug, '--name', slug, '--schema', 'shop', '--exclude', 'salaries', '--dsn', '-'], {input});
	for (const [slug, input] of [['line', `${address}\n`], ['crlf', `${address}\r\nand more\n`], ['bare', address]]) {
		const made = add(slug, input);
		assert.equal(made.code, 0, made.stderr);
		assert.equal(q.cli(['project', 'check', '--project', slug]).code, 0);
	}
	for (const input of ['', '\n', `${address}\0`, 'x'.repeat(10000)]) {
		const bad = add('bad', input);
		assert.equal(bad.code, 1);
		assert.ok(!bad.stderr.includes(q.env.QUERN_DEV_READER_PASSWORD));
	}
	const superuser = address.replace('shop_reader', 'quern_dev').replace(q.env.QUERN_DEV_READER_PASSWORD, q.env.QUERN_DEV_SUPERUSER_PASSWORD);
	assert.equal(q.cli(['setup-db', '--admin-dsn', '-', '--schema', 'shop', '--role', 'second_reader', '--print'], {input: superuser}).code, 0);
});

test('files with secrets are for their owner, and logs hold none', async () => {
	await admin.get(`/p/shop?password=${q.env.QUERN_DEMO_PASSWORD}&csrf=${admin.csrf}`);
	await admin.get('/p/shop/settings');
	for (const name of ['env', 'nginx.conf', 'tls.key'])
		assert.equal(fs.statSync(path.join(q.dir, name)).mode & 0o77, 0, name);
	const session = admin.cookies.get('__Host-quern');
	for (const dir of ['log', 'nginx'])
		for (const name of fs.readdirSync(path.join(q.dir, dir))) {
			const file = path.join(q.dir, dir, name);
			if (!fs.statSync(file).isFile()) continue;
			const text = fs.readFileSync(file, 'utf8');
			for (const secret of [...SECRETS.map((s) => q.env[s]), session, admin.csrf])
				assert.ok(!text.includes(secret), `a secret is in ${name}`);
		}
	assert.equal(q.sql('quern', `SELECT count(*) FROM sources WHERE position('${q.env.QUERN_DEV_READER_PASSWORD}' IN encode(password_sealed, 'escape')) > 0`), '0');
	assert.equal(q.sql('quern', `SELECT count(*) FROM sessions WHERE encode(token_hash, 'escape') LIKE '%${session}%'`), '0');
});

test('no page shows a secret', async () => {
	for (const url of ['/', '/account', '/admin/users', '/admin/log', '/admin/projects/new', '/p/shop', '/p/shop/data', '/p/shop/settings', '/p/shop/members']) {
		const {text} = await admin.get(url);
		for (const name of SECRETS) assert.ok(!text.includes(q.env[name]), `${name} on ${url}`);
	}
});

// A server that asks for the password as PostgreSQL does, without TLS, and remembers it.
function passwordTrap() {
	const got = [];
	const server = net.createServer((socket) => {
		socket.on('error', () => {});
		socket.on('data', (bytes) => {
			if (bytes[0] === 0x70) { got.push(bytes.subarray(5).toString().replace(/\0$/, '')); socket.destroy(); }
			else if (bytes.length === 8) socket.write('N');
			else socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
		});
	});
	return new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve({server, got, port: server.address().port})); });
}

test('a stored password goes nowhere that it was not meant to go, nor with less protection', async () => {
	const trap = await passwordTrap(), elsewhere = await passwordTrap();
	try {
		const made = q.cli(['project', 'add', '--slug', 'far', '--name', 'Far', '--schema', 'public', '--dsn', '-'], {input: `postgresql://reader:canary-password@127.0.0.1:${trap.port}/data?sslmode=require\n`});
		assert.equal(made.code, 0, made.stderr);
		const source = {host: '127.0.0.1', port: trap.port, database: 'data', username: 'reader', sslmode: 'require', schema: 'public', password: ''};
		for (const change of [{}, {sslmode: 'prefer'}, {sslmode: 'disable'}, {port: elsewhere.port, sslmode: 'disable'}, {host: 'localhost', sslmode: 'disable'}, {username: 'other', sslmode: 'disable'}])
			for (const action of ['test', 'save']) {
				const {status} = await admin.post('/p/far/settings/source', {...source, ...change, action});
				assert.ok(status < 500, String(status));
			}
		assert.ok(!trap.got.includes('canary-password') && !elsewhere.got.includes('canary-password'), 'the stored password was sent');
		await admin.post('/p/far/settings/source', {...source, sslmode: 'disable', password: 'typed now', action: 'test'});
		assert.equal(trap.got.at(-1), 'typed now', 'the trap works');
	} finally {
		trap.server.close();
		elsewhere.server.close();
	}
});

test('a project does not reach a database by the account that Quern runs as', async () => {
	const {username} = os.userInfo(), data = path.join(fs.realpathSync(path.join(q.dir, 'pg')), 'data', 'pg_hba.conf');
	fs.writeFileSync(data, `local all "${username}" peer\n${fs.readFileSync(data, 'utf8')}`);
	q.sql('postgres', `CREATE ROLE "${username}" LOGIN SUPERUSER; SELECT pg_reload_conf()`);
	const source = {host: q.env.QUERN_DEV_PG_SOCKET, port: 5432, database: 'quern', username, sslmode: 'prefer', schema: 'public', password: 'any'};
	await until(async () => /admits role/.test((await admin.post('/p/shop/settings/source', {...source, action: 'test'})).text), 'the role is refused', 10);
	const made = q.cli(['project', 'add', '--slug', 'self', '--name', 'Self', '--schema', 'public', '--dsn', '-'],
		{input: `postgresql://${username}:any@${encodeURIComponent(q.env.QUERN_DEV_PG_SOCKET)}/quern\n`});
	assert.equal(made.code, 0, made.stderr);
	assert.match(q.cli(['dictionary', 'generate', '--project', 'self']).stderr, /could not connect/);
	const read = q.cli(['sql', '--project', 'self', 'SELECT email, password_hash FROM users']);
	assert.equal(read.code, 1);
	assert.doesNotMatch(read.stdout, /argon2/);
});

// Access that ended --------------------------------------------------------------------------------------------------

async function asked(client) {
	const done = await client.ask('/p/shop/turns', 'how many rows in orders?');
	const {conversation_id: chat, turn_id: turn} = done.find('turn')[0];
	return {chat, turn, run: q.sql('quern', `SELECT max(id) FROM query_runs WHERE turn_id = ${turn}`)};
}

async function statuses(client, {chat, turn, run: id}) {
	const urls = [`/p/shop/chat/${chat}`, `/turns/${turn}`, `/turns/${turn}/events`, `/runs/${id}`], out = [];
	for (const url of urls) out.push((await client.get(url, {headers: JSON_TYPE})).status);
	out.push((await client.post(`/turns/${turn}/stop`, {}, {headers: JSON_TYPE})).status);
	return out.join();
}

test('who is no longer a member sees nothing of the project, not even what they asked themselves', async () => {
	const mine = await asked(analyst), id = q.sql('quern', `SELECT id FROM users WHERE email = 'analyst@example.com'`);
	assert.equal(await statuses(analyst, mine), '200,200,200,200,204');
	assert.equal((await admin.post(`/p/shop/members/${id}/remove`)).status, 303);
	assert.equal(await statuses(analyst, mine), '404,404,404,404,404');
	const none = await analyst.get('/runs/999999', {headers: JSON_TYPE}), gone = await analyst.get(`/runs/${mine.run}`, {headers: JSON_TYPE});
	const words = ({text}) => JSON.parse(text).error.message;
	assert.equal(words(gone), words(none), 'what is not seen does not differ from what is not there');
	assert.equal((await admin.post('/p/shop/members', {email: 'analyst@example.com', role: 'viewer'})).status, 303);
	assert.equal(await statuses(analyst, mine), '200,200,200,200,204');
});

test('an instance admin sees what they asked as long as they are one', async () => {
	assert.equal(q.cli(['user', 'add', 'second@example.com', '--admin'], {input: `${q.env.QUERN_DEMO_PASSWORD}\n`}).code, 0);
	const second = await new Client(q).signIn('second@example.com');
	const mine = await asked(second), id = q.sql('quern', `SELECT id FROM users WHERE email = 'second@example.com'`);
	assert.equal(await statuses(second, mine), '200,200,200,200,204');
	assert.equal((await admin.post(`/admin/users/${id}`, {name: 'Second'})).status, 303);
	assert.equal(await statuses(second, mine), '404,404,404,404,404');
});

test('a conversation is reached under its own project alone', async () => {
	const {chat} = await asked(admin);
	for (const slug of ['line', 'far']) {
		assert.equal((await admin.get(`/p/${slug}/chat/${chat}`, {headers: JSON_TYPE})).status, 404);
		for (const act of ['rename', 'delete', 'restore', 'turns'])
			assert.equal((await admin.post(`/p/${slug}/chat/${chat}/${act}`, {title: 'x', question: 'tables'}, {headers: JSON_TYPE})).status, 404, act);
	}
});

// Answers ------------------------------------------------------------------------------------------------------------

test('the session cookie is bound to this host, hidden from scripts, and new at every sign-in', async () => {
	const c = new Client(q), tokens = new Set();
	for (let i = 0; i < 3; i++) {
		const done = await c.post('/sign-in', {email: 'viewer@example.com', password: q.env.QUERN_DEMO_PASSWORD});
		const [cookie] = done.headers['set-cookie'];
		assert.match(cookie, /^__Host-quern=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
		tokens.add(c.cookies.get('__Host-quern'));
	}
	assert.equal(tokens.size, 3);
	assert.equal(q.sql('quern', `SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE email = 'viewer@example.com'`), '1', 'the ones before have ended');
});

test('a token in the address is none', async () => {
	const before = q.sql('quern', 'SELECT name FROM projects WHERE slug = \'shop\'');
	const sent = await admin.request('POST', `/p/shop/settings/general?csrf=${admin.csrf}&name=Forged`, {body: 'name=Forged', headers: {'Content-Type': 'application/x-www-form-urlencoded', Origin: q.url, ...JSON_TYPE}});
	assert.equal(sent.status, 403);
	assert.equal(q.sql('quern', 'SELECT name FROM projects WHERE slug = \'shop\''), before);
});

test('next= leads nowhere else, after signing in as before', async () => {
	for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/\t/evil.example', '/\r\nSet-Cookie: a=b', 'javascript:alert(1)', '///evil.example', '\u2044\u2044evil.example', '/ /evil.example']) {
		const done = await new Client(q).post('/sign-in', {email: 'viewer@example.com', password: q.env.QUERN_DEMO_PASSWORD, next});
		assert.equal(done.status, 303);
		assert.equal(new URL(done.headers.location, q.url).origin, q.url, next);
		assert.ok(done.headers['set-cookie'].every((line) => line.startsWith('__Host-quern=')));
	}
});

test('every kind of answer has the headers that keep it safe', async () => {
	const {turn, run: id} = await asked(analyst);
	for (const [client, url] of [[new Client(q), '/sign-in'], [admin, '/'], [admin, '/nothing'], [admin, '/p/shop'], [analyst, '/admin/users'], [analyst, `/turns/${turn}`], [analyst, `/turns/${turn}/events`], [analyst, `/runs/${id}`], [admin, '/health']])
		for (const accept of ['text/html', 'application/json']) {
			const {headers} = await client.get(url, {headers: {Accept: accept}});
			assert.match(headers['content-security-policy'], /default-src 'none'/, url);
			assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*|https?:/, url);
			assert.match(headers['content-security-policy'], /frame-ancestors 'none'; base-uri 'none'/, url);
			assert.equal(headers['x-content-type-options'], 'nosniff', url);
			assert.equal(headers['referrer-policy'], 'same-origin', url);
			assert.match(headers['cache-control'], /^no-store(, no-transform)?$/, url);
			assert.match(headers['strict-transport-security'], /max-age=\d{8}/, url);
			assert.ok(!headers['x-powered-by'] && !/\d/.test(headers.server || ''), url);
		}
});

test('a failure inside says nothing of how we are made', async () => {
	q.sql('quern', 'ALTER TABLE dictionaries RENAME TO hidden_table');
	try {
		for (const accept of ['text/html', 'application/json']) {
			const {status, text} = await admin.get('/p/shop/data', {headers: {Accept: accept}});
			assert.equal(status, 500);
			assert.doesNotMatch(text, /dictionaries|hidden_table|SELECT|SQLSTATE|42P01|\.c:\d/, accept);
		}
	} finally {
		q.sql('quern', 'ALTER TABLE hidden_table RENAME TO dictionaries');
	}
	assert.match(q.log('quern.log'), /42P01/, 'the log tells');
});

run({seconds: 120});
