#!/usr/bin/env node
// Header single sign-on behind the real nginx: accounts, groups, forged identities, and both ways of signing in side by side.
// A small server stands in for oauth2-proxy; who somebody is follows from a cookie.
'use strict';

const assert = require('node:assert');
const {spawn} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const path = require('node:path');
const tls = require('node:tls');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client, freePort, until} = require('../lib/quern.js');
const {record, request: fastcgi, params: pairs, send} = require('../lib/fcgi.js');

const JSON_TYPE = {Accept: 'application/json'};
const ROLES = 'cn=readers=shop:viewer, analysts=shop:analyst,keepers=shop:admin,elsewhere=nowhere:admin';
let proxy, header, both;

// The stand-in -------------------------------------------------------------------------------------------------------

const people = {};
const asked = [];

// What the real one sends; a refusal carries an identity all the same, which nobody may believe.
function answerAuth(req, res) {
	const who = people[/(?:^|; )who=(\w+)/.exec(req.headers.cookie || '')?.[1]];
	asked.push(req.rawHeaders);
	if (!who)
		return res.writeHead(401, {'X-Auth-Request-Email': 'boss@example.com', 'X-Auth-Request-Groups': 'admins'}).end('no');
	const headers = {};
	for (const [name, value] of Object.entries({User: who.user, Email: who.email, Groups: who.groups?.join(',')}))
		if (value !== undefined) headers[`X-Auth-Request-${name}`] = value;
	return res.writeHead(202, {...headers, 'X-Accel-Redirect': '/static/quern.css'}).end();
}

async function startProxy(port) {
	const server = http.createServer((req, res) => {
		if (req.url.startsWith('/oauth2/auth')) return answerAuth(req, res);
		return res.writeHead(req.url.startsWith('/oauth2/sign_in') ? 403 : 200, {'Content-Type': 'text/html'}).end(`<h1>mock ${req.method} ${req.url}</h1>`);
	});
	await new Promise((resolve) => { server.listen(port, '127.0.0.1', resolve); });
	return server;
}
const stopProxy = () => new Promise((resolve) => { proxy.closeAllConnections(); proxy.close(resolve); });

function person(q, name) {
	const client = new Client(q);
	client.cookies.set('who', name);
	return client;
}

// Everything that should be as it was after an attack.
const state = (q) => q.sql('quern', `SELECT json_agg(u ORDER BY id) FROM (SELECT id, email, name, origin, is_admin, disabled_at FROM users) u;
	SELECT json_agg(m ORDER BY user_id) FROM members m; SELECT count(*) FROM audit_log; SELECT count(*) FROM sessions`);

test('start', async () => {
	const port = await freePort();
	proxy = await startProxy(port);
	const env = {QUERN_OAUTH2_PROXY: `127.0.0.1:${port}`, QUERN_AUTH_ROLES: ROLES, QUERN_AUTH_ADMIN_GROUP: 'admins'};
	header = await start({env: {...env, QUERN_AUTH: 'header'}});
	both = await start({args: [], env: {...env, QUERN_AUTH: 'both'}});
	for (const q of [header, both])
		for (const [name, value] of Object.entries(env))
			assert.equal(q.env[name], value, `${name} in DIR/env`);
	Object.assign(people, {
		ann: {email: 'Ann@Example.com', user: 'Ann', groups: ['analysts']},
		eve: {email: 'eve@example.com', user: 'Eve', groups: ['cn=readers', 'other']},
		kim: {email: 'kim@example.com', user: 'Kim', groups: ['keepers']},
		boss: {email: 'boss@example.com', user: 'Boss', groups: ['admins']},
		out: {email: 'out@example.com', user: 'Out', groups: []},
		local: {email: 'admin@example.com', user: 'Somebody', groups: ['admins']},
	});
});
cleanup(() => header && header.stop());
cleanup(() => both && both.stop());
cleanup(() => proxy && stopProxy());

