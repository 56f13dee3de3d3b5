#!/usr/bin/env node
// The frame that artifacts run in: what they can do in a real Chromium, and what gets out of it.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client} = require('../lib/quern.js');
const {launch, open, signIn, shot} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

const SALES = {sales: {columns: [{name: 'month', type: 'text', kind: 'text'}, {name: 'revenue', type: 'numeric', kind: 'number'}],
	rows: [['Jan', '3.5'], ['Feb', '4'], ['Mar', null]], row_count: 3, truncated: false}};
let q, browser, page;

// Shows code as an artifact; resolves to {ok, errors, frame, id}.
async function show(type, code, data = SALES) {
	const id = artifacts.put(q, {type, code, data});
	return {id, ...await artifacts.open(page, id)};
}

test('start', async () => {
	q = await start({args: []});
	browser = await launch(['--js-flags=--max-old-space-size=400']); // a memory bomb ends soon
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('a React app runs, and its buttons', async () => {
	const {ok, errors, frame} = await show('react', `import { useState } from "react";
import { sumBy } from "lodash";
export default function App() {
	const [n, setN] = useState(0);
	return <div className="p-4 bg-blue-600 text-white"><p id="sum">{sumBy(data.sales.records, "revenue")}</p><button onClick={() => setN(n + 1)}>pressed {n}</button></div>;
}`);
	assert.ok(ok, JSON.stringify(errors));
	assert.equal(await frame.locator('#sum').innerText(), '7.5');
	await frame.getByRole('button').click();
	assert.equal(await frame.getByRole('button').innerText(), 'pressed 1');
	assert.match(await frame.locator('.p-4').evaluate((node) => getComputedStyle(node).padding), /16px/, 'Tailwind made the classes');
	await shot(page, 'sandbox-react');
});

test('only the libraries that are used are loaded', async () => {
	const asked = [];
	const note = (r) => { const m = /\/static\/libs\/([a-z0-9-]+?)-[0-9.]+\.js/.exec(r.url()); if (m) asked.push(m[1]); };
	page.on('request', note);
	await show('react', 'export default () => <p>plain</p>');
	assert.deepEqual(asked.sort(), ['babel', 'react']);
	asked.length = 0;
	await show('svg', '<svg viewBox="0 0 9 9"><rect width="9" height="9"/></svg>');
	assert.deepEqual(asked, []);
	page.off('request', note);
});

test('figures take their values from the data', async () => {
	const plotly = await show('plotly', JSON.stringify({data: [{type: 'bar', x: {$data: 'sales.month'}, y: {$data: 'sales.revenue'}}], layout: {}}));
	assert.ok(plotly.ok, JSON.stringify(plotly.errors));
	assert.equal(await plotly.frame.locator('.bars .point').count(), 3);
	const echarts = await show('echarts', JSON.stringify({xAxis: {type: 'category', data: {$data: 'sales.month'}}, yAxis: {}, series: [{type: 'bar', data: {$data: 'sales.revenue'}}]}));
	assert.ok(echarts.ok, JSON.stringify(echarts.errors));
	assert.match(await echarts.frame.locator('svg').innerHTML(), /Jan/);
	const none = await show('plotly', JSON.stringify({data: [{x: {$data: 'sales.week'}}]}));
	assert.match(none.errors[0].message, /no "sales\.week"; there is: sales\.month, sales\.revenue/);
});

test('errors say the line and column of the code, as text', async () => {
	const cases = [
		['react', 'export default function App() {\n  const x = 1;\n  return <p>{x.foo.bar}</p>;\n}', /reading 'bar'/, 3],
		['react', 'export default function App() {\n  return <p>{</p>;\n}', /Unexpected token/, 2],
		['react', 'import x from "framer-motion";\nexport default () => <p/>', /no module "framer-motion"; there are: react 19/, 1],
		['react', 'const a = 1;', /exports no component/, 0],
		['html', '<p>a</p>\n<script>\nlet a;\na.b();\n</script>', /reading 'b'/, 4],
		['plotly', '{\n "data": [1,]\n}', /not valid JSON/, 2],
		['svg', 'nothing', /no <svg> element/, 0],
		['react', 'throw new Error("<img src=x onerror=alert(1)>")', /<img src=x/, 1],
	];
	for (const [type, code, message, line] of cases) {
		const {ok, errors} = await show(type, code);
		assert.equal(ok, false, code);
		assert.match(errors[0].message, message);
		assert.equal(errors[0].line, line, `${code}: ${JSON.stringify(errors[0])}`);
		assert.match(await page.locator('.artifact-problems').innerText(), message);
	}
	assert.equal(await page.locator('.artifact-problems img').count(), 0);
});

test('the frame\'s document opened directly has no origin, no cookies, no storage', async () => {
	const {id} = await show('svg', '<svg></svg>');
	await page.goto(`/artifacts/${id}/sandbox`);
	const seen = await page.evaluate(() => {
		const fails = (f) => { try { f(); return false; } catch { return true; } };
		return {origin: self.origin, cookie: fails(() => document.cookie), local: fails(() => localStorage.length), session: fails(() => sessionStorage.length),
			database: fails(() => indexedDB.open('x')), text: document.body.textContent.trim()};
	});
	assert.deepEqual(seen, {origin: 'null', cookie: true, local: true, session: true, database: true, text: ''});
});

test('the frame\'s document has its own headers, and people without access get none', async () => {
	const id = artifacts.put(q, {type: 'svg', code: '<svg></svg>'});
	const owner = await new Client(q).signIn('analyst@example.com'), other = await new Client(q).signIn('viewer@example.com');
	const {status, headers, text} = await owner.get(`/artifacts/${id}/sandbox`);
	assert.equal(status, 200);
	const policy = headers['content-security-policy'];
	for (const part of ['sandbox allow-scripts;', 'default-src \'none\'', 'connect-src \'none\'', 'form-action \'none\'', 'frame-src \'none\'', 'worker-src \'none\'', 'frame-ancestors \'self\''])
		assert.ok(policy.includes(part), part);
	assert.ok(!/unsafe-eval|https?:|allow-same-origin/.test(policy), policy);
	assert.equal(headers['referrer-policy'], 'no-referrer');
	assert.equal(headers['x-dns-prefetch-control'], 'off');
	assert.equal(text, (await owner.get(`/artifacts/${artifacts.put(q, {type: 'html', code: 'secret code'})}/sandbox`)).text, 'the same for all');
	assert.equal((await other.get(`/artifacts/${id}/sandbox`)).status, 404);
	assert.equal((await new Client(q).get(`/artifacts/${id}/sandbox`)).status, 303);
	const around = (await owner.get(`/artifacts/${id}`)).headers['content-security-policy'];
	assert.ok(around.includes('frame-src \'self\'') && around.includes('default-src \'none\'') && !around.includes('unsafe'), around);
});

test('what was compiled once in a tab is not compiled again', async () => {
	const asked = [];
	const note = (r) => { const m = /\/static\/libs\/([a-z0-9-]+?)-[0-9.]+\.js/.exec(r.url()); if (m) asked.push(m[1]); };
	const {id} = await show('react', 'export default function App() {\n  return <p id="x">{data.sales.row_count}</p>;\n}');
	page.on('request', note);
	const again = await artifacts.open(page, id);
	page.off('request', note);
	assert.equal(await again.frame.locator('#x').innerText(), '3');
	assert.deepEqual(asked, ['react']);
});

test('a frame that leads itself elsewhere is removed', async () => {
	for (const code of ['location.href = "https://example.com/?secret"', 'location.href = "/account"', 'location.reload()', 'location.href = "data:text/html,x"', 'document.body.innerHTML = "<a href=/account>x</a>"; document.querySelector("a").click()']) {
		await show('html', `<script>setTimeout(() => { ${code} }, 100)</script>`);
		await page.locator('.artifact-problems', {hasText: 'tried to leave its frame'}).waitFor();
		assert.equal(await page.locator('iframe').count(), 0, code);
	}
	page.problems.length = 0;
});

test('what the frame says is believed only in its shape', async () => {
	const heights = await show('html', `<div style="height: 1e6px">tall</div>`);
	await page.waitForFunction(() => Number(document.querySelector('iframe').height) >= 6000);
	assert.equal(await page.locator('iframe').getAttribute('height'), '6000');
	assert.ok(heights.ok);
	// A page that is always a little higher than its window.
	await show('html', '<div style="height: calc(100vh + 40px)">grows</div>');
	await page.waitForTimeout(4000);
	const height = Number(await page.locator('iframe').getAttribute('height'));
	assert.ok(height < 4000, `${height}`);
	// Messages without end, by the window and by a message port of its own.
	await show('html', '<script>setInterval(() => { for (let i = 0; i < 1000; i++) parent.postMessage("x".repeat(1000), "*"); }, 10)</script>');
	await page.getByText('sent messages without end').waitFor();
	// Errors without end, of any length, with markup.
	await show('html', '<script>for (let i = 0; i < 5000; i++) setTimeout(() => { throw new Error("<b>x</b>" + "y".repeat(1e5)); });</script>');
	await page.waitForTimeout(500);
	const told = await page.locator('.artifact-problems p').allInnerTexts();
	assert.ok(told.length <= 10 && told.every((text) => text.length < 3000), `${told.length}`);
	assert.equal(await page.locator('.artifact-problems b').count(), 0);
	page.problems.length = 0;
});

test('a frame cannot speak for another, nor get its port', async () => {
	await page.goto(`/artifacts/${artifacts.put(q, {type: 'svg', code: '<svg viewBox="0 0 9 9"></svg>'})}`);
	const forge = `<p>forger</p><script>
		const say = () => { for (const to of [parent, top, ...Array.from({length: parent.length}, (_, i) => parent[i])]) {
			const c = new MessageChannel();
			c.port1.onmessage = (e) => { document.title = 'heard'; };
			to.postMessage('quern artifact frame', '*');
			to.postMessage('document.body.textContent = "forged"', '*', [c.port2]);
			to.postMessage({kind: 'error', message: 'forged'}, '*');
		} };
		say(); setInterval(say, 100);
	</script>`;
	await artifacts.mount(page, {type: 'html', code: forge});
	for (let i = 0; i < 3; i++) assert.ok((await artifacts.mount(page, {type: 'html', code: `<p class=mine>frame ${i}</p>`})).ok);
	const frames = page.frames().filter((f) => f.url().endsWith('/sandbox'));
	const texts = await Promise.all(frames.map((f) => f.evaluate(() => document.body.innerText.trim())));
	assert.deepEqual(texts.filter(Boolean).sort(), ['forger', 'frame 0', 'frame 1', 'frame 2']);
	assert.equal(await frames.find((f) => f.parentFrame()).evaluate(() => document.title), 'Artifact');
	assert.ok(!(await page.locator('main').innerText()).includes('forged'));
	await artifacts.take(page);
});

test('an endless loop leaves the page usable, and can be stopped', async () => {
	const id = artifacts.put(q, {type: 'html', code: '<p>soon</p><script>setTimeout(() => { for (;;); }, 300)</script>'});
	await artifacts.open(page, id);
	const late = await page.evaluate(async () => { // how late a timer of the page is meanwhile
		let worst = 0;
		for (let i = 0; i < 20; i++) { const t = performance.now(); await new Promise((resolve) => setTimeout(resolve, 50)); worst = Math.max(worst, performance.now() - t - 50); }
		return worst;
	});
	console.log(`# beside an endless loop a timer of the page was at most ${late.toFixed()} ms late`);
	assert.ok(late < 1000);
	const other = await page.context().newPage();
	await other.goto('/p/shop');
	await other.locator('#question').fill('typed while an artifact loops');
	assert.equal(await other.locator('#question').inputValue(), 'typed while an artifact loops');
	await other.close();
	await page.getByRole('button', {name: 'Stop it'}).click({timeout: 20000});
	await page.getByText('The artifact was stopped.').waitFor();
	assert.equal(await page.locator('iframe').count(), 0);
	const next = await artifacts.mount(page, {type: 'html', code: '<p>the next one</p>'});
	assert.ok(next.ok, JSON.stringify(next.errors));
});

test('an artifact that takes all memory takes nothing but itself', async () => {
	const id = artifacts.put(q, {type: 'html', code: '<script>setTimeout(() => { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); }, 100)</script>'});
	await artifacts.open(page, id);
	await page.waitForTimeout(4000);
	// Playwright takes the end of a frame's process for the page's: what the page itself says counts.
	assert.equal(await page.evaluate(() => document.querySelector('h1').textContent), 'Test');
	page = await page.context().newPage();
	await page.goto('/p/shop');
	await page.locator('#question').fill('still here');
	assert.equal(await page.locator('#question').inputValue(), 'still here');
	const {ok} = await show('html', '<p>the next one</p>');
	assert.ok(ok);
});

run({seconds: 120});
