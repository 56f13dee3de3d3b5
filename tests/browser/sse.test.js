#!/usr/bin/env node
// Whatever text comes into a turn, its stream has the turn's events and no others: what would end a line of a stream stands in
// every field of it, and an EventSource of Chromium reads it, while it is written and afterwards, as data and as pages get it.
'use strict';

const assert = require('node:assert');
const http = require('node:http');
const {StringDecoder} = require('node:string_decoder');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, Client, until} = require('../lib/quern.js');
const {launch, open, signIn} = require('../lib/browser.js');

const BREAKS = {cr: '\r', lf: '\n', crlf: '\r\n', 'line separator': '\u2028', 'paragraph separator': '\u2029', 'next line': '\u0085', nul: '␀', none: ''};
const ENDS = ['cr', 'lf', 'crlf']; // those that do end a line of a stream
const FIELDS = ['question', 'thinking', 'text', 'comment', 'name', 'cell', 'error', 'table', 'id', 'argument', 'answer', 'refusal'];
const KINDS = ['turn', 'delta', 'block', 'thinking', 'step', 'message', 'tool_call', 'tool_result', 'provenance', 'usage', 'error', 'done', 'injected'];
const LOOSE = ['turn', 'delta', 'block', 'thinking']; // those without a number

// Short enough for a column's name.
const hostile = (brk, field) => `F${FIELDS.indexOf(field)}${brk}${brk}event:injected${brk}data:{"injected":1}${brk}id:9${brk}${brk}`;
const literal = (text) => `'${text.replaceAll('\'', '\'\'')}'`;
const ident = (text) => `"${text.replaceAll('"', '""')}"`;

// What the model says to the question that begins with a break's name.
function rulesOf([name, brk]) {
	const h = (field) => hostile(brk, field), match = `^${name}:`;
	const data = name === 'nul' ? 'no NUL' : h('cell'); // databases hold none
	return [
		{match, call: 0, reply: {thinking: h('thinking'), text: h('text'), chunk: 5, delay: 2, tools: [{name: 'execute_sql', input: {sql: `SELECT ${literal(data)} AS ${ident(data === 'no NUL' ? data : h('name'))} /* ${h('comment')} */ FROM orders LIMIT 2`}}]}},
		{match, call: 1, reply: {text: `${h('answer')} {{rows.0.0}}`, chunk: 1, tools: [{name: 'execute_sql', input: {sql: `SELECT ${literal(h('error'))}::text::integer AS n FROM orders`}}]}},
		{match, call: 2, reply: {text: '{{tool_result}}', tools: [{name: 'describe_table', input: {table: h('table')}}]}},
		{match, call: 3, reply: {tools: [{name: 'execute_sql', id: h('id'), input: {sql: 'SELECT 1 AS one', [h('argument')]: h('argument')}}]}},
		{match, reply: {text: `{{tool_result}} ${h('answer')}`, chunk: 3, delay: 2}},
		{match: `^refuse ${name}:`, reply: {status: 400, error: {type: 'invalid_request_error', message: h('refusal')}}},
	];
}