test('groups are kept with the account, and shown but not changed here', async () => {
	const [zoe, boss] = [person(header, 'zoe'), person(header, 'boss')];
	people.zoe = {email: 'zoe@example.com', user: 'Zoe', groups: ['north', 'analysts', 'north']};
	await zoe.get('/p/shop');
	const stored = () => header.sql('quern', "SELECT xmin || ' ' || groups::text FROM users WHERE email = 'zoe@example.com'").trim();
	const first = stored();
	assert.match(first, /\{analysts,north\}$/);
	people.zoe.groups = ['north', 'analysts'];
	assert.match((await zoe.get('/account')).text, /Groups: analysts, north/);
	assert.equal(stored(), first, 'nothing is written while nothing changes');
	people.zoe.groups = ['south'];
	assert.equal((await zoe.get('/p/shop')).status, 404);
	assert.match(stored(), /\{south\}$/);
	const users = await boss.get('/admin/users');
	assert.match(users.text, /<td class="values">south<\/td>/);
	const id = header.sql('quern', "SELECT id FROM users WHERE email = 'zoe@example.com'").trim();
	const csrf = /data-csrf="([^"]+)"/.exec(users.text)[1];
	assert.equal((await boss.post(`/admin/users/${id}`, {csrf, name: 'Zoe', groups: 'north'})).status, 303);
	assert.match(stored(), /\{south\}$/);
	assert.match(header.sql('quern', "SELECT detail FROM audit_log WHERE action = 'user.groups' ORDER BY id DESC LIMIT 1"), /"south"/);
	delete people.zoe;
});

// Identities ---------------------------------------------------------------------------------------------------------

test('who is not signed in at the proxy gets its page, and nothing of ours', async () => {
	const nobody = new Client(header);
	for (const url of ['/', '/p/shop', '/admin/users', '/sign-in', '/nothing']) {
		const page = await nobody.get(url);
		assert.equal(page.status, 403, url);
		assert.match(page.text, /mock GET/, url);
		assert.ok(!page.headers['x-request-id'], `${url} reached a worker`);
	}
	assert.match((await nobody.post('/sign-out')).text, /mock GET/);
	assert.equal((await nobody.get('/static/quern.css')).status, 200);
	assert.equal((await nobody.get('/health')).status, 200);
});

test('an account is made for somebody new, once, with what the groups give', async () => {
	const ann = person(header, 'ann');
	const page = await ann.get('/account');
	assert.equal(page.status, 200);
	assert.match(page.text, /Ann · ann@example\.com/);
	assert.match(page.text, /single sign-on/);
	assert.equal((await ann.get('/p/shop')).status, 200);
	assert.equal((await ann.get('/p/shop/settings', {headers: JSON_TYPE})).status, 403);
	assert.equal((await ann.get('/admin/users', {headers: JSON_TYPE})).status, 403);
	assert.equal(header.sql('quern', `SELECT origin, is_admin, password_hash IS NULL FROM users WHERE email = 'ann@example.com'`), 'header|f|t');
	assert.equal(header.sql('quern', `SELECT count(*) FROM audit_log a JOIN users u ON a.object = 'user:' || u.id WHERE u.email = 'ann@example.com' AND action = 'user.create'`), '1');
	assert.ok(!ann.cookies.has('__Host-quern'), 'there is no session beside the proxy\'s');
	const out = person(header, 'out');
	assert.equal((await out.get('/')).status, 200);
	assert.equal((await out.get('/p/shop', {headers: JSON_TYPE})).status, 404);
});

test('many people at once, each for the first time, get one account each', async () => {
	for (let i = 0; i < 8; i++) people[`new${i}`] = {email: `new${i}@example.com`, user: `New ${i}`, groups: ['analysts']};
	const all = await Promise.all(Array.from({length: 40}, (_, i) => person(header, `new${i % 8}`).get('/p/shop')));
	assert.deepEqual([...new Set(all.map((r) => r.status))], [200]);
	assert.equal(header.sql('quern', `SELECT count(*), count(DISTINCT email) FROM users WHERE email LIKE 'new%'`), '8|8');
});

test('roles follow the groups at the next request, both ways', async () => {
	const eve = person(header, 'eve');
	const role = () => header.sql('quern', `SELECT role, m.origin FROM members m JOIN users u ON u.id = m.user_id WHERE email = 'eve@example.com'`);
	const settings = async () => (await eve.get('/p/shop/settings', {headers: JSON_TYPE})).status;
	assert.equal(await settings(), 403);
	assert.equal(role(), 'viewer|header');
	people.eve.groups = ['cn=readers', 'keepers', 'analysts'];
	assert.equal(await settings(), 200, 'the highest counts');
	assert.equal(role(), 'admin|header');
	people.eve.groups = ['analysts'];
	assert.equal(await settings(), 403);
	assert.equal(role(), 'analyst|header');
	people.eve.groups = ['readers', 'cn=reader', 'CN=READERS', 'keepers:admin', ''];
	assert.equal(await settings(), 404, 'names of groups are compared whole');
	assert.equal(role(), '');
	people.eve.groups = ['cn=readers', 'other'];
	assert.equal(await settings(), 403);
	assert.equal(role(), 'viewer|header');
});

