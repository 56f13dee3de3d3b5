#!/usr/bin/env node
// What a page gets of an answer while it is written: HTML, block by block.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, Client, until} = require('../lib/quern.js');

const PART = `## Revenue by month

It rose **steadily**, see \`orders\` and [the table](/p/shop/data).

- first
- second
  more of it

| month | revenue |
|:------|--------:|
| 2025-01 | 12.50 |
| 2025-02 | 13.00 |

\`\`\`sql
SELECT count(*) FROM orders -- all

WHERE total > 1
\`\`\`

> a word <b>about</b> it

`;
const LONG = PART.repeat(6);
const WALL = 'a wall of words without an end '.repeat(2000);
const FENCE = `\`\`\`\n${'x = 1\n\n'.repeat(5000)}\`\`\`\n\nDone.`;

let q, model, c;

test('start', async () => {
	model = await scripted([
		{match: 'at once', reply: {text: LONG, chunk: 4000, delay: 0}},
		{match: 'slowly', reply: {text: LONG, chunk: 20, delay: 10}},
		{match: 'wall', reply: {text: WALL, chunk: 60, delay: 1}},
		{match: 'fence', reply: {text: FENCE, chunk: 60, delay: 1}},
		{match: 'use a tool', call: 0, reply: {text: 'Let me **look** at it', tools: [{name: 'execute_sql', input: {sql: 'SELECT 1'}}]}},
		{match: 'use a tool', reply: {text: 'It is *one*.'}},
		{match: 'pause', reply: {text: 'The beginning of a sentence that then stops for long', chunk: 26, delay: 30, then: 'hang'}},
	]);
	q = await start({args: [], env: model.env});
	c = await new Client(q).signIn('analyst@example.com');
});
cleanup(() => q && q.stop());
cleanup(() => model && model.stop());

const markdown = (text) => q.cli(['markdown'], {input: text}).stdout;
const plain = (html) => html.replace(/<code class="(sql|language-sql)">/g, '<code>').replace(/<\/?span[^>]*>/g, '');

// The messages of a stream as a page has them at the end; checks that only the last block ever changes.
function messages(events) {
	const list = [[]];
	for (const {event, data} of events) {
		const blocks = list.at(-1);
		if (event === 'block') {
			assert.ok(data.i === blocks.length || data.i === blocks.length - 1, `block ${data.i} behind ${blocks.length}`);
			blocks[data.i] = data.html;
		}
		if (event === 'message') list.push([]);
	}
	assert.deepEqual(list.pop(), []);
	return list.map((blocks) => blocks.join(''));
}

const ask = (question, options = {}) => c.ask('/p/shop/turns', question, {fields: {html: '1'}, ...options});
const turnOf = (events) => events.find((e) => e.event === 'turn').data.turn_id;

for (const how of ['at once', 'slowly'])
	test(`blocks of an answer that comes ${how} are the whole answer`, async () => {
		const {events, find} = await ask(`answer ${how}`);
		assert.equal(find('delta').length, 0);
		assert.equal(plain(messages(events).join('')), plain(markdown(find('message')[0].text)));
		assert.match(messages(events).join(''), /<span class="k">SELECT<\/span>/);
		assert.ok(events.every((e) => e.event !== 'block' || !e.id), 'blocks have no id');
		const again = await c.watch(turnOf(events), 0, () => {}, '&html=1');
		assert.equal(messages(again).join(''), messages(events).join(''), 'whoever comes later gets the same');
	});

test('programs get text as before', async () => {
	const {events, find} = await c.ask('/p/shop/turns', 'answer slowly');
	assert.equal(find('block').length, 0);
	assert.equal(find('delta').map((d) => d.text).join(''), find('message')[0].text);
	assert.equal((await c.watch(turnOf(events))).filter((e) => e.event === 'block').length, 0);
});

test('whoever comes in the middle gets the same blocks', async () => {
	let watched;
	const {events} = await ask('answer slowly', {onEvent: (e) => {
		if (e.event === 'block' && e.data.i === 8) watched ??= c.watch(turnOf(eventsSoFar), 0, () => {}, '&html=1');
		eventsSoFar.push(e);
	}});
	assert.equal(messages(await watched).join(''), messages(events).join(''));
});
const eventsSoFar = [];

for (const [name, text] of [['wall', WALL], ['fence', FENCE]])
	test(`the cost of one long block is bounded: ${name}`, async () => {
		const {events} = await ask(name);
		const blocks = events.filter((e) => e.event === 'block');
		const bytes = blocks.reduce((sum, e) => sum + e.data.html.length, 0);
		assert.equal(plain(messages(events).join('')), plain(markdown(text)));
		assert.ok(bytes < 40 * text.length, `${bytes} bytes of HTML for ${text.length} of text, in ${blocks.length} blocks`);
	});

test('a message before a tool is whole; the next one begins anew', async () => {
	const {events} = await ask('use a tool');
	const [first, second] = messages(events);
	assert.equal(first, '<p>Let me <strong>look</strong> at it</p>\n');
	assert.equal(second, '<p>It is <em>one</em>.</p>\n');
});

test('text that stops is shown to its last letter, without waiting for more', async () => {
	let turn, html = '';
	const done = ask('pause here', {onEvent: (e) => {
		turn ??= e.data.turn_id;
		if (e.event === 'block') html = e.data.html;
	}});
	await until(() => /stops for long<\/p>/.test(html), 'the last letter');
	await c.post(`/turns/${turn}/stop`);
	await done;
});

run({seconds: 120});
