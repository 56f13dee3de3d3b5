#!/usr/bin/env node
// An answer while it is written, in a real Chromium: nothing that stands there flickers or jumps, whatever happens to the stream.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, shared, until, sleep} = require('../lib/quern.js');
const {launch, open, signIn, shot, fits} = require('../lib/browser.js');

const STORY = `## What the shop sells

It sells **four kinds of things**, of which \`books\` are the most; see [the tables](/p/shop/data) for all of them.

- books, on paper and **not** on paper
- games
  - for two
  - for many

1. first
2. second

| month | revenue | orders |
|:------|--------:|-------:|
| January | 12.50 | 3 |
| February | 13.00 | 4 |

\`\`\`sql
SELECT date_trunc('month', ordered_at) AS month, sum(total) -- what was paid

FROM orders WHERE status <> 'refunded' GROUP BY 1
\`\`\`

> It is what it is.

The last words are **these**.`;

const PAYLOADS = ['<script>xss()</script>', '"><img src=x onerror=xss()>', '</textarea><script>xss()</script>', '<!--<script>--><img src=x onerror=xss()>', '[a](javascript:xss())', '[a](java\tscript:xss())',
	'![a](x" onerror="xss())', '[a](<x" onclick="xss()>)', '<javascript:xss()>', '```"><img src=x onerror=xss()>\nx\n```', '```sql\n</code><img src=x onerror=xss()>\'\n```', '| <img src=x onerror=xss()> |\n|---|\n| <svg onload=xss()> |',
	'**<b onmouseover=xss()>', '`<img src=x onerror=xss()>', '[<img src=x onerror=xss()>', '&lt;img src=x onerror=xss()&gt;', '<iframe srcdoc="<script>parent.xss()</script>">', '<math><mtext><table><mglyph><style><img src=x onerror=xss()>',
	'# <svg/onload=xss()>', '> <img src=x onerror=xss()>', '- <img src=x onerror=xss()>\n\n  <script>xss()</script>', '~~<img src=x onerror=xss()>', '![p](https://evil.example/p.png)', '<style>*{background:url(//evil.example)}</style>'];

