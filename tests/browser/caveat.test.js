#!/usr/bin/env node
// What is told about results in the chat: caveats as chips, a second look at a doubtful result, how old rows are, rows read
// again, long values that were cut, one damaged turn among others. With and without script.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, until} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

const CATEGORIES = 'What is the revenue of each category?';
let q, browser, page;

test('start and sign in', async () => {
	q = await start();
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('a sum over repeated rows is looked at again, and the chip says why', async () => {
	const turn = await ask(page, CATEGORIES);
	await turn.locator('.steps > summary').click();
	assert.match(await turn.locator('.steps').innerText(), /Checking the result.*rows may be counted more than once/);
	const cards = turn.locator('[data-card]');
	assert.equal(await cards.count(), 2);
	const chip = cards.first().locator('.caveat > summary');
	assert.equal(await chip.innerText(), 'counted twice?');
	const reason = cards.first().locator('.caveat p');
	assert.ok(!await reason.isVisible());
	await chip.focus();
	await page.keyboard.press('Enter');
	assert.match(await reason.innerText(), /orders\.total is added up once for each row of order_items/);
	assert.equal(await cards.last().locator('.caveat').count(), 0);
	assert.match(await cards.last().locator('.card-facts').innerText(), /· live$/);
	await shot(page, 'caveat-fan-out');
	await page.reload();
	assert.equal(await page.locator('.caveat > summary').innerText(), 'counted twice?', 'a reload shows the same');
});

test('no rows say what was asked for', async () => {
	const turn = await ask(page, 'Which kitchen products are there?');
	assert.match(await turn.locator('.caveat p').innerText(), /products\.category is written 'Kitchen', not 'kitchen'/);
	assert.match(await turn.innerText(), /No rows/);
	await shot(page, 'caveat-no-rows');
});

test('rows of an earlier run say from when they are, and can be read again', async () => {
	const turn = await ask(page, CATEGORIES);
	const card = turn.locator('[data-card]').last();
	const facts = card.locator('.card-facts');
	assert.match(await facts.innerText(), /· from a moment ago$/);
	assert.match(await card.locator('time').getAttribute('title'), /\d/);
	await shot(page, 'caveat-cached');
	await page.evaluate(() => { for (const t of document.querySelectorAll('time[data-age]')) t.dateTime = new Date(Date.now() - 12.5 * 60000).toISOString(); });
	await page.evaluate(async () => (await import(document.querySelector('script[src*="chat.js"]').src.replace('chat.js', 'page.js'))).formatAges());
	assert.match(await facts.innerText(), /· from 12 minutes ago$/);
	await card.getByRole('tab', {name: 'SQL'}).click();
	await card.getByRole('button', {name: 'Refresh'}).click();
	await until(async () => /· live$/.test(await facts.innerText()), 'the rows are live');
	assert.equal(await card.getByRole('tab', {name: 'SQL'}).getAttribute('aria-selected'), 'true');
	assert.equal(await card.locator('table.result tbody tr').count(), 6);
	assert.ok(!await card.getByRole('button', {name: 'Refresh'}).isVisible());
	assert.match(await page.locator('.toast').innerText(), /Read again: 6 rows/);
	assert.equal((await q.sql('quern', "SELECT count(*) FROM query_runs WHERE cached_from IS NOT NULL")).trim() > 0, true);
});

test('a long value says that it was cut, and can be shown whole', async () => {
	const turn = await ask(page, 'Show me a long text');
	const cell = turn.locator('td.words');
	await cell.click();
	assert.match(await cell.innerText(), /… \[cut here, 4000 characters in all\]$/);
	await turn.getByRole('button', {name: 'Show the long values whole'}).click();
	await until(async () => (await turn.locator('td.words').getAttribute('title') || '').length === 4000, 'the whole value');
});

test('one damaged turn does not take the others with it', async () => {
	const before = await page.locator('.turn').count();
	const chat = page.url().split('/').pop();
	await q.sql('quern', `WITH t AS (INSERT INTO turns (conversation_id, question, status, answer, record, finished_at, parent_id) SELECT id, 'A damaged one?', 'done',
		'Still here.', '{"queries":[{"ok":true,"preview":{}}]}', now(), leaf_id FROM conversations WHERE id = ${chat} RETURNING id) UPDATE conversations SET leaf_id = t.id FROM t WHERE conversations.id = ${chat}`);
	const other = await open(browser, q);
	await signIn(other, q);
	await other.goto(`/p/shop/chat/${chat}`);
	assert.equal(await other.locator('.turn').count(), before + 1);
	assert.match(await other.locator('.turn').last().innerText(), /A damaged one\?[^]*Still here\.[^]*what was kept of them is damaged/);
	await shot(other, 'caveat-damaged');
	await other.close();
});

test('without script: chips open, rows are read again on a page of their own', async () => {
	const plain = await open(browser, q, {script: false});
	await signIn(plain, q);
	await plain.goto('/p/shop');
	await plain.locator('#question').fill(CATEGORIES);
	await plain.getByRole('button', {name: 'Send'}).click();
	const card = plain.locator('.turn').last().locator('[data-card]').first();
	await card.waitFor();
	await card.locator('.caveat > summary').click();
	assert.ok(await card.locator('.caveat p').isVisible());
	assert.match(await card.locator('.card-facts').innerText(), /from \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
	await card.getByRole('button', {name: 'Refresh'}).click();
	await plain.waitForURL(/\/runs\/\d+$/);
	assert.match(await plain.locator('body').innerText(), /Kitchen/);
	await plain.close();
});

test('another person cannot read a run again', async () => {
	const run = (await q.sql('quern', 'SELECT max(id) FROM query_runs')).trim();
	const other = await open(browser, q);
	await signIn(other, q, 'viewer@example.com');
	const status = await other.evaluate(async (id) => (await fetch(`/runs/${id}/refresh`, {method: 'POST', headers: {'X-CSRF-Token': document.body.dataset.csrf, Accept: 'application/json'}})).status, run);
	assert.equal(status, 404);
	await other.close();
});

test('dark and narrow', async () => {
	for (const options of [{dark: true}, {width: 390, height: 844}, {width: 390, height: 844, dark: true}]) {
		const other = await open(browser, q, options);
		await signIn(other, q);
		await other.goto(page.url());
		await other.locator('.caveat > summary').first().click();
		await other.locator('.caveat').first().scrollIntoViewIfNeeded();
		assert.ok(await fits(other));
		assert.deepEqual(await lowContrast(other), []);
		await shot(other, `caveat-${options.width || 1440}${options.dark ? '-dark' : ''}`);
		await other.close();
	}
	assert.deepEqual(page.problems, []);
});

run();
