#!/usr/bin/env node
// Who may do what: every route as every kind of caller, forged identities, paths, CSRF, sessions, header single sign-on.
'use strict';

const assert = require('node:assert');
const net = require('node:net');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client, until} = require('../lib/quern.js');

const PUBLIC = 1, SIGNED_IN = 2, VIEWER = 3, ANALYST = 4, PROJECT_ADMIN = 5, ADMIN = 6;
let q, routes;
const callers = {};

test('start', async () => {
	q = await start({args: []});
	for (const email of ['outsider@example.com', 'manager@example.com'])
		assert.equal(q.cli(['user', 'add', email], {input: `${q.env.QUERN_DEMO_PASSWORD}\n`}).code, 0);
	const admin = await new Client(q).signIn('admin@example.com');
	assert.equal((await admin.post('/p/shop/members', {email: 'manager@example.com', role: 'admin'})).status, 303);
	callers.nobody = new Client(q);
	for (const [name, email] of Object.entries({outsider: 'outsider@example.com', viewer: 'viewer@example.com',
		analyst: 'analyst@example.com', manager: 'manager@example.com'}))
		callers[name] = await new Client(q).signIn(email);
	callers.admin = admin;
	routes = q.cli(['routes']).stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.ok(routes.length > 20);
});
cleanup(() => q && q.stop());

// What the table promises for a caller: 'in', 401, 403 or 404.
function expected(route, who) {
	const rank = {nobody: 0, outsider: 1, viewer: VIEWER, analyst: ANALYST, manager: PROJECT_ADMIN, admin: ADMIN}[who];
	const project = route.pattern.includes('{project:slug}');
	if (route.access === PUBLIC) return 'in';
	if (who === 'nobody') return 401;
	if (project && who === 'outsider') return 404;
	if (route.access === SIGNED_IN) return 'in';
	return rank >= route.access ? 'in' : 403;
}

const address = (pattern) => pattern.replace('{project:slug}', 'shop').replace(/\{\w+:int\}/g, '999999')
	.replace(/\{\w+:name\}/g, 'nothing').replace(/\{\w+:token\}/g, 'x'.repeat(43)).replace(/\{\w+:slug\}/g, 'x');

test('every route answers every kind of caller as its row says', async () => {
	const wrong = [];
	for (const route of routes)
		for (const [who, client] of Object.entries(callers)) {
			// Reaching these handlers would end the session or change the instance.
			if (route.changes && expected(route, who) === 'in') continue;
			const send = route.method === 'GET' ? client.get(address(route.pattern), {headers: {Accept: 'application/json'}}) :
				client.post(address(route.pattern), {}, {headers: {Accept: 'application/json'}});
			const {status} = await send;
			const want = expected(route, who);
			const right = want === 'in' ? ![401, 403, 500].includes(status) : status === want;
			if (!right) wrong.push(`${route.method} ${route.pattern} as ${who}: ${status}, not ${want}`);
		}
	assert.deepEqual(wrong, []);
});