test('instance admins are who is in that group, as long as they are', async () => {
	const boss = person(header, 'boss');
	assert.equal((await boss.get('/admin/users')).status, 200);
	assert.equal((await boss.get('/p/shop/settings')).status, 200);
	people.boss.groups = ['admin', 'admins '.trimEnd() + 'x'];
	assert.equal((await boss.get('/admin/users', {headers: JSON_TYPE})).status, 403);
	assert.equal((await boss.get('/p/shop', {headers: JSON_TYPE})).status, 404);
	people.boss.groups = ['admins'];
	assert.equal((await boss.get('/admin/users')).status, 200);
});

test('somebody with very many groups is let in', async () => {
	people.many = {email: 'many@example.com', user: 'Many', groups: [...Array.from({length: 300}, (_, i) => `0b1f6a30-8d6c-4f0e-9d6b-${String(i).padStart(12, '0')}`), 'analysts']};
	assert.equal((await person(header, 'many').get('/p/shop')).status, 200);
});

test('an identity that cannot be used is refused in words', async () => {
	const before = state(header);
	for (const [name, who] of Object.entries({
		noemail: {user: 'x', groups: ['admins']}, notmail: {email: 'boss', user: 'x'}, two: {email: 'boss@example.com,eve@example.com', user: 'x'},
		quoted: {email: '"boss"@example.com', user: 'x'}, latin: {email: 'b\u00f6ss@example.com', user: 'x'}, long: {email: `${'a'.repeat(250)}@example.com`, user: 'x'},
		badname: {email: 'bad@example.com', user: 'x\u00ff'}, badgroups: {email: 'bad@example.com', user: 'x', groups: ['\u00ff']}})) {
		people[name] = who;
		const {status, text} = await person(header, name).get('/admin/users', {headers: JSON_TYPE});
		assert.equal(status, 403, `${name}: ${text}`);
		assert.equal(JSON.parse(text).error.code, 'identity', name);
	}
	assert.equal(state(header), before);
});

test('the e-mail address of a local account is refused, whatever the groups', async () => {
	const before = state(header);
	for (const url of ['/', '/admin/users', '/p/shop']) {
		const {status, text} = await person(header, 'local').get(url, {headers: JSON_TYPE});
		assert.equal(status, 403);
		assert.match(JSON.parse(text).error.message, /local account/);
	}
	assert.equal(state(header), before);
});

test('nobody signs in with a password, and a session of before counts for nothing', async () => {
	const eve = person(header, 'eve');
	await eve.get('/');
	const signIn = await eve.post('/sign-in', {email: 'admin@example.com', password: header.env.QUERN_DEMO_PASSWORD});
	assert.equal(signIn.status, 403);
	assert.ok(!eve.cookies.has('__Host-quern'));
	const token = crypto.randomBytes(32).toString('base64url');
	header.sql('quern', `INSERT INTO sessions (token_hash, user_id, csrf, expires_at, address) SELECT sha256('${token}'), id, 'x', now() + interval '1 hour', '' FROM users WHERE email = 'admin@example.com'`);
	eve.cookies.set('__Host-quern', token);
	assert.match((await eve.get('/account')).text, /eve@example\.com/);
	assert.equal((await eve.get('/admin/users', {headers: JSON_TYPE})).status, 403);
	const nobody = new Client(header);
	nobody.cookies.set('__Host-quern', token);
	assert.match((await nobody.get('/')).text, /mock GET/);
});

test('a disabled account stays outside', async () => {
	const boss = person(header, 'boss');
	await boss.get('/');
	await person(header, 'out').get('/');
	const id = header.sql('quern', `SELECT id FROM users WHERE email = 'out@example.com'`);
	assert.equal((await boss.post(`/admin/users/${id}`, {name: 'Out', disabled: '1'})).status, 303);
	people.out.groups = ['admins', 'keepers'];
	assert.equal((await person(header, 'out').get('/admin/users', {headers: JSON_TYPE})).status, 403);
	assert.equal((await person(header, 'out').get('/p/shop', {headers: JSON_TYPE})).status, 403);
	assert.equal(header.sql('quern', `SELECT is_admin FROM users WHERE id = ${id}`), 'f');
	people.out.groups = [];
	assert.equal((await boss.post(`/admin/users/${id}`, {name: 'Out'})).status, 303);
});

