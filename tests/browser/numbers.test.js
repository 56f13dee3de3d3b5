#!/usr/bin/env node
// Numbers in answers: where each is from, on hover, with the keyboard and by touch; the cell behind it; the one that was made
// up; "How was this computed?". With and without script, light, dark and on a phone.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, until} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

const SALES = "SELECT * FROM (VALUES ('Kitchen', 48213.75, 412), ('Garden', 31990.00, 288), ('Office', 27455.10, 301)) v (category, revenue, orders)";
const HOSTILE = 'SELECT \'"><img src=x onerror=alert(1)>&lt; 4711\' AS label, 42.5 AS "n<script>alert(2)</script>"';
const sql = (text, q) => ({text, tools: [{name: 'execute_sql', input: {sql: q}}]});
const rules = [
	{match: 'compare categories', call: 0, reply: sql('I will look at products first.', 'SELECT category, count(*) AS products FROM products GROUP BY 1 ORDER BY 1')},
	{match: 'compare categories', call: 1, reply: sql('Now at what they sold.', SALES)},
	{match: 'compare categories', call: 2, reply: {text: 'Kitchen made **48,213.75 EUR** (about 48.2k), Garden {{rows.1.1}} EUR: a difference of 16,223.75 EUR, or 50.7 % more.\n\n'
		+ '| Category | Revenue | Orders |\n|---|--:|--:|\n| Kitchen | 48.213,75 | 412 |\n| Garden | 31.990,00 | 288 |\n| Office | 27.455,10 | 301 |\n\n'
		+ 'All three make 107,658.85 EUR. These are the top 3 categories of 2025; the budget was 55,000 EUR.'}},
	{match: 'many orders', call: 0, reply: sql('', 'SELECT id, total FROM orders ORDER BY total DESC, id LIMIT 150')},
	{match: 'many orders', call: 1, reply: {text: 'Order {{rows.40.0}} came to **{{rows.40.1}}** EUR.'}},
	{match: 'what did garden', reply: {text: 'Garden made 31,990.00 EUR, as I said.'}},
	{match: 'a good margin', reply: {text: 'A good margin is between 15 % and 25 %; yours was 31.7 %.'}},
	{match: 'who buys', call: 0, reply: sql('', 'SELECT email, country_code FROM customers ORDER BY id LIMIT 3')},
	{match: 'who buys', call: 1, reply: {text: 'These are the first.'}},
	{match: 'hostile', call: 0, reply: sql('', HOSTILE)},
	{match: 'hostile', call: 1, reply: {text: 'It is 42.5, of 4711 in all. <b>17.25</b>'}},
];
let model, q, browser, page, turn;

