#!/usr/bin/env node
// The SQL page in a real Chromium: completion, running, errors with their place, plans, saving, parameters, sharing,
// the background; on a phone, in the dark, without script; and never a violation of the content security policy.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, until} = require('../lib/quern.js');
const {launch, open, signIn, shot, fits, lowContrast} = require('../lib/browser.js');

let q, browser, page, viewer;

// Refused statements answer 422, which Chromium writes down.
const unexpected = (p) => p.problems.filter((text) => !/status of (422|409|400|504)/.test(text));

async function write(p, text) {
	await p.locator('.cm-content').click();
	await p.keyboard.press('Control+a');
	await p.keyboard.press('Delete');
	await p.keyboard.insertText(text);
	await p.locator('[data-run-sql]').focus();
}
const typed = (p) => p.locator('#sql').evaluate((area) => area.value);

test('start and sign in', async () => {
	q = await start();
	browser = await launch();
	page = await open(browser, q);
	page.setDefaultTimeout(10000);
	await signIn(page, q);
	await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.sourceFile}:${e.lineNumber}`)));
	await page.getByRole('link', {name: 'SQL', exact: true}).click();
	await page.locator('.cm-content').waitFor();
	await shot(page, 'sql-empty');
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('Esc leaves the editor, so that Tab goes on', async () => {
	await page.locator('.cm-content').click();
	await page.keyboard.press('Tab');
	assert.match(await typed(page), /^\s+$/, 'inside it indents');
	await page.keyboard.press('Escape');
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Run');
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Explain');
	await write(page, '');
});

test('names are completed from the dictionary, also behind an alias', async () => {
	await page.locator('.cm-content').click();
	await page.keyboard.type('SELECT * FROM order_it');
	await page.locator('.cm-tooltip-autocomplete li', {hasText: 'order_items'}).first().waitFor();
	await shot(page, 'sql-completion');
	await page.waitForTimeout(100); // it takes no Enter in its first moment
	await page.keyboard.press('Enter');
	await page.keyboard.type(' AS x WHERE x.quan');
	await page.locator('.cm-tooltip-autocomplete li', {hasText: 'quantity'}).first().waitFor();
	await page.waitForTimeout(100);
	await page.keyboard.press('Enter');
	await page.keyboard.type(' > 1');
	assert.equal(await typed(page), 'SELECT * FROM order_items AS x WHERE x.quantity > 1');
});

test('Ctrl Enter runs; rows come a page at a time', async () => {
	await page.keyboard.press('Control+Enter');
	const card = page.locator('[data-part=answer] .card');
	await card.waitFor();
	assert.match(await card.locator('.card-facts').first().innerText(), /^first 500 rows · .* · live/);
	assert.equal(await card.locator('tbody tr').count(), 100);
	assert.match(await card.innerText(), /not all of it/);
	assert.match(await card.locator('.caveat p').textContent(), /first 500 rows/);
	await card.getByRole('link', {name: 'Next'}).click();
	await card.getByText('Rows 101 to 200 of 500').waitFor();
	assert.match(page.url(), /\/sql$/);
	await shot(page, 'sql-result');
	assert.ok(await card.getByRole('link', {name: 'CSV'}).isVisible());
	await page.keyboard.press('Control+Enter');
	await page.locator('.cached').waitFor();
	await page.getByRole('button', {name: 'Refresh'}).click();
	await until(async () => (await page.locator('.cached').count()) === 0, 'rows read again');
});

test('an error says what and where; the text stays', async () => {
	await write(page, 'SELECT id,\n  totl AS é\nFROM orders');
	await page.keyboard.press('Enter');
	await page.locator('.problem').waitFor();
	assert.match(await page.locator('.problem').innerText(), /totl[\s\S]*Line 2, column 3/);
	assert.equal(await page.locator('.cm-wrong').innerText(), 'totl');
	await shot(page, 'sql-error');
	await page.locator('.cm-content').click();
	await page.keyboard.press('Control+a');
	await page.keyboard.type('DELETE FROM orders'); // over a selection
	await page.keyboard.press('Control+Enter');
	await page.locator('.problem', {hasText: /SELECT|read/}).waitFor();
	assert.equal(await page.locator('.cm-tooltip-autocomplete').count(), 0, 'nothing is offered over the answer');
	assert.equal(await typed(page), 'DELETE FROM orders');
});

test('Explain tells the plan as a tree', async () => {
	await write(page, 'SELECT c.name, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY 1');
	await page.getByRole('button', {name: 'Explain'}).click();
	await page.locator('.plan li').first().waitFor();
	assert.match(await page.locator('.plan').innerText(), /orders/);
	assert.ok(await page.locator('.plan .d1').count() > 0);
	await shot(page, 'sql-plan');
});

test('what is typed outlives a reload; history comes back into the editor and out again', async () => {
	await write(page, 'SELECT 42 AS kept');
	await page.reload();
	await page.locator('.cm-content').waitFor();
	assert.equal(await typed(page), 'SELECT 42 AS kept');
	assert.ok(await page.locator('.past li').count() >= 4);
	await page.locator('.past [data-past]').filter({hasText: 'order_items'}).first().click();
	await until(async () => /order_items/.test(await typed(page)), 'the text of the run');
	await page.getByRole('button', {name: 'Undo'}).click();
	await until(async () => /kept/.test(await typed(page)), 'the text from before');
});

test('Stop ends the query in the database', async () => {
	await write(page, 'SELECT count(*) FROM order_items a, order_items b, order_items c');
	await page.getByRole('button', {name: 'Run', exact: true}).click();
	await page.getByRole('button', {name: 'Stop'}).click();
	await page.getByText('Stopped.').waitFor();
	await until(() => q.sql('quern', `SELECT outcome FROM query_runs WHERE origin = 'sql' ORDER BY id DESC LIMIT 1`) === 'cancelled', 'a cancelled run');
});

test('a long query goes on in the background, is watched, and is cancelled', async () => {
	await page.getByRole('button', {name: 'Run in the background'}).click();
	await page.waitForURL(/\/runs\/\d+$/);
	await page.getByText(/Running for/).waitFor();
	await shot(page, 'run-running');
	await page.getByRole('button', {name: 'Cancel'}).click();
	await page.getByText('It was stopped before it was done.').waitFor({timeout: 20000});
	await page.goto('/p/shop/sql');
	await write(page, 'SELECT region, count(*) FROM countries GROUP BY 1 ORDER BY 1');
	await page.getByRole('button', {name: 'Run in the background'}).click();
	await page.locator('.card tbody tr').first().waitFor({timeout: 20000});
	await shot(page, 'run-done');
	await page.getByRole('link', {name: 'Open in the editor'}).click();
	await page.locator('.cm-content').waitFor();
	await until(async () => /region/.test(await typed(page)), 'its text in the editor');
});

test('a query that hits the time limit is offered to run in the background', async () => {
	await page.goto('/p/shop/sql');
	q.sql('quern', `UPDATE projects SET timeout_ms = 300 WHERE slug = 'shop'`);
	await write(page, 'SELECT count(*) FROM order_items a, orders b, customers c');
	await page.getByRole('button', {name: 'Run', exact: true}).click();
	await page.locator('.problem').getByRole('button', {name: 'Run in the background'}).click();
	await page.waitForURL(/\/runs\/\d+$/);
	await page.getByRole('button', {name: 'Cancel'}).click();
	await page.getByText('It was stopped before it was done.').waitFor({timeout: 20000});
	q.sql('quern', `UPDATE projects SET timeout_ms = 15000 WHERE slug = 'shop'`);
});

test('a query is saved with parameters and asks for them', async () => {
	await page.goto('/p/shop/sql');
	await write(page, 'SELECT id, status FROM orders WHERE status::text = {{state}} AND ordered_at >= {{from:date}} ORDER BY id LIMIT {{most:number}}');
	await page.getByRole('button', {name: 'Run', exact: true}).click();
	await page.getByText('Fill in the values').waitFor();
	const value = (name) => page.locator(`[name="p.${name}"]`);
	await value('state').fill(`it's "\\' OR 1=1 --`);
	await value('from').fill('2024-01-01');
	await value('most').fill('1 OR 1=1');
	await page.keyboard.press('Enter');
	await page.locator('.problem', {hasText: 'not a number'}).waitFor();
	await value('most').fill('7');
	await page.keyboard.press('Enter');
	await page.getByText('No rows.').waitFor();
	await value('state').fill('delivered');
	await page.keyboard.press('Enter');
	await until(async () => await page.locator('.card tbody tr').count() === 7, 'seven rows');
	await shot(page, 'sql-parameters');
	await page.locator('.save summary').click();
	await page.getByLabel('Name').fill('Orders by state');
	await page.getByLabel('What it is for').fill('The first orders of a state');
	await page.getByLabel('Everybody in the project may run it').check();
	await page.getByRole('button', {name: 'Save as new'}).click();
	await page.locator('.notice', {hasText: 'Saved'}).waitFor();
	assert.match(page.url(), /query=\d+/);
	assert.equal(await page.locator('h1').innerText(), 'Orders by state');
	assert.equal(await value('most').inputValue(), '7', 'the last values are offered');
	const saved = page.url();
	await page.getByRole('link', {name: 'New query'}).click();
	await page.locator('.cm-content').waitFor();
	assert.equal(await typed(page), '', 'what was saved is no draft any more');
	await page.goto(saved);
	await page.locator('.cm-content').waitFor();
	assert.match(q.sql('quern', `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log WHERE action LIKE 'query.%'`), /query\.save query\.share/);
});

test('two tabs: who saves second is told, and nothing is lost', async () => {
	const other = await page.context().newPage();
	await other.goto(page.url());
	await other.locator('.cm-content').waitFor();
	await write(other, 'SELECT 1 AS theirs');
	await other.locator('.save summary').click();
	await other.getByRole('button', {name: 'Save', exact: true}).click();
	await other.locator('.notice', {hasText: 'Saved'}).waitFor();
	await other.close();
	await write(page, 'SELECT id, status FROM orders WHERE status::text = {{state}} ORDER BY id LIMIT {{most:number}} -- mine');
	await page.locator('.save summary').click();
	await page.getByRole('button', {name: 'Save', exact: true}).click();
	await page.locator('.problem', {hasText: 'meanwhile'}).waitFor();
	assert.match(await page.locator('.save').innerText(), /theirs/);
	assert.match(await typed(page), /-- mine/);
	await shot(page, 'sql-conflict');
	await page.getByRole('button', {name: 'Save', exact: true}).click();
	await page.locator('.notice', {hasText: 'Saved'}).waitFor();
	assert.match(await typed(page), /-- mine/);
});

test('a viewer runs what is shared and writes nothing', async () => {
	viewer = await open(browser, q);
	await signIn(viewer, q, 'viewer@example.com');
	assert.equal(await viewer.getByRole('link', {name: 'SQL', exact: true}).count(), 0);
	await viewer.getByRole('link', {name: 'Queries'}).click();
	await viewer.getByRole('link', {name: 'Orders by state'}).click();
	await shot(viewer, 'query-viewer');
	assert.equal(await viewer.getByRole('link', {name: /Edit|editor/}).count(), 0);
	assert.equal(await viewer.getByRole('button', {name: 'Delete'}).count(), 0);
	assert.equal(await viewer.getByRole('link', {name: 'CSV'}).count(), 0);
	await viewer.locator('[name="p.state"]').fill('nothing');
	await viewer.locator('[name="p.most"]').fill('3');
	await viewer.getByRole('button', {name: 'Run', exact: true}).click();
	await viewer.getByText('No rows.').waitFor();
	const id = /queries\/(\d+)/.exec(viewer.url())[1];
	const send = (path, fields) => viewer.evaluate(async ([url, body]) => (await fetch(url, {method: 'POST', headers: {'X-CSRF-Token': document.body.dataset.csrf}, body: new URLSearchParams(body)})).status, [path, fields]);
	viewer.problems = [];
	assert.equal(await send('/p/shop/sql', {sql: 'SELECT 1'}), 403);
	assert.equal(await send('/p/shop/queries', {name: 'x', sql: 'SELECT 1'}), 403);
	assert.equal(await send(`/p/shop/queries/${id}`, {name: 'x', sql: 'SELECT 1'}), 403);
	assert.equal(await send(`/p/shop/queries/${id}/delete`, {}), 403);
	assert.equal(await viewer.evaluate(async () => (await fetch('/p/shop/sql')).status), 403);
	viewer.problems = [];
});

test('the palette finds saved queries', async () => {
	await page.goto('/p/shop/data');
	await page.keyboard.press('Control+k');
	await page.locator('dialog input').fill('Orders by state');
	await page.locator('dialog li', {hasText: 'Orders by state'}).waitFor();
	await page.keyboard.press('Enter');
	await page.waitForURL(/\/queries\/\d+$/);
	await shot(page, 'query-page');
});

test('a deleted query is brought back', async () => {
	await page.getByRole('button', {name: 'Delete'}).click();
	await page.getByRole('button', {name: 'Undo'}).waitFor();
	await viewer.reload();
	assert.match(await viewer.locator('main').innerText(), /not found/i);
	viewer.problems = [];
	await shot(page, 'queries-deleted');
	await page.getByRole('button', {name: 'Undo'}).click();
	await page.waitForURL(/\/queries\/\d+$/);
	await page.goto('/p/shop/queries?q=first+orders');
	assert.equal(await page.locator('#queries tbody tr').count(), 1);
	await page.goto('/p/shop/queries?q=nothing+like+it');
	assert.match(await page.locator('main').innerText(), /Nothing was found/);
	await page.goto('/p/shop/queries');
	await shot(page, 'queries');
});

test('without script: a text area, a button, pages of rows, errors with their line', async () => {
	const p = await open(browser, q, {script: false});
	await signIn(p, q);
	await p.goto('/p/shop/sql');
	await p.locator('#sql').fill('SELECT id FROM orders\nORDER BY id');
	await p.getByRole('button', {name: 'Run', exact: true}).click();
	assert.equal(await p.locator('.card tbody tr').count(), 100);
	assert.equal(await p.locator('#sql').inputValue(), 'SELECT id FROM orders\nORDER BY id');
	await p.getByRole('link', {name: 'Next'}).click();
	assert.match(await p.locator('.pager').innerText(), /101 to 200/);
	await p.goto('/p/shop/sql');
	await p.locator('#sql').fill('SELECT id\nFROM nowhere');
	await p.getByRole('button', {name: 'Run', exact: true}).click();
	assert.match(await p.locator('.problem').innerText(), /Line 2, column 6/);
	await p.locator('#sql').fill('SELECT 1 AS a WHERE 1 = {{n:number}}');
	await p.getByRole('button', {name: 'Run', exact: true}).click();
	await p.locator('[name="p.n"]').fill('1');
	await p.getByRole('button', {name: 'Run', exact: true}).click();
	assert.equal(await p.locator('.card tbody tr').count(), 1);
	await shot(p, 'sql-no-script');
	await p.getByRole('button', {name: 'Run in the background'}).click();
	await p.waitForURL(/\/runs\/\d+$/);
	await p.context().close();
});

test('the pages fit a phone and have contrast', async () => {
	for (const dark of [false, true]) {
		const p = await open(browser, q, {width: 390, height: 844, dark});
		await signIn(p, q);
		const name = `phone${dark ? '-dark' : ''}`;
		await p.goto('/p/shop/sql');
		await p.locator('.cm-content').waitFor();
		await write(p, `SELECT *, '${'a long text '.repeat(10)}' AS "a column with quite a long name" FROM orders`);
		await p.getByRole('button', {name: 'Run', exact: true}).click();
		await p.locator('.card').waitFor();
		assert.ok(await fits(p));
		assert.deepEqual(await lowContrast(p), []);
		await shot(p, `${name}-sql`);
		await write(p, `SELECT ${'wrong_name_that_is_long_'.repeat(2)} FROM orders`);
		await p.getByRole('button', {name: 'Run', exact: true}).click();
		await p.locator('.problem').waitFor();
		await p.locator('.save summary').click();
		assert.ok(await fits(p));
		assert.deepEqual(await lowContrast(p), []);
		await shot(p, `${name}-sql-error`);
		await p.goto('/p/shop/queries');
		assert.ok(await fits(p));
		await p.getByRole('link', {name: 'Orders by state'}).click();
		await p.locator('[name="p.state"]').waitFor();
		assert.ok(await fits(p));
		assert.deepEqual(await lowContrast(p), []);
		await shot(p, `${name}-query`);
		assert.deepEqual(unexpected(p), []);
		await p.context().close();
	}
});

test('a session that ended loses nothing', async () => {
	const p = await open(browser, q);
	await signIn(p, q, 'admin@example.com');
	await p.goto('/p/shop/sql');
	await p.locator('.cm-content').waitFor();
	await write(p, 'SELECT 7 AS survivor');
	q.sql('quern', `DELETE FROM sessions USING users u WHERE u.id = user_id AND email = 'admin@example.com'`);
	await p.getByRole('button', {name: 'Run', exact: true}).click();
	await p.getByRole('link', {name: 'Sign in again'}).click();
	await p.getByLabel('E-mail').fill('admin@example.com');
	await p.getByLabel('Password').fill(q.env.QUERN_DEMO_PASSWORD);
	await p.getByRole('button', {name: 'Sign in'}).click();
	await p.waitForURL('**/p/shop/sql');
	await p.locator('.cm-content').waitFor();
	assert.equal(await typed(p), 'SELECT 7 AS survivor');
	await p.context().close();
});

test('nothing broke the content security policy', () => {
	assert.deepEqual(unexpected(page), []);
	assert.deepEqual(unexpected(viewer), []);
});

run({seconds: 120});