// Forgeries ----------------------------------------------------------------------------------------------------------

// A request as text over TLS. Resolves to {status, text}; status 0 when the connection was closed without an answer.
function raw(q, text) {
	return new Promise((resolve) => {
		const socket = tls.connect({host: '127.0.0.1', port: q.port, rejectUnauthorized: false}, () => socket.write(text, 'latin1'));
		let got = '';
		const end = () => { socket.destroy(); resolve({status: Number(/^HTTP\/1\.\d (\d+)/.exec(got)?.[1] || 0), text: got}); };
		socket.on('data', (d) => { got += d.toString('latin1'); });
		socket.on('end', end).on('error', end);
		setTimeout(end, 5000).unref();
	});
}

const NAMES = ['X-Auth-Request-Email', 'X-Auth-Request-User', 'X-Auth-Request-Groups', 'X-Auth-Request-Preferred-Username', 'X-Auth-Request-Access-Token',
	'X-Forwarded-Email', 'X-Forwarded-User', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username', 'X-Forwarded-Access-Token', 'X-Forwarded-For',
	'X-Forwarded-Host', 'X-Forwarded-Uri', 'X-Forwarded-Proto', 'X-Real-IP', 'Forwarded', 'Remote-User', 'Remote-Email', 'Remote-Groups', 'X-Remote-User',
	'X-WEBAUTH-USER', 'X-User', 'X-Email', 'From', 'QUERN-AUTH-EMAIL', 'QUERN-AUTH-USER', 'QUERN-AUTH-GROUPS', 'Quern-Auth-Email', 'QUERN-SECRET',
	'QUERN_AUTH_EMAIL', 'QUERN_AUTH_USER', 'QUERN_AUTH_GROUPS', 'quern_auth_email', 'Quern_Auth-Email', 'HTTP_QUERN_AUTH_EMAIL', 'HTTP-QUERN-AUTH-EMAIL',
	'X_Auth_Request_Email', 'x-auth_request-email', 'X-Auth-Request_Email', 'x_forwarded_email', 'X.Auth.Request.Email', 'QUERN.AUTH.EMAIL', 'SSO-Email',
	'sso_email', 'X-Accel-Redirect', 'X-Original-URL', 'X-Original-URI', 'X-Rewrite-URL', 'X-HTTP-Method-Override', 'Proxy', 'Proxy-Authorization',
	'X-Authenticated-User', 'X-Authenticated-Email', 'GAP-Auth', 'Upstream-X-Auth-Request-Email', 'DOCUMENT-URI', 'REQUEST-METHOD', 'REMOTE-ADDR'];

