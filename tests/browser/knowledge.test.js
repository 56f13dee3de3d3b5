#!/usr/bin/env node
// What an answer has taught: offered under it, kept or dismissed, told to the model, changed and deleted on a page of its own.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

let q, browser, page;
const lesson = 'customer_value has no column customer_name: use name.';

test('start and sign in', async () => {
	q = await start();
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('the page says what it is for while it is empty', async () => {
	await page.goto('/p/shop/knowledge');
	assert.match(await page.locator('.empty').innerText(), /Nothing was learnt yet/);
	await shot(page, 'knowledge-empty');
});

test('a correction offers what it has taught, and a click keeps it', async () => {
	await page.goto('/p/shop');
	const turn = await ask(page, 'Who are our best customers?');
	await turn.getByText(lesson).waitFor();
	await shot(page, 'learned');
	await turn.locator('.proof > summary').click();
	assert.match(await page.locator('body').innerText(), /customer_value has no column "customer_name"/);
	await turn.getByRole('button', {name: 'Keep'}).click();
	await page.waitForURL(/turn=\d+/);
	assert.equal(await page.getByText(lesson).count(), 0);
	assert.equal(q.sql('quern', 'SELECT state FROM learnings'), 'kept');
	assert.equal(q.sql('quern', `SELECT count(*) FROM audit_log WHERE action = 'learning.keep'`), '1');
});

test('what is kept is not offered again', async () => {
	const turn = await ask(page, 'And who are our best customers again?');
	assert.equal(await turn.getByText('Learned:').count(), 0);
});

test('it is changed and deleted on the page', async () => {
	await page.goto('/p/shop/knowledge');
	assert.ok(await page.getByText(lesson).isVisible());
	await shot(page, 'knowledge');
	await page.getByRole('link', {name: /^Edit/}).click();
	await page.getByLabel('What was learnt').fill('Names of customers stand in customer_value.name.');
	await shot(page, 'knowledge-edit');
	await page.getByRole('button', {name: 'Save'}).click();
	await page.getByText('Names of customers stand in customer_value.name.').waitFor();
	page.removeAllListeners('dialog');
	page.on('dialog', (d) => d.accept());
	await page.getByRole('button', {name: /^Delete/}).click();
	await page.locator('.empty').waitFor();
	assert.equal(q.sql('quern', 'SELECT count(*) FROM learnings'), '0');
});

test('viewers see what was learnt, and leave it to analysts', async () => {
	const viewer = await open(browser, q, {width: 390, height: 844, dark: true});
	await signIn(viewer, q, 'viewer@example.com');
	const turn = await ask(viewer, 'Who are our best customers?');
	await turn.getByText(lesson).waitFor();
	assert.equal(await turn.getByRole('button', {name: 'Keep'}).count(), 0);
	assert.ok(await turn.getByText('Analysts of this project can keep it.').isVisible());
	assert.ok(await fits(viewer));
	assert.deepEqual(await lowContrast(viewer), []);
	await turn.getByText(lesson).scrollIntoViewIfNeeded();
	await shot(viewer, 'learned-phone-dark');
	assert.equal((await viewer.goto('/p/shop/knowledge')).status(), 403);
	await viewer.goBack();
	await viewer.getByRole('button', {name: 'Dismiss'}).click();
	await viewer.waitForURL(/turn=\d+/);
	assert.equal(await viewer.getByText(lesson).count(), 0);
	assert.equal(q.sql('quern', 'SELECT state FROM learnings'), 'dismissed');
});

test('somebody else decides nothing about it', async () => {
	q.sql('quern', `UPDATE learnings SET state = 'offered'`);
	const id = q.sql('quern', 'SELECT id FROM learnings');
	const {Client} = require('../lib/quern.js');
	q.sql('quern', `DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')`);
	const c = new Client(q);
	await c.signIn('analyst@example.com');
	assert.equal((await c.post(`/learnings/${id}/keep`)).status, 404);
	assert.equal((await c.post(`/learnings/${id}/dismiss`)).status, 404);
	assert.equal(q.sql('quern', 'SELECT state FROM learnings'), 'offered');
});

run();
