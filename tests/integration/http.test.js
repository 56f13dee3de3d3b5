#!/usr/bin/env node
// The sockets between nginx and the workers: what nobody should send there harms nobody else, and nginx chooses the pool that
// knows the route.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client} = require('../lib/quern.js');
const {request, send, numbers, garbage} = require('../lib/fcgi.js');

const GARBAGE = 3000, SENDERS = 6, SILENT_WEB = 24, SILENT_AGENT = 1000;

let q, client;

test('start', async () => {
	q = await start({args: ['--no-demo']});
	client = new Client(q);
});
cleanup(() => q && q.stop());

// A form as nginx passes it on.
const form = () => ({QUERN_SECRET: q.env.QUERN_FASTCGI_SECRET, REMOTE_ADDR: '127.0.0.1', REQUEST_METHOD: 'POST', QUERN_URI: '/sign-in?x=1',
	DOCUMENT_URI: '/sign-in', QUERY_STRING: 'x=1', CONTENT_TYPE: 'application/x-www-form-urlencoded', CONTENT_LENGTH: '7',
	HTTP_ACCEPT: 'text/html', HTTP_COOKIE: '__Host-quern=abc; a=b'});
const status = (answer) => Number(/^Status: (\d+) /.exec(answer)?.[1] ?? 0);

// Both pools, past nginx and through it.
async function assertServed() {
	const page = await client.get('/health'), stream = await client.get('/turns/1/events');
	assert.strictEqual(page.status, 200, page.text);
	assert.ok(stream.status < 500, `${stream.status} ${stream.text}`);
}

test('who has the secret is heard, who has not learns nothing', async () => {
	const sockets = [q.env.QUERN_WEB_SOCKET, q.env.QUERN_AGENT_SOCKET];
	for (const socket of sockets) {
		const wrong = await send(socket, Buffer.concat(request({...form(), QUERN_SECRET: 'x'}, 'a=1&b=2')));
		assert.strictEqual(status(wrong), 403);
		assert.match(wrong, /\r\n\r\nNot allowed\n$/);
		assert.strictEqual(fs.statSync(socket).mode & 0o777, 0o660);
	}
	const health = {...form(), REQUEST_METHOD: 'GET', QUERN_URI: '/health', DOCUMENT_URI: '/health', QUERY_STRING: '', CONTENT_LENGTH: ''};
	assert.strictEqual(status(await send(sockets[0], Buffer.concat(request(health)))), 200);
	assert.strictEqual(status(await send(sockets[1], Buffer.concat(request(health)))), 404);
});

test('garbage at the sockets ends no worker while requests go on', async () => {
	const random = numbers(1), sockets = [q.env.QUERN_WEB_SOCKET, q.env.QUERN_AGENT_SOCKET], answers = {};
	let left = GARBAGE, served = 0;
	const sender = async () => {
		while (left > 0) {
			const answer = await send(sockets[left-- % sockets.length], garbage(form(), random), 45000);
			assert.ok(answer === '' || status(answer) > 0, answer);
			answers[status(answer)] = (answers[status(answer)] || 0) + 1;
		}
	};
	const reader = async () => {
		while (left > 0) {
			await assertServed();
			served++;
		}
	};
	await Promise.all([...Array.from({length: SENDERS}, sender), reader()]);
	assert.ok(served > 0);
	// Some are cut off without a word, some refused with a sentence; none is our failure.
	assert.ok(answers[0] > 0 && answers[400] > 0, JSON.stringify(answers));
	assert.ok(Object.keys(answers).every((code) => code < 500), JSON.stringify(answers));
	assert.doesNotMatch(q.log('quern.log'), /worker died/);
});

// Fewer of them than the pool has threads.
async function silent(socket, count) {
	const open = await Promise.all(Array.from({length: count}, () => new Promise((resolve, reject) => {
		const s = net.connect(socket, () => resolve(s)).on('error', reject);
	})));
	try {
		for (let i = 0; i < 50; i++)
			await assertServed();
	} finally {
		for (const s of open)
			s.destroy();
	}
}

test('connections that say nothing stop nobody', async () => {
	await silent(q.env.QUERN_WEB_SOCKET, SILENT_WEB);
	await silent(q.env.QUERN_AGENT_SOCKET, SILENT_AGENT);
	await assertServed();
});

// Paths that match a pattern, with short and long values.
function examples(pattern) {
	const values = {int: ['7', '1'.repeat(18)], slug: ['shop', '0', 'a-1' + 'b'.repeat(60)], token: ['A_-'.padEnd(43, 'z')], name: ['orders', 'Größe', 'turns']};
	let paths = [''];
	for (const part of pattern.split(/(\{\w+:\w+\})/)) {
		const type = /^\{\w+:(\w+)\}$/.exec(part)?.[1];
		paths = paths.flatMap((head) => (type ? values[type] : [part]).map((tail) => head + tail));
	}
	return paths;
}

// The locations of the rendered configuration that lead to a pool, chosen as nginx does: expressions in their order, then the
// longest prefix.
function locations() {
	const list = [];
	for (const line of fs.readFileSync(path.join(q.dir, 'nginx.conf'), 'utf8').split('\n')) {
		const open = /^\s*location (?:(=|~|\^~|~\*) )?(\S+) \{/.exec(line), pass = /^\s*fastcgi_pass quern_(\w+);/.exec(line);
		if (open) list.push({kind: open[1] || '', what: open[2], pool: null});
		if (pass) list.at(-1).pool = pass[1];
	}
	assert.ok(list.every((l) => ['', '~', '='].includes(l.kind)), 'a kind of location that this test does not know');
	return list;
}

function poolOf(list, url) {
	const exact = list.find((l) => l.kind === '=' && l.what === url), regex = list.find((l) => l.kind === '~' && new RegExp(l.what).test(url));
	const prefixes = list.filter((l) => l.kind === '' && url.startsWith(l.what)).sort((a, b) => b.what.length - a.what.length);
	return (exact || regex || prefixes[0])?.pool;
}

test('nginx sends every route to the pool of its row', () => {
	const list = locations(), seen = new Set();
	const routes = q.cli(['routes']).stdout.trim().split('\n').map((line) => JSON.parse(line));
	for (const route of routes)
		for (const url of examples(route.pattern)) {
			assert.strictEqual(poolOf(list, url), route.pool, `${route.method} ${url}`);
			seen.add(route.pool);
		}
	assert.deepStrictEqual([...seen].sort(), ['agent', 'web']);
});

test('routes of both pools are reached through nginx', async () => {
	for (const line of q.cli(['routes']).stdout.trim().split('\n')) {
		const route = JSON.parse(line), url = examples(route.pattern)[0];
		const answer = await client.request(route.method, encodeURI(url), {headers: {Accept: 'application/json'}});
		assert.ok(answer.status < 500 && answer.headers['x-request-id'], `${route.method} ${url}: ${answer.status} ${answer.text}`);
		assert.doesNotMatch(answer.text, /there is no such page/, `${route.method} ${url}`);
	}
});

run({seconds: 120});