test('start and sign in', async () => {
	model = await scripted(rules);
	q = await start({args: [], env: model.env});
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => model && model.stop());
cleanup(() => browser && browser.close());

const number = (t, text) => t.locator('.text .num', {hasText: text}).first();
const tip = () => page.locator('.tip');
const told = async () => (await tip().isVisible() ? tip().innerText() : '');

test('exactly the number that was made up is marked', async () => {
	turn = await ask(page, 'Compare categories');
	assert.deepEqual(await turn.locator('.text .unproven').evaluateAll((all) => all.map((n) => n.firstChild.data)), ['55,000 EUR']);
	assert.match(await turn.locator('.text .unproven').textContent(), /^55,000 EUR \(not from a query\)$/, 'also for those who do not see it');
	assert.equal(await turn.locator('[data-doubt]').innerText(), '1 number is not from a query');
	assert.deepEqual(await turn.locator('.text .num:not(.unproven)').allInnerTexts(), ['48,213.75 EUR', '48.2k', '31990.00 EUR', '16,223.75 EUR', '50.7 %',
		'48.213,75', '412', '31.990,00', '288', '27.455,10', '301', '107,658.85 EUR']);
	await shot(page, 'numbers');
});

test('hovering tells the cell, and a click shows it', async () => {
	const kitchen = number(turn, '48,213.75');
	await kitchen.hover();
	assert.equal(await told(), 'Query 2, row 1, column revenue: 48213.75');
	assert.equal(await kitchen.getAttribute('title'), null, 'it does not tell twice');
	await shot(page, 'numbers-hover');
	await number(turn, '48.2k').hover();
	assert.equal(await told(), 'Query 2, row 1, column revenue: 48213.75');
	await number(turn, '16,223.75').hover();
	assert.equal(await told(), 'Computed. The difference of 48213.75 (query 2, row 1, column revenue) and 31990.00 (query 2, row 2, column revenue)');
	await number(turn, '107,658.85').hover();
	assert.equal(await told(), 'Computed. The sum of all of column revenue of query 2');
	await number(turn, '55,000').hover();
	assert.equal(await told(), 'Not from a query');
	await page.locator('.question').last().hover();
	assert.equal(await told(), '');

	const card = turn.locator('[data-card]').last();
	await card.getByRole('tab', {name: 'SQL'}).click();
	await number(turn, '31.990,00').click();
	const cell = turn.locator('td.found');
	await cell.waitFor();
	assert.equal(await cell.evaluate((td) => `${td.parentNode.dataset.row} ${td.cellIndex} ${td.dataset.raw ?? td.textContent}`), '1 1 31990.00');
	assert.ok(await cell.isVisible());
	assert.equal(await page.locator('.toast').count(), 0);
	await shot(page, 'numbers-cell');
});

test('the keyboard stops at the numbers once, arrows walk them', async () => {
	const numbers = turn.locator('.text .num');
	assert.deepEqual(await numbers.evaluateAll((all) => all.map((n) => n.tabIndex).filter((i) => i === 0).length), 1);
	await page.mouse.move(2, 2);
	await turn.locator('.steps > summary').focus();
	await page.keyboard.press('Tab');
	assert.match(await told(), /^Query 2, row 1, column revenue/);
	assert.equal(await page.evaluate(() => document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent), await told());
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('ArrowRight');
	assert.match(await told(), /row 2, column revenue: 31990\.00$/);
	await page.keyboard.press('ArrowLeft');
	assert.match(await told(), /row 1, column revenue/);
	await page.keyboard.press('Escape');
	assert.equal(await told(), '');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Enter');
	assert.equal(await page.evaluate(() => document.activeElement.tagName), 'TD');
	await turn.locator('[data-doubt]').focus();
	await page.keyboard.press('Enter');
	assert.equal(await told(), 'Not from a query');
	await page.keyboard.press('Escape');
});

test('how it was computed: queries, tables and columns, model, numbers', async () => {
	await turn.locator('.proof > summary').click();
	const side = page.locator('[data-side-body]');
	const text = await side.innerText();
	assert.match(text, /Model\s+scripted · [\d,]+ tokens in, [\d,]+ tokens out/);
	assert.match(text, /Read\s+shop\.products: category/);
	assert.match(text, /Numbers\s+9 from rows, 3 computed from them, 1 not from a query/);
	assert.match(text, /In doubt\s+55,000 EUR/);
	assert.match(text, /Query 1 \d rows · .*live[^]*FROM products[^]*Query 2 3 rows/);
	await shot(page, 'numbers-proof');
	await page.locator('[data-side-close]').click();
});

test('a cell that the card does not show yet is fetched', async () => {
	turn = await ask(page, 'Show many orders');
	const total = turn.locator('.text strong .num');
	assert.match(await total.getAttribute('title'), /^Query 1, row 41, column total: /);
	await total.click();
	const cell = turn.locator('td.found');
	await cell.waitFor();
	assert.equal(await cell.evaluate((td) => `${td.parentNode.dataset.row} ${td.cellIndex}`), '40 1');
	assert.equal(await cell.evaluate((td) => td.dataset.raw ?? td.textContent), await total.innerText());
	assert.equal(await turn.locator('[data-doubt]').count(), 0);
});

test('a number of an earlier answer leads there', async () => {
	turn = await ask(page, 'What did Garden make?');
	const garden = number(turn, '31,990.00');
	await garden.hover();
	assert.equal(await told(), 'An earlier answer, row 2, column revenue: 31990.00');
	await garden.click();
	await until(async () => await page.locator('.turn').first().locator('td.found').count() === 1, 'the cell of the earlier answer');
	await turn.locator('.proof > summary').click();
	assert.match(await page.locator('[data-side-body]').innerText(), /Earlier\s+1 number of an earlier answer/);
	await page.locator('[data-side-close]').click();
});

test('figures without any query are in doubt, all of them', async () => {
	turn = await ask(page, 'What is a good margin?');
	assert.equal(await turn.locator('[data-doubt]').innerText(), '3 numbers are not from a query');
	await shot(page, 'numbers-made-up');
	await page.reload();
	turn = page.locator('.turn').last();
	assert.equal(await turn.locator('.text .unproven').count(), 3, 'a reload shows the same');
});

test('what a cell holds is only ever text', async () => {
	turn = await ask(page, 'Something hostile');
	await number(turn, '42.5').hover();
	assert.match(await told(), /column n<script>alert\(2\)<\/script>: 42\.5$/);
	await number(turn, '4711').hover();
	assert.match(await told(), /: "><img src=x onerror=alert\(1\)>&lt; 4711$/);
	assert.equal(await page.locator('.text img, .text script, .tip img').count(), 0);
	assert.deepEqual(page.problems, []);
});

test('the proof tells the rules that were applied, and how old rows are', async () => {
	const rule = (kind, column, value) => q.sql('quern', `INSERT INTO policy_rules (project_id, role, table_name, kind, column_name, value)
		SELECT id, 'analyst', 'customers', '${kind}', '${column}', '${value}' FROM projects WHERE slug = 'shop'`);
	rule('mask', 'email', 'email');
	rule('filter', '', "country_code = ''DE''");
	await ask(page, 'Who buys?');
	turn = await ask(page, 'Who buys again?');
	await turn.locator('.proof > summary').click();
	const text = await page.locator('[data-side-body]').innerText();
	assert.match(text, /Read\s+shop\.customers: .*email/);
	assert.match(text, /Rule\s+You see only some rows of customers/);
	assert.match(text, /Rule\s+customers\.email is masked for you/);
	assert.match(text, /Query 1 3 rows · .* · from a moment ago/);
	await shot(page, 'numbers-rules');
	await page.locator('[data-side-close]').click();
});

test('by touch: the first tells, the second shows the cell', async () => {
	const context = await browser.newContext({ignoreHTTPSErrors: true, viewport: {width: 390, height: 844}, baseURL: q.url, hasTouch: true, isMobile: true});
	const phone = await context.newPage();
	await signIn(phone, q);
	await phone.goto(page.url());
	const kitchen = phone.locator('.turn').first().locator('.text .num').first();
	await kitchen.scrollIntoViewIfNeeded();
	await kitchen.tap();
	assert.equal(await phone.locator('.tip').innerText(), 'Query 2, row 1, column revenue: 48213.75');
	assert.equal(await phone.locator('td.found').count(), 0);
	const box = await phone.locator('.tip').boundingBox();
	assert.ok(box.x >= 0 && box.x + box.width <= 390, 'it fits');
	await shot(phone, 'numbers-touch');
	await kitchen.tap();
	await phone.locator('td.found').waitFor();
	await context.close();
});

test('without script: the title tells, the mark is there', async () => {
	const plain = await open(browser, q, {script: false});
	await signIn(plain, q);
	await plain.goto(page.url());
	const first = plain.locator('.turn').first();
	assert.equal(await first.locator('.text .num').first().getAttribute('title'), 'Query 2, row 1, column revenue: 48213.75');
	assert.equal(await first.locator('.text .unproven').getAttribute('title'), 'Not from a query');
	assert.ok(await first.locator('[data-doubt]').isVisible());
	await first.locator('.proof > summary').click();
	assert.match(await first.locator('.proof').innerText(), /Numbers\s+9 from rows/);
	await plain.close();
});

test('dark and narrow', async () => {
	for (const options of [{}, {dark: true}, {width: 390, height: 844}, {width: 390, height: 844, dark: true}]) {
		const other = await open(browser, q, options);
		await signIn(other, q);
		await other.goto(page.url());
		const doubt = other.locator('.turn').first().locator('[data-doubt]');
		await doubt.scrollIntoViewIfNeeded();
		await doubt.click();
		assert.equal(await other.locator('.tip').innerText(), 'Not from a query');
		assert.ok(await fits(other));
		assert.deepEqual(await lowContrast(other), []);
		await shot(other, `numbers-${options.width || 1440}${options.dark ? '-dark' : ''}`);
		assert.deepEqual(other.problems, []);
		await other.close();
	}
});

run();
