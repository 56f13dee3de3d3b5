#!/usr/bin/env node
// Artifacts that mean no good, in a real Chromium: those that leave, forge, flood, loop and take all memory end alone.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start} = require('../lib/quern.js');
const {launch, open, signIn} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

let q, browser, page;

// Shows code as an artifact; resolves to {ok, errors, frame, id}.
async function show(type, code) {
	const id = artifacts.put(q, {type, code});
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