// Requests of one and the same person (or of nobody, with an empty cookie), each with something that could pass for somebody else.
function forgeries(cookie) {
	const line = (url, ...lines) => [`GET ${url} HTTP/1.1`, 'Host: 127.0.0.1', `Cookie: ${cookie}`, ...lines, 'Connection: close', '', ''].join('\r\n');
	const list = NAMES.map((name) => line('/account', `${name}: boss@example.com`));
	for (const name of ['X-Auth-Request-Email', 'X-Auth-Request-Groups', 'QUERN-AUTH-EMAIL']) {
		list.push(line('/account', `${name}: boss@example.com`, `${name}: eve@example.com`), line('/account', `${name} : boss@example.com`),
			line('/account', `${name}\t: boss@example.com`), line('/account', ` ${name}: boss@example.com`), line('/account', `X-A: b\r\n ${name}: boss@example.com`),
			line('/account', `X-A: b\n${name}: boss@example.com`), line('/account', `X-A: b\r${name}: boss@example.com`), line('/account', `${name}: boss@example.com\0`),
			line('/account', `Connection: ${name}, Cookie`, `${name}: boss@example.com`), line('/account', `${name.toLowerCase()}: boss@example.com`));
	}
	list.push(line('/account?QUERN_AUTH_EMAIL=boss@example.com&email=boss@example.com'), line('/account?x-auth-request-email=boss@example.com'),
		line('/account', 'Host: boss@example.com'), line('https://boss@example.com/account'), line('/account', 'Cookie: who=boss'),
		line('/account', 'Authorization: Basic Ym9zczpib3Nz'), line('/account', 'Authorization: Bearer boss@example.com'), line('/account', 'X-Forwarded-Method: POST'),
		line('/account', 'Content-Length: 0', 'Transfer-Encoding: chunked', '', '0', '', 'GET /admin/users HTTP/1.1', 'Host: a', 'Cookie: who=boss'),
		line('/account', 'Content-Length: 5', 'Content-Length: 0'), line('/account', 'Transfer-Encoding: xchunked'), line('/account', 'Transfer-Encoding : chunked'),
		line('/account', 'Sec-WebSocket-Protocol: boss@example.com', 'Upgrade: websocket'), line('/account', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'));
	return list;
}

test('forged identities in a request change nothing (over 80 ways, as somebody and as nobody)', async () => {
	await person(header, 'eve').get('/p/shop');
	await person(both, 'eve').get('/p/shop');
	for (const [q, cookie, mine] of [[header, 'who=eve', /eve@example\.com/], [header, 'a=b', /mock GET/], [both, 'a=b', /^HTTP\/1\.1 303 [^]*\r\nLocation: \/sign-in/]]) {
		const before = state(q), list = forgeries(cookie);
		assert.ok(list.length >= 80, String(list.length));
		for (const text of list) {
			const answer = await raw(q, text);
			const refused = [0, 400, 405, 413, 415, 431, 501].includes(answer.status);
			// Whoever takes the cookie out of their own request is nobody.
			const nobody = text.includes(', Cookie') && /mock GET|Location: \/sign-in/.test(answer.text);
			assert.ok(refused || nobody || mine.test(answer.text), `${JSON.stringify(text)}\n${answer.text.slice(0, 600)}`);
			assert.doesNotMatch(answer.text, /boss@example\.com<|Boss ·|class="list" id="users"/, text);
		}
		assert.equal(state(q), before);
	}
	assert.deepEqual([...new Set(asked.flatMap((headers) => headers.filter((_, i) => i % 2 === 0)))].sort(),
		['Connection', 'Cookie', 'Host', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Uri', 'X-Real-IP'], 'the proxy sees no other header');
});

test('over HTTP/2, too', async () => {
	const session = http2.connect(header.url, {rejectUnauthorized: false});
	const get = (headers) => new Promise((resolve) => {
		const stream = session.request({':path': '/account', cookie: 'who=eve', ...headers});
		let status = 0, text = '';
		stream.on('response', (h) => { status = h[':status']; });
		stream.on('data', (d) => { text += d; });
		stream.on('error', () => {});
		stream.on('close', () => resolve({status, text}));
	});
	try {
		for (const headers of [{}, {'x-auth-request-email': 'boss@example.com'}, {quern_auth_email: 'boss@example.com'}, {'quern-auth-email': 'boss@example.com'},
			{cookie: ['who=eve', 'who=boss']}, {host: 'boss.example'}, {':authority': 'boss.example'}, {'x-forwarded-groups': 'admins'}, {':scheme': 'http'}]) {
			const {status, text} = await get(headers);
			assert.ok(status === 400 || /eve@example\.com/.test(text), `${JSON.stringify(headers)}: ${status} ${text.slice(0, 300)}`);
			assert.doesNotMatch(text, /Boss ·/);
		}
	} finally {
		session.close();
	}
});

test('at the socket, only nginx\'s own parameters are an identity, and they come once', async () => {
	const given = {QUERN_SECRET: header.env.QUERN_FASTCGI_SECRET, REQUEST_METHOD: 'GET', QUERN_URI: '/account', DOCUMENT_URI: '/account', QUERY_STRING: '', REMOTE_ADDR: '127.0.0.1'};
	const ask = (extra) => send(header.env.QUERN_WEB_SOCKET, Buffer.concat(fastcgi({...given, ...extra})));
	assert.match(await ask({QUERN_AUTH_EMAIL: 'eve@example.com', QUERN_AUTH_USER: 'Eve', QUERN_AUTH_GROUPS: 'cn=readers,other'}), /Status: 200[^]*eve@example\.com/);
	for (const name of ['HTTP_QUERN_AUTH_EMAIL', 'HTTP_X_AUTH_REQUEST_EMAIL', 'HTTP_X_FORWARDED_EMAIL', 'HTTP_REMOTE_USER', 'REMOTE_USER', 'AUTH_EMAIL', 'quern_auth_email', 'QUERN_AUTH_EMAIL ', ' QUERN_AUTH_EMAIL'])
		assert.match(await ask({[name]: 'eve@example.com'}), /Status: 303[^]*\/sign-in/, name);
	const twice = [record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(4, Buffer.concat([pairs({...given, QUERN_AUTH_EMAIL: 'eve@example.com'}), pairs({QUERN_AUTH_EMAIL: 'boss@example.com'})])),
		record(4, Buffer.alloc(0)), record(5, Buffer.alloc(0))];
	assert.match(await send(header.env.QUERN_WEB_SOCKET, Buffer.concat(twice)), /Status: 400/);
});

// Changes ------------------------------------------------------------------------------------------------------------

test('changes by people of single sign-on need the token of their own page', async () => {
	const ann = person(header, 'ann'), kim = person(header, 'kim');
	await ann.get('/p/shop');
	await kim.get('/p/shop');
	assert.ok(ann.csrf && kim.csrf && ann.csrf !== kim.csrf);
	const asked_ = await ann.ask('/p/shop/turns', 'What tables are there?');
	assert.equal(asked_.find('done')[0].status, 'done');
	const rename = `/p/shop/chat/${asked_.find('turn')[0].conversation_id}/rename`;
	for (const [what, fields, headers] of [['no token', {csrf: ''}, {}], ['somebody else\'s', {csrf: kim.csrf}, {}], ['a foreign page', {}, {Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site'}],
		['a sister host', {}, {'Sec-Fetch-Site': 'same-site'}], ['a frame without origin', {}, {Origin: 'null'}], ['another port', {}, {Origin: 'https://127.0.0.1:1'}], ['no TLS', {}, {Origin: header.url.replace('https', 'http')}]]) {
		const {status} = await ann.post(rename, {title: 'Forged', ...fields}, {headers: {...JSON_TYPE, ...headers}});
		assert.equal(status, 403, what);
	}
	assert.equal((await ann.post(rename, {title: 'Mine'})).status, 204);
	const out = await ann.post('/sign-out');
	assert.equal(out.status, 303);
	assert.equal(out.headers.location, '/oauth2/sign_out');
});

test('next= leads nowhere else', async () => {
	const ann = person(header, 'ann');
	for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '\\\\evil.example', '/%0d%0aLocation:x', '/\t/evil.example', 'javascript:alert(1)', '/\r\nSet-Cookie: a=b', '////evil.example', '/.//evil.example']) {
		const {status, headers} = await ann.get(`/sign-in?next=${encodeURIComponent(next)}`);
		assert.equal(status, 303);
		assert.equal(new URL(headers.location, header.url).origin, header.url, next);
		assert.ok(!headers['set-cookie'], next);
	}
});

test('a Proxy header moves no call of a worker', async () => {
	let calls = 0;
	const trap = net.createServer((s) => { calls++; s.destroy(); });
	await new Promise((resolve) => { trap.listen(0, '127.0.0.1', resolve); });
	const at = `http://127.0.0.1:${trap.address().port}`;
	const ann = person(header, 'ann');
	await ann.get('/p/shop');
	const events = [];
	await ann.post('/p/shop/turns', {question: 'How did revenue develop month by month in 2025?'},
		{headers: {Accept: 'text/event-stream', Proxy: at, 'Http-Proxy': at, 'Https-Proxy': at, 'All-Proxy': at}, onData: (text) => events.push(text)});
	trap.close();
	assert.match(events.join(''), /event: usage/, 'the model was asked');
	assert.match(events.join(''), /"status":"done"/);
	assert.equal(calls, 0);
});

// nginx and a worker of ours -----------------------------------------------------------------------------------------

function readPairs(bytes) {
	const out = {}, length = () => {
		const n = bytes[0] & 0x80 ? bytes.readUInt32BE(0) & 0x7fffffff : bytes[0];
		bytes = bytes.subarray(bytes[0] & 0x80 ? 4 : 1);
		return n;
	};
	while (bytes.length) {
		const n = length(), v = length();
		out[bytes.subarray(0, n).toString()] = bytes.subarray(n, n + v).toString();
		bytes = bytes.subarray(n + v);
	}
	return out;
}

// A worker that answers what a test wants, and remembers what it was told.
function stubWorker(socketPath, reply) {
	const seen = [];
	const server = net.createServer((socket) => {
		let bytes = Buffer.alloc(0), block = Buffer.alloc(0);
		socket.on('error', () => {});
		socket.on('data', (more) => {
			bytes = Buffer.concat([bytes, more]);
			while (bytes.length >= 8 && bytes.length >= 8 + bytes.readUInt16BE(4) + bytes[6]) {
				const type = bytes[1], content = bytes.subarray(8, 8 + bytes.readUInt16BE(4));
				bytes = bytes.subarray(8 + content.length + bytes[6]);
				if (type === 4) block = Buffer.concat([block, content]);
				if (type === 5 && !content.length) {
					seen.push(readPairs(block));
					socket.end(Buffer.concat([record(6, Buffer.from(reply.text)), record(3, Buffer.alloc(8))]));
				}
			}
		});
	});
	return new Promise((resolve) => { server.listen(socketPath, () => resolve({server, seen})); });
}

// A second nginx with the configuration of the instance, whose workers are the stub.
async function withStub(q, act) {
	const dir = path.join(q.dir, 'stub'), port = await freePort(), reply = {text: ''};
	fs.mkdirSync(path.join(dir, 'nginx'), {recursive: true});
	fs.writeFileSync(path.join(dir, 'secret.txt'), 'the secret file');
	const conf = fs.readFileSync(path.join(q.dir, 'nginx.conf'), 'utf8').replaceAll(`:${q.port} ssl`, `:${port} ssl`).replaceAll(`${q.dir}/nginx`, `${dir}/nginx`)
		.replaceAll(q.env.QUERN_WEB_SOCKET, `${dir}/web.sock`).replaceAll(q.env.QUERN_AGENT_SOCKET, `${dir}/web.sock`)
		.replace('location /static/ {', `location /inside/ { internal; alias ${dir}/; }\n\t\tlocation /static/ {`);
	fs.writeFileSync(path.join(dir, 'nginx.conf'), conf, {mode: 0o600});
	const {server, seen} = await stubWorker(`${dir}/web.sock`, reply);
	const child = spawn('nginx', ['-p', dir, '-c', `${dir}/nginx.conf`, '-e', `${dir}/error.log`, '-g', 'daemon off;'], {stdio: 'ignore'});
	try {
		const stub = {port, url: `https://127.0.0.1:${port}`, env: q.env};
		await until(() => new Promise((resolve) => { const s = net.connect(port, '127.0.0.1', () => { s.destroy(); resolve(true); }).on('error', () => resolve(false)); }), 'nginx listens');
		await act(stub, reply, seen);
	} finally {
		child.kill('SIGTERM');
		await new Promise((resolve) => { child.on('exit', resolve); });
		server.close();
	}
}

test('what a worker says to nginx is an answer and no order', async () => {
	await withStub(header, async (stub, reply) => {
		const eve = person(stub, 'eve');
		for (const order of ['X-Accel-Redirect: /inside/secret.txt', 'X-Accel-Redirect: /static/quern.css', 'x-accel-redirect: /oauth2/sign_in', 'X-Accel-Redirect: @nobody', 'X-Accel-Redirect: /.sso/required',
			'X-Accel-Charset: utf-7', 'X-Accel-Expires: 3600', 'X-Accel-Limit-Rate: 1', 'X-Sendfile: /etc/passwd']) {
			reply.text = `Status: 200 OK\r\nContent-Type: text/plain\r\n${order}\r\n\r\nfrom the worker`;
			const {status, text, headers} = await eve.get('/p/shop');
			assert.equal(status, 200, order);
			assert.equal(text, 'from the worker', order);
			assert.ok(!('x-accel-redirect' in headers), order);
		}
		reply.text = 'Status: 401 Unauthorized\r\nContent-Type: text/plain\r\n\r\nours';
		assert.equal((await eve.get('/p/shop')).text, 'ours', 'a worker\'s 401 is not the proxy\'s');
		assert.equal((await eve.get('/inside/secret.txt')).status, 404);
	});
});

test('nginx tells a worker who it is from the proxy alone', async () => {
	await withStub(header, async (stub, reply, seen) => {
		reply.text = 'Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nok';
		const names = new Set();
		for (const text of forgeries('who=eve')) {
			seen.length = 0;
			const {status} = await raw(stub, text);
			for (const given of seen) {
				for (const name of Object.keys(given)) if (!name.startsWith('HTTP_')) names.add(name);
				assert.deepEqual([given.QUERN_AUTH_EMAIL, given.QUERN_AUTH_USER, given.QUERN_AUTH_GROUPS], ['eve@example.com', 'Eve', 'cn=readers,other'], text);
				assert.equal(given.QUERN_SECRET, header.env.QUERN_FASTCGI_SECRET);
				assert.equal(given.REMOTE_ADDR, '127.0.0.1');
				assert.ok(!given.HTTP_PROXY);
			}
			assert.ok(seen.length <= 1, `one request became ${seen.length}: ${JSON.stringify(text)}`);
			assert.ok(seen.length === 1 || status !== 200, text);
		}
		assert.deepEqual([...names].sort(), ['CONTENT_LENGTH', 'CONTENT_TYPE', 'DOCUMENT_URI', 'QUERN_AUTH_EMAIL', 'QUERN_AUTH_GROUPS', 'QUERN_AUTH_USER', 'QUERN_SECRET', 'QUERN_URI', 'QUERY_STRING', 'REMOTE_ADDR', 'REQUEST_METHOD']);
	});
});

// Both ways ----------------------------------------------------------------------------------------------------------

test('both: the sign-in page offers the two, and a refusal of the proxy makes nobody', async () => {
	const nobody = new Client(both);
	const sent = await nobody.get('/p/shop/data');
	assert.equal(sent.status, 303);
	const page = await nobody.get(sent.headers.location);
	assert.match(page.text, /name="password"/);
	assert.match(page.text, /href="\/oauth2\/start\?rd=%2Fp%2Fshop%2Fdata"/);
	assert.equal((await nobody.get('/admin/users', {headers: JSON_TYPE})).status, 401);
	assert.equal(both.sql('quern', `SELECT count(*) FROM users WHERE email = 'boss@example.com'`), '0');
});

test('both: each way leads to its own accounts', async () => {
	const admin = await new Client(both).signIn('admin@example.com');
	assert.equal((await admin.get('/admin/users')).status, 200);
	const kim = person(both, 'kim');
	assert.equal((await kim.get('/p/shop/settings')).status, 200);
	const local = person(both, 'local');
	assert.equal((await local.get('/admin/users', {headers: JSON_TYPE})).status, 403);
	await local.get('/sign-in');
	assert.equal((await local.post('/sign-in', {email: 'admin@example.com', password: both.env.QUERN_DEMO_PASSWORD})).status, 303, 'with its password it is the same person');
	assert.equal((await local.get('/admin/users')).status, 200);
	// An account of single sign-on has no password to guess.
	const guess = await new Client(both).post('/sign-in', {email: 'kim@example.com', password: ''});
	assert.equal(guess.status, 401);
	const set = both.cli(['user', 'passwd', 'kim@example.com'], {input: 'a long password\n'});
	assert.equal(set.code, 1);
	assert.match(set.stderr, /single sign-on/);
});

test('both: a session that was asked for counts before the proxy\'s word', async () => {
	const viewer = person(both, 'kim');
	await viewer.get('/sign-in');
	await viewer.post('/sign-in', {email: 'viewer@example.com', password: both.env.QUERN_DEMO_PASSWORD});
	assert.match((await viewer.get('/account')).text, /viewer@example\.com/);
	assert.equal((await viewer.get('/p/shop/settings', {headers: JSON_TYPE})).status, 403);
	assert.equal((await viewer.post('/sign-out')).headers.location, '/sign-in');
	assert.match((await viewer.get('/account')).text, /kim@example\.com/);
});

test('while the proxy is away: local people work on, others are told', async () => {
	const {port} = proxy.address();
	const admin = await new Client(both).signIn('admin@example.com');
	await stopProxy();
	const away = await person(header, 'ann').get('/p/shop');
	assert.equal(away.status, 503);
	assert.match(away.text, /Not available right now/);
	assert.ok(away.headers['retry-after']);
	assert.equal((await admin.get('/admin/users')).status, 200);
	assert.equal((await person(both, 'kim').get('/p/shop', {headers: JSON_TYPE})).status, 401);
	proxy = await startProxy(port);
	assert.equal((await person(header, 'ann').get('/p/shop')).status, 200);
	assert.equal((await person(both, 'kim').get('/p/shop')).status, 200);
});

run({seconds: 180});
