#!/usr/bin/env node
// The chat in a real Chromium: asking, streaming, result cards, proof, stop, reload, keyboard, phone, dark.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, until} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

let q, browser, page;

test('start and sign in', async () => {
	q = await start();
	browser = await launch();
	page = await open(browser, q);
	await page.goto('/');
	await shot(page, 'sign-in');
	await page.getByLabel('E-mail').fill('analyst@example.com');
	await page.getByLabel('Password').fill('wrong');
	await page.keyboard.press('Enter');
	await page.locator('.problem').waitFor();
	assert.equal(await page.evaluate(() => document.activeElement.name), 'password', 'the e-mail stays, the password is typed again');
	page.problems = [];
	await signIn(page, q);
	await shot(page, 'welcome');
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('an empty chat offers questions to click', async () => {
	const offered = page.locator('.suggestions button');
	assert.ok(await offered.count() >= 4);
	await page.getByRole('button', {name: 'What tables are there?'}).click();
	const turn = page.locator('.turn').last();
	await turn.locator('.actions').waitFor();
	assert.match(await turn.locator('.text').innerText(), /orders/);
	assert.match(page.url(), /\/p\/shop\/chat\/\d+$/);
	await shot(page, 'catalog');
});

test('an answer streams, with steps, table, SQL and proof', async () => {
	await page.locator('#question').fill('How did revenue develop month by month in 2025?');
	await page.keyboard.press('Enter');
	await page.locator('.turn').last().locator('.step').first().waitFor({state: 'attached'});
	assert.ok(await page.locator('[data-stop]').isVisible());
	await page.locator('.turn').last().locator('.text > *').first().waitFor();
	await shot(page, 'streaming');
	const turn = page.locator('.turn').last();
	await turn.locator('.actions').waitFor({timeout: 60000});
	assert.ok(await page.locator('[data-send]').isVisible());
	await turn.getByRole('tab', {name: 'Table'}).first().click();
	assert.equal(await turn.locator('table.result tbody tr').count(), 10);
	await turn.getByRole('button', {name: /Show all 12 rows/}).click();
	await until(async () => await turn.locator('table.result tbody tr').count() === 12, 'all rows');
	await turn.getByRole('tab', {name: 'SQL'}).first().click();
	assert.match(await turn.locator('.card code.sql').first().innerText(), /select/i);
	assert.ok(await turn.locator('.card code.sql .k').count() > 2, 'SQL is highlighted');
	await turn.getByRole('tab', {name: 'Table'}).first().click();
	await turn.locator('.proof > summary').click();
	const side = page.locator('[data-side]');
	await side.waitFor();
	assert.match(await side.innerText(), /scripted/);
	await shot(page, 'answer');
	await page.keyboard.press('Escape');
	assert.ok(await side.isHidden());
});

test('numbers are aligned, sorted and copied as they are', async () => {
	const card = page.locator('[data-card]').last();
	const header = card.locator('th.number').first();
	await header.click();
	await until(async () => await header.getAttribute('aria-sort') === 'ascending', 'sorted');
	const values = await card.locator('td.number:not(.plain)').evaluateAll((cells) => cells.map((c) => Number(c.dataset.raw)));
	assert.ok(values.length > 0 && values.every((v) => !Number.isNaN(v)));
	await card.getByRole('button', {name: 'Copy the table'}).click();
	const text = await page.evaluate(() => navigator.clipboard.readText());
	assert.equal(text.split('\n').length, 13);
	assert.match(text.split('\n')[0], /\t/);
});

test('a reload in the middle of an answer goes on with it; stop keeps what is there', async () => {
	await page.locator('#question').fill('Tell me a long story about the shop slowly');
	await page.keyboard.press('Enter');
	await page.locator('.turn').last().locator('.text > *').first().waitFor();
	await page.reload();
	const partial = page.locator('.turn').last().locator('.text > *').first();
	await until(async () => (await partial.count()) && (await partial.innerText()).length > 10, 'text after reload');
	const length = (await partial.innerText()).length;
	await until(async () => (await partial.innerText()).length > length, 'more text');
	await page.keyboard.press('Escape');
	await page.locator('.turn').last().locator('.actions').waitFor();
	assert.match(await page.locator('.turn').last().innerText(), /Stopped/);
	await shot(page, 'stopped');
});

test('two tabs see the same running answer', async () => {
	const other = await page.context().newPage();
	await page.locator('#question').fill('Tell me a long story about the shop slowly');
	await page.keyboard.press('Enter');
	await page.locator('.turn').last().locator('.text > *').first().waitFor();
	await other.goto(page.url());
	await other.locator('.turn').last().locator('.text > *').first().waitFor();
	await other.locator('[data-stop]').click();
	await page.locator('.turn').last().locator('.actions').waitFor();
	await other.close();
});

test('errors are words, and what was typed is not lost', async () => {
	await page.context().setOffline(true);
	await page.locator('#question').fill('What tables are there?');
	await page.keyboard.press('Enter');
	await page.locator('.turn').last().locator('.problem').waitFor();
	assert.equal(await page.locator('#question').inputValue(), 'What tables are there?');
	await page.context().setOffline(false);
	page.problems = page.problems.filter((p) => !/ERR_INTERNET_DISCONNECTED/.test(p));
	await page.locator('#question').fill('');
});

test('keyboard: /, Ctrl K, ?, arrows, Escape', async () => {
	await page.locator('body').click({position: {x: 700, y: 5}});
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press('/');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'question');
	await page.keyboard.press('ArrowUp');
	assert.ok((await page.locator('#question').inputValue()).length > 0);
	await page.locator('#question').fill('');
	await page.keyboard.press('Control+k');
	const palette = page.locator('dialog.palette');
	await palette.waitFor();
	await page.keyboard.type('refunds');
	await palette.getByText('refunds', {exact: true}).waitFor();
	await page.keyboard.press('Escape');
	await palette.waitFor({state: 'detached'});
	await page.keyboard.press('Control+k');
	await page.keyboard.type('data');
	await shot(page, 'palette');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/p/shop/data');
	await shot(page, 'data');
	await page.goBack();
	await until(() => page.evaluate(() => document.activeElement.id === 'question'), 'the page is ready');
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press('?');
	await page.locator('dialog.shortcuts').waitFor();
	await page.keyboard.press('Escape');
});

const ODD = `CREATE TABLE shop.odd AS SELECT 1 AS id, 1e300::float8 AS huge, 123456789012345678901234567890.5 AS exact, NULL::int AS none,
	'{"a": 1e400}'::jsonb AS doc, 'infinity'::timestamp AS at, repeat('on and on ', 50) AS long; CREATE TABLE shop.forty (${Array.from({length: 40}, (_, i) => `column_${i} int`)});
	GRANT SELECT ON shop.odd, shop.forty TO shop_reader`;

test('odd values are shown, kept and unfolded', async () => {
	q.sql('shop', ODD);
	assert.equal(q.cli(['dictionary', 'generate', '--project', 'shop']).code, 0);
	await page.goto('/p/shop');
	await ask(page, 'show sample rows of odd');
	await page.reload();
	const row = page.locator('table.result tbody tr');
	assert.match(await row.innerText(), /1e\+300\s+123,456,789,012,345,678,901,234,567,890.5\s+–/);
	const height = (await row.boundingBox()).height;
	assert.ok(height < 50, 'a long cell stays on one line');
	await row.locator('td').last().click();
	assert.ok((await row.boundingBox()).height > height);
	assert.equal((await row.locator('td').last().innerText()).trim().length, 499, 'all of its text');
	const empty = await ask(page, 'show sample rows of forty');
	assert.match(await empty.innerText(), /No rows/);
	assert.ok(await fits(page));
	await shot(page, 'odd');
});

test('a result is sorted by keyboard; a long one is sorted and copied whole', async () => {
	const turn = await ask(page, 'show me all order items');
	await turn.locator('th').last().focus();
	await page.keyboard.press('Enter');
	await turn.getByText('Rows 1 to 100 of 500').waitFor();
	assert.equal(await turn.locator('th').last().getAttribute('aria-sort'), 'ascending');
	await turn.getByRole('button', {name: 'Copy the table'}).click();
	await page.getByText('Copied all 500 rows').waitFor();
});

test('many queries of one answer do not bury it; without an answer there is none to copy', async () => {
	const turn = await ask(page, 'ask five queries');
	assert.ok(await turn.locator('[data-card]').filter({visible: true}).count() <= 3);
	await turn.getByText('earlier queries').click();
	assert.ok(await turn.locator('[data-card]').filter({visible: true}).count() > 3);
	assert.equal(await (await ask(page, 'this never ends')).getByRole('button', {name: 'Copy answer'}).count(), 0);
});

test('a session that ends while somebody types does not lose the question', async () => {
	const p = await open(browser, q);
	await signIn(p, q, 'viewer@example.com');
	await p.locator('#question').fill('What tables are there, please?');
	await p.context().clearCookies();
	await p.keyboard.press('Enter');
	await p.getByRole('link', {name: 'Sign in again'}).click();
	await p.getByLabel('E-mail').fill('viewer@example.com');
	await p.getByLabel('Password').fill(q.env.QUERN_DEMO_PASSWORD);
	await p.keyboard.press('Enter');
	await p.locator('#question').waitFor();
	assert.equal(await p.locator('#question').inputValue(), 'What tables are there, please?');
	await p.context().close();
});

test('rename, delete, undo', async () => {
	await page.locator('[data-rename]').click();
	await page.getByLabel('Title').fill('Revenue 2025 <b>');
	await page.keyboard.press('Enter');
	await until(async () => (await page.locator('[data-title]').innerText()) === 'Revenue 2025 <b>', 'the new title');
	const url = page.url();
	await page.locator('[data-delete]').click();
	await page.getByRole('button', {name: 'Undo'}).click();
	await page.waitForURL(url);
	assert.equal(await page.locator('[data-title]').innerText(), 'Revenue 2025 <b>');
});

test('payloads in questions and answers stay text', async () => {
	const question = '<img src=x onerror=alert(1)> [x](javascript:alert(2)) "><script>alert(3)</script> what tables?';
	const turn = await ask(page, question);
	assert.equal(await turn.locator('.question p').innerText(), question);
	assert.equal(await page.locator('.turns img, .turns script').count(), 0);
	await page.reload();
	assert.equal(await page.locator('.turns img, .turns script').count(), 0);
});

test('on a phone nothing is cut off; the drawer opens', async () => {
	const phone = await open(browser, q, {width: 390, height: 844});
	await signIn(phone, q);
	await shot(phone, 'phone-welcome');
	assert.ok(await fits(phone));
	await ask(phone, 'How did revenue develop month by month in 2025?');
	assert.ok(await fits(phone));
	await shot(phone, 'phone-answer');
	await phone.getByRole('button', {name: 'Menu'}).click();
	await phone.getByRole('link', {name: 'Data'}).waitFor();
	await shot(phone, 'phone-drawer');
	await phone.getByRole('link', {name: 'Data'}).click();
	await phone.waitForURL('**/data');
	assert.ok(await fits(phone));
	await shot(phone, 'phone-data');
	assert.deepEqual(phone.problems, []);
	await phone.context().close();
});

test('text has enough contrast in light and dark', async () => {
	for (const dark of [false, true]) {
		const p = await open(browser, q, {dark});
		await signIn(p, q);
		await ask(p, 'How did revenue develop month by month in 2025?');
		await shot(p, dark ? 'dark-answer' : 'light-answer');
		assert.deepEqual(await lowContrast(p), [], dark ? 'dark' : 'light');
		await p.goto('/p/shop/data/orders');
		await shot(p, dark ? 'dark-table' : 'light-table');
		assert.deepEqual(await lowContrast(p), [], dark ? 'dark' : 'light');
		await p.context().close();
	}
});

test('pages can be read without script', async () => {
	const plain = await open(browser, q, {script: false});
	await signIn(plain, q);
	await plain.locator('.conversations a').first().click();
	assert.ok(await plain.locator('table.result').count() > 0);
	assert.ok(await plain.locator('code.sql').first().isVisible());
	await plain.locator('#question').fill('What tables are there?');
	await plain.getByRole('button', {name: 'Send'}).click();
	await plain.waitForURL(/\/chat\/\d+#turn-\d+$/);
	assert.match(await plain.locator('.turn').last().innerText(), /orders/);
	await plain.context().close();
});

test('no console errors and no blocked content in all of this', () => {
	assert.deepEqual(page.problems, []);
});

run({seconds: 240});