function collected() {
	const lists = shared('xss', 'payloadsallthethings', 'XSS Injection', 'Intruders'), purify = shared('xss', 'dompurify.json');
	const lines = lists ? fs.readdirSync(lists).flatMap((name) => fs.readFileSync(path.join(lists, name), 'utf8').split('\n')) : [];
	return [...lines, ...(purify ? JSON.parse(fs.readFileSync(purify, 'utf8')).map((entry) => entry.payload) : [])]
		.filter((text) => text.trim() && !/[\0\ufffd]|\{\{/.test(text) && text.isWellFormed() && text.length < 2000);
}
const ALL = [...PAYLOADS, ...collected()];

let q, model, browser, page;

test('start', async () => {
	model = await scripted([
		{match: 'tell the story', reply: {text: STORY, chunk: 7, delay: 6}},
		{match: 'slow story', reply: {text: `${STORY}\n\n`.repeat(20), chunk: 9, delay: 12}},
		{match: 'say bad things', reply: {text: ALL.join('\n\n'), chunk: 60, delay: 0}},
		{match: 'slow bad things', reply: {text: PAYLOADS.join('\n\n'), chunk: 3, delay: 4}},
		{match: 'look first', call: 0, reply: {text: 'First I **look**.', chunk: 4, delay: 60, tools: [{name: 'execute_sql', input: {sql: 'SELECT count(*) AS n FROM orders'}}]}},
		{match: 'look first', reply: {text: 'There are {{rows.0.0}} orders.', first_delay: 300}},
	]);
	q = await start({args: [], env: model.env});
	browser = await launch();
	page = await open(browser, q);
	await page.addInitScript(() => {
		for (const name of ['xss', 'alert', 'confirm', 'prompt', 'print']) Object.defineProperty(window, name, {configurable: true, value: () => { console.error(`EXECUTED ${name}`); }});
		document.addEventListener('securitypolicyviolation', (e) => console.error(`VIOLATION ${e.violatedDirective} ${e.blockedURI}`));
		// Streams that break after some ms, as when a worker is replaced, or at once.
		const real = window.fetch;
		Object.assign(window, {streams: 0, breakAfter: 0, cut: false});
		window.fetch = async (url, options) => {
			const response = await real(url, options);
			if (!/\/(turns|events\?.*)$/.test(String(url)) || !response.ok) return response;
			window.streams++;
			const reader = response.body.getReader(), began = Date.now();
			return new Response(new ReadableStream({async pull(c) {
				const {value, done} = await reader.read();
				if (done) return c.close();
				if (!window.cut) c.enqueue(value);
				if (window.cut || (window.breakAfter && Date.now() - began > window.breakAfter)) { reader.cancel(); c.error(new TypeError('network error')); }
			}}), response);
		};
		// What moved on its own, and which nodes of the text went away after they were whole.
		window.shifts = [];
		new PerformanceObserver((list) => { for (const e of list.getEntries()) window.shifts.push({value: e.value, at: e.startTime, what: e.sources.map((s) => `${s.node?.nodeName}.${s.node?.className}`).join()}); }).observe({type: 'layout-shift', buffered: true});
	});
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => model && model.stop());
cleanup(() => browser && browser.close());

// Watches the text of the last turn: elements that were followed by another one are whole, and must stay as they are.
const watchText = () => page.evaluate(() => {
	window.flicker = [];
	window.seen = new Map();
	// The finished answer has its numbers marked, which moves nothing.
	const html = (node) => {
		const plain = node.cloneNode(true);
		for (const aside of plain.querySelectorAll('.num .visually-hidden')) aside.remove();
		for (const num of plain.querySelectorAll('.num')) num.replaceWith(...num.childNodes);
		return plain.outerHTML;
	};
	const look = () => {
		const text = [...document.querySelectorAll('[data-text]')].at(-1);
		const now = [...(text?.children ?? [])];
		for (const [node, was] of window.seen) {
			if (!node.isConnected) window.flicker.push(`gone: ${was.slice(0, 80)}`);
			else if (html(node) !== was) window.flicker.push(`changed: ${was.slice(0, 80)} -> ${html(node).slice(0, 80)}`);
		}
		window.seen = new Map(now.slice(0, -1).map((node) => [node, html(node)]));
	};
	new MutationObserver(look).observe(document.querySelector('[data-turns]'), {childList: true, subtree: true, characterData: true});
});

async function begin(question, on = page) {
	await on.locator('#question').fill(question);
	await on.keyboard.press('Enter');
}
const finished = (on = page) => on.locator('.turn').last().locator('.actions').waitFor({timeout: 60000});
// Looks again and again until the answer is there.
async function meanwhile(look) {
	let over = false;
	const end = finished().finally(() => { over = true; });
	end.catch(() => {});
	while (!over) await look();
	await end;
}
const textOf = (on = page) => on.locator('.turn').last().locator('[data-text]');

test('text grows block by block: what is whole keeps its nodes, nothing jumps, nothing flips', async () => {
	await watchText();
	const looks = [];
	await begin('tell the story');
	await textOf().locator('h2').waitFor();
	await shot(page, 'live-begun');
	await page.evaluate(() => { window.shifts.length = 0; const h = document.querySelectorAll('[data-text] h2'); window.heading = h[h.length - 1]; getSelection().selectAllChildren(window.heading); });
	await meanwhile(async () => looks.push(await textOf().innerText()));
	await shot(page, 'live-done');
	assert.ok(looks.length > 10);
	for (const text of looks) assert.ok(!/\*\*|\]\(|```|^\|/m.test(text), `markup is seen: ${text.slice(-200)}`);
	for (let i = 1; i < looks.length; i++) assert.ok(looks[i].length >= looks[i - 1].length - 3, `text went away: ${looks[i - 1].slice(-100)} became ${looks[i].slice(-100)}`);
	assert.deepEqual(await page.evaluate(() => window.flicker), []);
	assert.equal(await page.evaluate(() => getSelection().toString()), 'What the shop sells', 'what was selected stays so, to the end');
	assert.ok(await page.evaluate(() => window.heading.isConnected), 'the finished turn has the nodes that were there');
	const moved = await page.evaluate(() => window.shifts);
	assert.ok(moved.reduce((sum, s) => sum + s.value, 0) < 0.01, JSON.stringify(moved));
	assert.ok(await textOf().locator('code.sql .k').count() > 3, 'SQL is coloured');
});

test('who scrolled up stays there; who is at the end follows', async () => {
	await begin('slow story');
	await until(async () => (await textOf().innerText()).length > 1200, 'some text');
	const list = page.locator('[data-turns]');
	const gap = () => list.evaluate((n) => n.scrollHeight - n.scrollTop - n.clientHeight);
	assert.ok(await gap() < 90, 'at the end');
	await list.evaluate((n) => { n.scrollTop -= 400; });
	const top = await list.evaluate((n) => n.scrollTop);
	const length = (await textOf().innerText()).length;
	await until(async () => (await textOf().innerText()).length > length + 300, 'more text');
	assert.equal(await list.evaluate((n) => n.scrollTop), top);
	await page.getByRole('button', {name: 'Latest'}).click();
	await until(async () => await gap() < 90, 'at the end again');
	await page.keyboard.press('Escape');
	await finished();
});

test('a stream that breaks goes on without a word, without a letter twice or lost', async () => {
	await page.goto('/p/shop');
	await page.evaluate(() => { window.breakAfter = 250; });
	await watchText();
	const statuses = new Set();
	let last = '';
	await begin('tell the story');
	await meanwhile(async () => {
		const text = await textOf().innerText();
		assert.ok(text.length >= last.length - 3, `text went away: ${last.length} -> ${text.length}`);
		last = text;
		statuses.add(await page.locator('.turn').last().locator('summary').first().innerText());
	});
	assert.ok(await page.evaluate(() => window.streams) > 1, 'it did break');
	assert.ok(![...statuses].some((s) => /lost|offline/i.test(s)), [...statuses].join());
	assert.deepEqual(await page.evaluate(() => window.flicker), []);
	assert.equal((await textOf().innerText()).match(/What the shop sells/g).length, 1);
	await page.reload();
});

test('offline is told, and mended by itself', async () => {
	await begin('slow story');
	await textOf().locator('h2').first().waitFor();
	await page.context().setOffline(true);
	await page.evaluate(() => { window.cut = true; });
	await until(async () => /offline/.test(await page.locator('.turn').last().locator('[data-status]').innerText()), 'a word about it');
	await shot(page, 'live-offline');
	await page.evaluate(() => { window.cut = false; });
	await page.context().setOffline(false);
	await until(async () => !/offline|lost/i.test(await page.locator('.turn').last().locator('[data-status]').innerText()), 'no word about it');
	const length = (await textOf().innerText()).length;
	await until(async () => (await textOf().innerText()).length > length, 'more text');
	await page.keyboard.press('Escape');
	await finished();
	page.problems = page.problems.filter((p) => !/ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED/.test(p));
});

test('a reload in the middle shows the text at once, and two tabs the same', async () => {
	await begin('slow story');
	await until(async () => (await textOf().innerText()).length > 2000, 'more text than comes in the second between two checkpoints');
	const other = await page.context().newPage();
	await other.goto(page.url());
	assert.ok((await textOf(other).innerText()).length > 200, 'there is text before any script');
	await until(async () => (await textOf(other).innerText()).length > 2400, 'it grows');
	assert.equal(await textOf(other).locator('h2').count() > 0, true);
	await other.locator('[data-stop]').click();
	await finished();
	await finished(other);
	assert.equal(await textOf(other).innerText(), await textOf().innerText());
	await other.close();
});

test('what is said before a tool runs moves into the steps', async () => {
	await begin('look first');
	await until(async () => /look/.test(await textOf().innerText()), 'the first words');
	await page.locator('.turn').last().locator('.steps .said').waitFor({state: 'attached'});
	await finished();
	assert.match(await textOf().innerText(), /^There are [\d,]+ orders\.$/);
	assert.match(await page.locator('.turn').last().locator('.steps > summary').innerText(), /looked at 1 table, ran 1 query, [\d.]+ m?s/);
});

test('what runs is told to those who do not see it, and not each letter', async () => {
	const said = await page.evaluate(() => {
		window.said = [];
		new MutationObserver(() => window.said.push(document.querySelector('body > [role=status].visually-hidden').textContent)).observe(document.querySelector('body > [role=status].visually-hidden'), {childList: true, characterData: true, subtree: true});
		return document.querySelectorAll('[data-turns] [aria-live]').length;
	});
	assert.equal(said, 0, 'the text itself is no live region');
	await begin('tell the story');
	await finished();
	const words = await page.evaluate(() => window.said);
	assert.ok(words.length >= 2 && words.length < 8, words.join(' | '));
	assert.equal(words.at(-1), 'The answer is there', words.join(' | '));
});

test('hostile text in small pieces never becomes markup', async () => {
	const marks = () => page.evaluate(() => [...document.querySelectorAll('[data-text] *')].filter((n) => /^(script|img|svg|iframe|style|object|math|form|link|base|meta|template|button|audio|video|embed)$/i.test(n.localName)
		|| [...n.attributes].some((a) => /^on|^style$|^srcdoc$/i.test(a.name) || (/^(href|src)$/.test(a.name) && !/^(https?:|mailto:|\/|[^:]*$)/i.test(a.value)))).map((n) => n.outerHTML.slice(0, 100)));
	for (const question of ['slow bad things', 'say bad things']) {
		await begin(question);
		await meanwhile(async () => assert.deepEqual(await marks(), []));
	}
	assert.deepEqual(page.problems.filter((p) => /EXECUTED|VIOLATION/.test(p)), []);
});

test('dark, on a phone, at 200 %', async () => {
	for (const [name, options] of [['dark', {dark: true}], ['phone', {width: 390, height: 844}], ['zoomed', {width: 720, height: 450}]]) {
		const p = await open(browser, q, options);
		await signIn(p, q);
		await begin('slow story', p);
		await until(async () => (await textOf(p).innerText()).length > 900, 'some text');
		await shot(p, `live-${name}`);
		assert.ok(await fits(p), name);
		await p.keyboard.press('Escape');
		await finished(p);
		assert.deepEqual(p.problems, []);
		await p.context().close();
	}
});

test('no console errors in all of this', () => assert.deepEqual(page.problems, []));

run({seconds: 240});