test('a change without its CSRF proof, from elsewhere or by GET is not executed', async () => {
	const c = callers.manager;
	const before = q.sql('quern', 'SELECT count(*) FROM audit_log');
	for (const route of routes.filter((r) => r.changes && r.access > PUBLIC)) {
		const url = address(route.pattern);
		const right = c.csrf;
		for (const [name, fields, headers] of [
			['no token', {csrf: ''}, {}],
			['wrong token', {csrf: 'x'.repeat(right.length)}, {}],
			['foreign origin', {}, {Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site'}],
			['null origin', {}, {Origin: 'null', 'Sec-Fetch-Site': 'cross-site'}],
		]) {
			const {status} = await c.post(url, fields, {headers: {Accept: 'application/json', ...headers}});
			assert.ok([401, 403, 404].includes(status), `${route.pattern} with ${name}: ${status}`);
		}
		const get = await c.get(url, {headers: {Accept: 'application/json'}});
		assert.ok([404, 405].includes(get.status) || routes.some((r) => r.method === 'GET' && r.pattern === route.pattern), `GET ${url}: ${get.status}`);
		const plain = await c.request('POST', url, {body: '{"name":"x"}', headers: {Accept: 'application/json', 'Content-Type': 'text/plain', Origin: q.url}});
		assert.ok(plain.status >= 400, `${url} with text/plain: ${plain.status}`);
	}
	assert.equal(q.sql('quern', 'SELECT count(*) FROM audit_log'), before);
	const foreign = await new Client(q).post('/sign-in', {email: 'viewer@example.com', password: q.env.QUERN_DEMO_PASSWORD}, {headers: {Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site'}});
	assert.equal(foreign.status, 403);
});

test('identity headers from a client do nothing', async () => {
	const names = ['X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Auth-Request-User', 'X-Auth-Request-Email',
		'X-Auth-Request-Groups', 'X-Auth-Request-Preferred-Username', 'Remote-User', 'X-Remote-User', 'X-WEBAUTH-USER',
		'QUERN-AUTH-USER', 'QUERN-AUTH-EMAIL', 'QUERN_AUTH_EMAIL', 'Quern_Auth_User', 'X_Forwarded_Email', 'x-forwarded-email',
		'X-Auth_Request-Email', 'Authorization', 'Proxy', 'X-Original-URL', 'X-Rewrite-URL', 'X-HTTP-Method-Override', 'QUERN_SECRET'];
	for (const name of names)
		for (const value of ['admin@example.com', 'admin', `Bearer admin`]) {
			const {status} = await callers.nobody.get('/admin/users', {headers: {[name]: value, Accept: 'application/json'}});
			assert.ok([400, 401].includes(status), `${name}: ${status}`);
			const same = await callers.viewer.get('/admin/users', {headers: {[name]: value, Accept: 'application/json'}});
			assert.ok([400, 403].includes(same.status), `${name} as viewer: ${same.status}`);
		}
});

// A raw HTTP/1.1 request over TLS, for what a client library would not send. Resolves to the status or 0 when the connection closes.
function raw(lines) {
	return new Promise((resolve) => {
		const socket = require('node:tls').connect({host: '127.0.0.1', port: q.port, rejectUnauthorized: false}, () => socket.write(lines.join('\r\n') + '\r\n\r\n'));
		let text = '';
		socket.on('data', (d) => { text += d.toString('latin1'); });
		const end = () => { socket.destroy(); resolve({status: Number(/^HTTP\/1\.\d (\d+)/.exec(text)?.[1] || 0), text}); };
		socket.on('end', end);
		socket.on('error', end);
		setTimeout(end, 3000);
	});
}

test('tricks with paths end in 400 or 404, or on the route they name', async () => {
	const cookie = [...callers.viewer.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	const get = (path) => raw([`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Cookie: ${cookie}`, 'Accept: application/json', 'Connection: close']);
	const tricks = ['/p/shop/%2e%2e/%2e%2e/admin/users', '/p/shop/../../admin/users', '/admin%2fusers', '/admin%252fusers', '//admin/users',
		'/admin//users', '/./admin/users', '/%61dmin/users', '/admin/users%00', '/admin/users%0a', '/admin/users%0d%0aX:1', '/admin/users;x=1',
		'/admin;/users', '/ADMIN/users', '/admin/users/', '/admin/users%20', '/admin/users%09', '/p/shop%00x/settings', '/admin\\users',
		'/%5cadmin/users', '/admin/%2e/users', '/..;/admin/users', '/static/../admin/users', '/static/%2e%2e/admin/users',
		'/static/..%2fadmin/users', '/admin/users%ff', '/%c0%aeadmin/users', '/admin/users#x', '/p/shop/..%2f..%2fadmin/users'];
	for (const path of tricks) {
		const {status, text} = await get(path);
		assert.ok([400, 403, 404].includes(status), `${path}: ${status}`);
		assert.doesNotMatch(text, /viewer@example\.com<\/td>|root:x:/, path);
	}
	for (const path of ['/static/%2e%2e/Makefile', '/static/..%2fMakefile', '/static/../templates/layout.mustache', '/static/.env', '/static/package.json~'])
		assert.ok([400, 404].includes((await get(path)).status), path);
});

test('malformed requests are refused', async () => {
	const many = Array.from({length: 300}, (_, i) => `X-Filler-${i}: ${i}`);
	assert.ok([400, 431].includes((await raw(['GET /sign-in HTTP/1.1', 'Host: 127.0.0.1', ...many, 'Connection: close'])).status));
	assert.equal((await raw(['GET /sign-in HTTP/1.1', 'Host: a', 'Host: b', 'Connection: close'])).status, 400);
	assert.equal((await raw(['POST /sign-in HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked', 'Connection: close', '', '0', ''])).status, 400);
	assert.equal((await raw(['POST /sign-in HTTP/1.1', 'Host: a', 'Content-Encoding: gzip', 'Content-Length: 3', 'Connection: close', '', 'abc'])).status >= 400, true);
	assert.equal((await raw(['BREW /sign-in HTTP/1.1', 'Host: 127.0.0.1', 'Connection: close'])).status, 405);
	const big = await callers.nobody.post('/sign-in', {email: 'a@b.c', password: 'x'.repeat(200000)});
	assert.equal(big.status, 413);
});

// One FastCGI request straight to a worker's socket, past nginx. Resolves to what it says.
function fastcgi(socketPath, params) {
	const pair = ([k, v]) => Buffer.concat([Buffer.from([k.length]), v.length < 128 ? Buffer.from([v.length]) : (() => { const b = Buffer.alloc(4); b.writeUInt32BE((v.length | 0x80000000) >>> 0); return b; })(), Buffer.from(k), Buffer.from(v)]);
	const record = (type, body) => { const h = Buffer.from([1, type, 0, 1, 0, 0, 0, 0]); h.writeUInt16BE(body.length, 4); return Buffer.concat([h, body]); };
	const bytes = Buffer.concat([record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(4, Buffer.concat(Object.entries(params).map(pair))), record(4, Buffer.alloc(0)), record(5, Buffer.alloc(0))]);
	return new Promise((resolve) => {
		const socket = net.connect(socketPath, () => socket.write(bytes));
		let text = '';
		socket.on('data', (d) => { text += d.toString('latin1'); });
		socket.on('close', () => resolve(text));
		socket.on('error', () => resolve(text));
		setTimeout(() => socket.destroy(), 3000);
	});
}

test('whoever reaches the socket without the shared secret gets nothing', async () => {
	const params = {REQUEST_METHOD: 'GET', QUERN_URI: '/admin/users', DOCUMENT_URI: '/admin/users', QUERY_STRING: '', QUERN_AUTH_EMAIL: 'admin@example.com',
		QUERN_AUTH_USER: 'admin', QUERN_AUTH_GROUPS: 'admins', REMOTE_ADDR: '127.0.0.1', HTTP_ACCEPT: 'application/json'};
	for (const secret of [undefined, '', 'wrong', `${q.env.QUERN_FASTCGI_SECRET}x`, q.env.QUERN_FASTCGI_SECRET.slice(0, -1)]) {
		const text = await fastcgi(q.env.QUERN_WEB_SOCKET, secret === undefined ? params : {...params, QUERN_SECRET: secret});
		assert.match(text, /Status: 403/, `secret ${secret}: ${text.slice(0, 300)}`);
		assert.doesNotMatch(text, /example\.com/);
	}
	for (let i = 0; i < 200; i++) {
		const garbage = Buffer.from(Array.from({length: 64}, (_, j) => (i * 31 + j * 17) & 255));
		await new Promise((resolve) => {
			const s = net.connect(q.env.QUERN_WEB_SOCKET, () => s.end(garbage));
			s.on('close', resolve).on('error', resolve);
			s.resume();
		});
	}
	assert.equal((await callers.viewer.get('/')).status, 200);
});

test('sessions: no fixation, no replay after sign-out, everywhere means everywhere, roles count at once', async () => {
	const fixed = new Client(q);
	fixed.cookies.set('__Host-quern', 'A'.repeat(43));
	await fixed.get('/sign-in');
	await fixed.signIn('viewer@example.com');
	assert.notEqual(fixed.cookies.get('__Host-quern'), 'A'.repeat(43));

	const stolen = new Client(q);
	stolen.cookies = new Map(fixed.cookies);
	assert.equal((await stolen.get('/')).status, 200);
	assert.equal((await fixed.post('/sign-out')).status, 303);
	assert.equal((await stolen.get('/', {headers: {Accept: 'application/json'}})).status, 401);

	const one = await new Client(q).signIn('viewer@example.com');
	const two = await new Client(q).signIn('viewer@example.com');
	assert.equal((await one.post('/sign-out', {everywhere: '1'})).status, 303);
	assert.equal((await two.get('/', {headers: {Accept: 'application/json'}})).status, 401);
	callers.viewer = await new Client(q).signIn('viewer@example.com');

	assert.equal((await callers.analyst.get('/p/shop')).status, 200);
	const id = q.sql('quern', `SELECT id FROM users WHERE email = 'analyst@example.com'`);
	assert.equal((await callers.admin.post(`/p/shop/members/${id}/remove`)).status, 303);
	assert.equal((await callers.analyst.get('/p/shop')).status, 404);
	assert.equal((await callers.admin.post('/p/shop/members', {email: 'analyst@example.com', role: 'analyst'})).status, 303);
	assert.equal((await callers.analyst.get('/p/shop')).status, 200);
	assert.equal((await callers.admin.post(`/admin/users/${id}`, {name: 'x', disabled: '1'})).status, 303);
	assert.equal((await callers.analyst.get('/p/shop', {headers: {Accept: 'application/json'}})).status, 401);
	assert.equal((await callers.admin.post(`/admin/users/${id}`, {name: 'x'})).status, 303);
});

test('nobody reads the conversations, turns and runs of others', async () => {
	callers.analyst = await new Client(q).signIn('analyst@example.com');
	const done = await callers.analyst.ask('/p/shop/turns', 'how many rows in orders?');
	const {conversation_id: chat, turn_id: turn} = done.find('turn')[0];
	const run_id = q.sql('quern', `SELECT max(id) FROM query_runs WHERE turn_id = ${turn}`);
	for (const who of ['viewer', 'manager', 'admin', 'outsider'])
		for (const url of [`/p/shop/chat/${chat}`, `/turns/${turn}`, `/turns/${turn}/events`, `/runs/${run_id}`]) {
			const {status} = await callers[who].get(url, {headers: {Accept: 'application/json'}});
			assert.equal(status, 404, `${url} as ${who}: ${status}`);
		}
	assert.equal((await callers.analyst.get(`/runs/${run_id}`)).status, 200);
});

test('too many wrong passwords are refused with 429, the right one too, other people not', async () => {
	const c = new Client(q);
	let last;
	await until(async () => {
		last = await c.post('/sign-in', {email: 'outsider@example.com', password: 'wrong password'});
		return last.status === 429;
	}, '429', 30);
	assert.ok(Number(last.headers['retry-after']) > 0);
	assert.equal((await c.post('/sign-in', {email: 'outsider@example.com', password: q.env.QUERN_DEMO_PASSWORD})).status, 429);
	assert.equal((await c.post('/sign-in', {email: 'manager@example.com', password: q.env.QUERN_DEMO_PASSWORD})).status, 303);
});

test('no secret is in the logs, and every answer carries its request id', async () => {
	const page = await callers.nobody.get('/nothing-here');
	assert.equal(page.status, 404);
	assert.match(page.headers['x-request-id'], /^[a-z0-9]{16}$/);
	assert.ok(page.text.includes(page.headers['x-request-id']));
	const log = q.log('quern.log');
	assert.ok(log.includes(page.headers['x-request-id']));
	for (const name of ['QUERN_KEY', 'QUERN_FASTCGI_SECRET', 'QUERN_DEMO_PASSWORD', 'QUERN_DEV_PLATFORM_PASSWORD', 'QUERN_DEV_READER_PASSWORD'])
		assert.ok(!log.includes(q.env[name]), `${name} is in the log`);
	for (const line of log.trim().split('\n')) JSON.parse(line);
	const method = await callers.nobody.request('DELETE', '/sign-in', {headers: {Accept: 'application/json', Origin: q.url}});
	assert.equal(method.status, 405);
	assert.match(method.headers.allow, /GET/);
});

run({seconds: 120});