// A model that says NUL for the sign of it: scenarios cannot hold one.
async function withNul(address) {
	const server = http.createServer((req, res) => {
		const up = http.request(new URL(req.url, address), {method: req.method, headers: req.headers}, (reply) => {
			const decoder = new StringDecoder('utf8'), {'content-length': _, ...headers} = reply.headers;
			res.writeHead(reply.statusCode, headers);
			reply.on('data', (bytes) => res.write(decoder.write(bytes).replaceAll('␀', '\\u0000')));
			reply.on('end', () => res.end());
		});
		up.on('error', () => res.destroy());
		req.pipe(up);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	cleanup(() => server.close());
	return `http://127.0.0.1:${server.address().port}`;
}

let q, model, browser, page, analyst;

test('start', async () => {
	model = await scripted(Object.entries(BREAKS).flatMap(rulesOf));
	q = await start({args: [], env: {...model.env, QUERN_LLM_URL: await withNul(model.env.QUERN_LLM_URL)}});
	analyst = await new Client(q).signIn('analyst@example.com');
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
	// Streams that the server did not send, to see what is seen of them.
	await page.route('**/raw-events', (route) => route.fulfill({contentType: 'text/event-stream', body: page.raw}));
});
cleanup(() => q && q.stop());
cleanup(() => model && model.stop());
cleanup(() => browser && browser.close());

// All events that an EventSource makes of it, up to "done" or the end of the stream.
const heard = (url) => page.evaluate(({url: from, kinds}) => new Promise((resolve, reject) => {
	const source = new EventSource(from), events = [];
	const over = (e) => { source.close(); e ? reject(e) : resolve(events); };
	setTimeout(() => over(new Error(`no end: ${JSON.stringify(events.slice(-3))}`)), 20000);
	for (const kind of kinds) {
		source.addEventListener(kind, (e) => {
			if (e instanceof MessageEvent) events.push({id: e.lastEventId, kind: e.type, data: e.data});
			if (kind === 'done') over();
		});
	}
	source.onerror = (e) => { if (!(e instanceof MessageEvent)) over(); };
}), {url, kinds: KINDS});

test('the ear of this test hears what is injected', async () => {
	for (const [name, brk] of Object.entries(BREAKS)) {
		page.raw = Buffer.from(`id: 1\nevent: step\ndata: {"text":"${hostile(brk, 'x').replaceAll('␀', '\0')}"}\n\nid: 2\nevent: done\ndata: {}\n\n`);
		const kinds = (await heard('/raw-events')).map((e) => e.kind);
		assert.equal(kinds.includes('injected'), ENDS.includes(name), `${name}: ${kinds}`);
	}
});

// What came is what the database has of the turn, in its order, and between it text only.
function judge(turn, events, what) {
	const rows = q.sql('quern', `SELECT seq || ' ' || kind FROM turn_events WHERE turn_id = ${turn} ORDER BY seq`).split('\n');
	const kinds = rows.map((row) => row.split(' ')[1]);
	assert.deepEqual(kinds.filter((kind) => !KINDS.includes(kind)), [], 'kinds that this test listens to');
	const numbered = events.filter((e) => !LOOSE.includes(e.kind));
	assert.deepEqual(numbered.map((e) => `${e.id} ${e.kind}`), rows, what);
	assert.equal(events[0].kind, 'turn', what);
	assert.equal(events.filter((e) => e.kind === 'turn').length, 1, what);
	for (const e of events) {
		const body = JSON.parse(e.data);
		assert.ok(body && typeof body === 'object' && !('injected' in body), `${what}: ${e.data}`);
	}
}

// Asks, listens in two ways meanwhile, and again in two ways when it is over.
async function ask(question) {
	let begun = '';
	const asked = analyst.post('/p/shop/turns', {question}, {onData: (text) => { begun += text; }, headers: {Accept: 'text/event-stream'}});
	await until(() => /"turn_id": ?\d+/.test(begun), 'the turn begins');
	const turn = /"turn_id": ?(\d+)/.exec(begun)[1];
	const urls = [`/turns/${turn}/events`, `/turns/${turn}/events?html=1`];
	const live = await Promise.all(urls.map(heard));
	const sent = await asked;
	page.raw = Buffer.from(sent.text);
	const all = [...live, ...await Promise.all(urls.map(heard)), await heard('/raw-events')];
	all.forEach((events, i) => judge(turn, events, `${JSON.stringify(question)}, stream ${i}`));
	return {turn, all};
}

for (const [name, brk] of Object.entries(BREAKS)) {
	test(`${FIELDS.length} fields with ${name}`, async () => {
		const {turn, all} = await ask(`${name}: ${hostile(brk, 'question').replaceAll('␀', '')}`);
		const {all: refused} = await ask(`refuse ${name}: it`);
		const text = [...all, ...refused].flat().map((e) => e.data).join('\n');
		assert.equal(q.sql('quern', `SELECT status FROM turns WHERE id = ${turn}`), 'done');
		// All of it is in the stream, but for what no stream tells. NUL is in no data, and ends what a provider says of an error.
		const missing = FIELDS.filter((field, i) => !new RegExp(`F${i}[^]{0,60}event:injected`).test(text));
		assert.deepEqual(missing, name === 'nul' ? ['question', 'name', 'cell', 'id', 'refusal'] : ['question', 'id'], 'what is in no stream');
	});
}

run({seconds: 120});
