#!/usr/bin/env node
// Result cards in a real Chromium: charts, tables that sort, page, resize and copy, and what odd results look like.
'use strict';

const assert = require('node:assert');
const zlib = require('node:zlib');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, until} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

// What the model asks for, by what it is asked.
const QUERIES = {
	'months': `SELECT date_trunc('month', ordered_at)::date AS month, sum(total) AS revenue FROM orders WHERE ordered_at >= '2025-01-01' AND ordered_at < '2026-01-01' GROUP BY 1 ORDER BY 1`,
	'days': `SELECT ordered_at::date AS day, sum(total) AS revenue, avg(total) * 40 AS average FROM orders GROUP BY 1 ORDER BY 1`,
	'countries': `SELECT country_code AS country, count(*) AS customers FROM customers GROUP BY 1 ORDER BY 2 DESC LIMIT 12`,
	'products': `SELECT p.name AS product, count(*) AS sold FROM order_items i JOIN products p ON p.id = i.product_id GROUP BY 1 ORDER BY 2 DESC LIMIT 15`,
	'both': `SELECT date_trunc('month', o.ordered_at)::date AS month, c.country_code AS country, sum(o.total) AS revenue FROM orders o JOIN customers c ON c.id = o.customer_id
		WHERE c.country_code IN (SELECT country_code FROM customers GROUP BY 1 ORDER BY count(*) DESC LIMIT 5) GROUP BY 1, 2 ORDER BY 1, 2`,
	'points': `SELECT sum(total) AS spent, count(*) AS orders FROM orders GROUP BY customer_id ORDER BY customer_id LIMIT 300`,
	'listing': `SELECT id, customer_id, ordered_at, status, total FROM orders ORDER BY id LIMIT 400`,
	'nothing': `SELECT id, total FROM orders WHERE id < 0`,
	'one': `SELECT count(*) AS customers FROM customers`,
	'words': `SELECT country_code AS country, min(name) AS first FROM customers GROUP BY 1`,
	'wide': `SELECT ${Array.from({length: 200}, (_, i) => `${i} AS a_column_${i}`).join(', ')} FROM orders LIMIT 20`,
	'many': `SELECT i.id AS number, o.ordered_at, i.quantity, i.unit_price, nullif(i.quantity, 1) AS more FROM order_items i JOIN orders o ON o.id = i.order_id ORDER BY md5(i.id::text) LIMIT 10000`,
	'hostile': `SELECT * FROM (VALUES ('<a href="javascript:xss()">x</a>', 3), ('<b>bold</b> & <img src=x onerror=xss()>', 4), ('%{x} $y$ &lt;i&gt;', 5)) v (name, n)`,
	'formula': `SELECT * FROM (VALUES ('=1+1', 3, NULL), ('a	tab', -4, 'x')) v (name, n, z)`,
	'alike': `SELECT 'A very long name of a product that begins alike, ' || n AS product, n * 3 AS sold FROM generate_series(1, 6) n`,
	'thirty': `SELECT p.name || ' of the shop' AS product, count(*) AS sold FROM order_items i JOIN products p ON p.id = i.product_id GROUP BY 1 ORDER BY 2 DESC LIMIT 30`,
	'counts': `SELECT country_code AS country, count(*) % 2 + 2 AS n FROM customers GROUP BY 1 ORDER BY 1 LIMIT 5`,
	'rates': `SELECT country_code AS country, count(*) * 1e-7 AS rate FROM customers GROUP BY 1 ORDER BY 1 LIMIT 5`,
	'segments': `SELECT make_date(2025, m, 1) AS month, 'Customers of the segment number ' || k AS segment, m * k AS sold FROM generate_series(1, 12) m, generate_series(1, 8) k ORDER BY 1, 2`,
	'wrong': `SELECT nothing_like_this FROM orders`,
};

let q, model, browser, page;

test('start', async () => {
	const rules = Object.entries(QUERIES).flatMap(([name, sql]) => [
		{match: `show ${name}`, call: 0, reply: {tools: [{name: 'execute_sql', input: {sql}}], delay: 0}},
		{match: `show ${name}`, reply: {text: `Here are the ${name}.`, delay: 0}}]);
	model = await scripted(rules);
	q = await start({args: [], env: model.env});
	q.sql('quern', 'UPDATE projects SET row_cap = 10000');
	browser = await launch();
	page = await open(browser, q);
	await page.addInitScript(() => {
		window.xss = () => console.error('EXECUTED');
		document.addEventListener('securitypolicyviolation', (e) => console.error(`VIOLATION ${e.violatedDirective} ${e.blockedURI} ${e.sample} ${e.sourceFile}:${e.lineNumber}`));
	});
	page.fetched = [];
	page.on('request', (r) => page.fetched.push(new URL(r.url()).pathname));
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => model && model.stop());
cleanup(() => browser && browser.close());

const show = async (name, on = page) => (await ask(on, `show ${name}`)).locator('[data-card]').last();
const drawn = (card) => card.locator('.chart-area .main-svg').first().waitFor();
const rowsOf = (card, column) => card.locator(`tbody td:nth-child(${column})`).evaluateAll((list) => list.map((c) => c.dataset.raw ?? (c.title || c.textContent)));

test('nothing is loaded for charts before there is one', async () => {
	const card = await show('words');
	assert.equal(await card.getByRole('tab', {name: 'Chart'}).count(), 0);
	assert.ok(!page.fetched.some((path) => /plotly|chart\.js/.test(path)));
	const sizes = await page.evaluate(async (paths) => Promise.all(paths.map(async (path) => [path, (await (await fetch(path)).arrayBuffer()).byteLength])),
		[...new Set(page.fetched)].filter((path) => /\.(js|css)$/.test(path)));
	const sum = (ending) => sizes.filter(([path]) => path.endsWith(ending)).reduce((n, [, bytes]) => n + bytes, 0);
	assert.ok(sum('.css') > 10000 && sum('.css') < 30000, `${sum('.css')} bytes of style`);
	assert.ok(sum('.js') > 20000 && sum('.js') < 60000, `${sum('.js')} bytes of script`);
});

test('months are a line; the table is one click away, and the choice stays', async () => {
	const card = await show('months');
	await drawn(card);
	assert.ok(await card.getByRole('tab', {name: 'Chart'}).getAttribute('aria-selected') === 'true');
	assert.equal(await card.locator('.scatterlayer .trace').count(), 1);
	assert.match(await card.locator('.chart-area').getAttribute('aria-label'), /^Line chart of revenue by month, 12 points\. The table/);
	await shot(page, 'card-months');
	await card.getByRole('tab', {name: 'Table'}).click();
	assert.ok(await card.locator('table').isVisible() && !await card.locator('.chart').isVisible());
	await page.reload();
	const again = page.locator('[data-card]').last();
	assert.ok(await again.locator('table').isVisible());
	await again.getByRole('tab', {name: 'Chart'}).click();
	await drawn(again);
});

for (const [name, selector, count, label] of [
	['days', '.scatterlayer .trace', 2, /^Line chart/], ['countries', '.bars .point', 12, /^Bar chart of customers by country, 12 bars/],
	['products', '.bars .point', 15, /^Bar chart/], ['both', '.scatterlayer .trace', 5, /in 5 series/], ['points', '.scatterlayer .point', 300, /^Scatter plot/]])
	test(`${name} make the chart that they call for`, async () => {
		const card = await show(name);
		await drawn(card);
		assert.equal(await card.locator(`.chart-area ${selector}`).count(), count);
		assert.match(await card.locator('.chart-area').getAttribute('aria-label'), label);
		await card.scrollIntoViewIfNeeded();
		await shot(page, `card-${name}`);
	});

test('tabs are walked by arrows, and their list holds nothing else', async () => {
	const card = await show('countries');
	await card.getByRole('tab', {name: 'Chart'}).focus();
	await page.keyboard.press('ArrowRight');
	assert.ok(await card.locator('table').isVisible() && await card.getByRole('tab', {name: 'Table'}).evaluate((tab) => tab === document.activeElement));
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowLeft');
	assert.ok(await card.locator('code.sql').isVisible());
	await page.keyboard.press('ArrowRight');
	await drawn(card);
	assert.deepEqual(await card.getByRole('tablist').evaluate((list) => [...list.children].map((child) => child.getAttribute('role'))), ['tab', 'tab', 'tab']);
});

test('names that begin alike are cut in the middle', async () => {
	const card = await show('alike');
	await drawn(card);
	const names = await card.locator('.chart-area .ytick').allTextContents();
	assert.equal(new Set(names).size, 6);
	assert.ok(names.every((name) => name.length <= 32 && name.includes('…')), names.join());
	await page.setViewportSize({width: 390, height: 844});
	const series = await show('segments');
	await drawn(series);
	const legend = series.locator('.chart-area .legendtext');
	assert.equal(new Set(await legend.allTextContents()).size, 8);
	const area = await series.locator('.chart-area').boundingBox(), plot = await series.locator('.chart-area .nsewdrag').boundingBox();
	assert.ok(plot.height > area.height / 2, 'the names leave room for the lines');
	await page.setViewportSize({width: 1440, height: 900});
});

test('many names have room, counts have no fractions, rates no Greek letters', async () => {
	const ticks = (card, axis) => card.locator(`.chart-area .${axis}tick`).allTextContents();
	const many = await show('thirty');
	await drawn(many);
	assert.equal((await ticks(many, 'y')).length, 30);
	const counts = await show('counts');
	await drawn(counts);
	assert.deepEqual(await ticks(counts, 'y'), ['0', '1', '2', '3']);
	const rates = await show('rates');
	await drawn(rates);
	assert.ok((await ticks(rates, 'y')).every((text) => /^[\d.]+$/.test(text)), (await ticks(rates, 'y')).join());
});

test('rows with keys, words, nothing and one value make none', async () => {
	for (const name of ['listing', 'nothing', 'one', 'words', 'wide']) {
		const card = await show(name);
		assert.equal(await card.getByRole('tab', {name: 'Chart'}).count(), 0, name);
		await shot(page, `card-${name}`);
	}
});

test('one value is large, no rows are words', async () => {
	const size = await (await show('one')).locator('td').evaluate((td) => parseFloat(getComputedStyle(td).fontSize));
	assert.ok(size >= 24);
	assert.match(await (await show('nothing')).innerText(), /No rows/);
});

test('hostile names stay text in a chart', async () => {
	const card = await show('hostile');
	await drawn(card);
	const words = (await card.locator('.chart-area').innerText()).replace(/\s+/g, ' ');
	assert.match(words, /<a href="javas/);
	assert.match(words, /<b>bold<\/b>/);
	assert.match(words, /%\{x\} \$y\$/);
	assert.equal(await card.locator('.chart-area a, .chart-area image, .chart-area img').count(), 0);
	await card.locator('.bars .point').first().hover({force: true});
	await shot(page, 'card-hostile');
});

test('a whole result is sorted, and pages keep the order', async () => {
	const card = await show('many');
	await card.getByRole('button', {name: /Page through 10,000 rows/}).click();
	await card.getByText('Rows 1 to 100 of 10,000').waitFor();
	const header = card.locator('th', {hasText: 'unit_price'});
	await header.click();
	await until(async () => await header.getAttribute('aria-sort') === 'ascending', 'sorted');
	await header.click();
	await until(async () => await header.getAttribute('aria-sort') === 'descending', 'sorted the other way');
	const first = (await rowsOf(card, 4)).map(Number);
	assert.equal(first.length, 100);
	assert.equal(first[0], Number(q.sql('shop', `SELECT max(unit_price) FROM (SELECT unit_price FROM shop.order_items ORDER BY md5(id::text) LIMIT 10000) t`)));
	await card.getByText('Next').click();
	await card.getByText('Rows 101 to 200').waitFor();
	const second = (await rowsOf(card, 4)).map(Number);
	assert.ok(second[0] <= first.at(-1) && second.every((v, i) => !i || v <= second[i - 1]));
	const nulls = card.locator('th', {hasText: 'more'});
	await nulls.click();
	await until(async () => await nulls.getAttribute('aria-sort') === 'ascending', 'sorted');
	assert.ok(!(await rowsOf(card, 5)).includes('–'), 'nulls are last');
	await shot(page, 'card-many');
	const when = card.locator('th', {hasText: 'ordered_at'});
	await when.focus();
	await page.keyboard.press('Enter');
	await until(async () => await when.getAttribute('aria-sort') === 'ascending', 'sorted by key');
	assert.ok(await when.evaluate((th) => th === document.activeElement), 'the focus stays');
	const dates = await rowsOf(card, 2);
	assert.deepEqual(dates, [...dates].sort());
});

test('a column is dragged wider and narrower, by keys too, and that does not sort', async () => {
	const card = page.locator('[data-card]').last(), header = card.locator('th').nth(2);
	const width = async () => (await header.boundingBox()).width;
	const before = await width(), box = await header.boundingBox(), sort = await card.locator('th[aria-sort]').textContent();
	await page.mouse.move(box.x + box.width - 3, box.y + 10);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width + 120, box.y + 10, {steps: 4});
	await page.mouse.up();
	assert.ok(Math.abs(await width() - before - 123) < 12, `${before} became ${await width()}`);
	assert.equal(await card.locator('th[aria-sort]').textContent(), sort);
	await header.focus();
	for (let i = 0; i < 6; i++) await page.keyboard.press('Shift+ArrowLeft');
	assert.ok(await width() < before + 60);
	await card.getByText('Next').click();
	await card.getByText('Rows 101 to 200').waitFor();
	assert.ok(await card.locator('th').nth(2).evaluate((th) => th.style.width) !== '', 'another page has the same columns');
});

test('the whole result is copied by who may export, what is shown by others; formulas are disarmed', async () => {
	const card = page.locator('[data-card]').last();
	await card.getByRole('button', {name: 'Copy the table'}).click();
	await page.getByText('Copied all 10,000 rows').waitFor();
	const text = await page.evaluate(() => navigator.clipboard.readText());
	assert.equal(text.split('\n').length, 10001);
	assert.equal(text.split('\n')[0], 'number\tordered_at\tquantity\tunit_price\tmore');
	assert.match(q.sql('quern', `SELECT detail FROM audit_log WHERE action = 'query.export' ORDER BY id DESC LIMIT 1`), /"format": ?"tsv".*|"rows": ?10000/);
	const p = await open(browser, q);
	await signIn(p, q, 'viewer@example.com');
	const theirs = await show('listing', p);
	await theirs.getByRole('button', {name: 'Copy the table'}).click();
	await p.getByText('Copied the 10 rows shown, of 400').waitFor();
	const run = await theirs.locator('[data-result]').getAttribute('data-run');
	assert.equal((await p.request.get(`/runs/${run}/rows.tsv`)).status(), 403);
	assert.equal((await page.request.get(`/runs/${run}/rows.tsv`)).status(), 404, 'and nobody gets those of others');
	await p.context().close();
	const id = await (await show('formula')).locator('[data-result]').getAttribute('data-run');
	assert.equal(await (await page.request.get(`/runs/${id}/rows.tsv`)).text(), 'name\tn\tz\n\'=1+1\t3\t\na tab\t-4\tx');
});

test('what did not work is folded into the steps, with its reason', async () => {
	const turn = await ask(page, 'show wrong');
	await turn.locator('.steps > summary').click();
	await turn.locator('.attempt > summary').first().click();
	assert.match(await turn.locator('.attempt').first().innerText(), /Did not work: .*nothing_like_this/);
	assert.ok(await turn.locator('.attempt code.sql').first().isVisible());
	await shot(page, 'card-wrong');
});

test('light and dark follow the page while it is open', async () => {
	const card = await show('both');
	await drawn(card);
	const stroke = () => card.locator('.chart-area .js-line').first().evaluate((n) => getComputedStyle(n).stroke);
	const light = await stroke();
	await page.emulateMedia({colorScheme: 'dark'});
	await until(async () => await stroke() !== light, 'another colour');
	await card.scrollIntoViewIfNeeded();
	await shot(page, 'card-dark');
	assert.deepEqual(await lowContrast(page), []);
	await page.emulateMedia({colorScheme: 'light'});
	await until(async () => await stroke() === light, 'the colour of before');
});

test('a dark page is printed with the colours of paper, charts that are out of sight, too', async () => {
	await page.emulateMedia({colorScheme: 'dark'});
	const file = await page.pdf({format: 'A4'});
	let drawing = '';
	for (let at = 0; (at = file.indexOf('stream\n', at)) >= 0; at += 10) {
		try { drawing += zlib.inflateSync(file.subarray(at + 7, file.indexOf('endstream', at + 7))).toString('latin1'); } catch { /* a picture or a font */ }
		at = file.indexOf('endstream', at + 7);
	}
	const count = (hex) => {
		const [r, g, b] = [1, 3, 5].map((i) => String(Math.trunc(parseInt(hex.slice(i, i + 2), 16) / 2.55) / 100).replace(/^0/, '').replace('.', '\\.'));
		return (drawing.match(new RegExp(`(?<![\\d.])${r}\\d* ${g}\\d* ${b}\\d* rg`, 'g')) ?? []).length;
	};
	assert.ok(count('#11627e') >= 12, `${count('#11627e')} in light`);
	assert.equal(count('#6ed1ec'), 0);
	await page.emulateMedia({colorScheme: 'light'});
});

test('charts of a long page are drawn where somebody looks', async () => {
	const first = page.locator('[data-chart]').first();
	await until(async () => !await first.locator('.main-svg').count(), 'the first one is given back');
	await first.scrollIntoViewIfNeeded();
	await until(async () => await first.locator('.main-svg').count(), 'and drawn again');
});

test('a narrow window', async () => {
	const p = await open(browser, q, {width: 390, height: 844});
	await signIn(p, q);
	for (const name of ['months', 'both', 'products', 'wide', 'many']) {
		const card = await show(name, p);
		if (await card.getByRole('tab', {name: 'Chart'}).count()) await drawn(card);
		assert.ok(await fits(p), name);
		await card.scrollIntoViewIfNeeded();
		await shot(p, `card-phone-${name}`);
	}
	assert.deepEqual(p.problems, []);
	await p.context().close();
});

test('cards of earlier questions work when they come into the page', async () => {
	await page.goto('/p/shop');
	await drawn(await show('months'));
	const chat = /\d+$/.exec(new URL(page.url()).pathname)[0];
	q.sql('quern', `INSERT INTO turns (conversation_id, question, answer, status, finished_at) SELECT ${chat}, 'Question ' || n, 'Answer ' || n, 'done', now() FROM generate_series(1, 60) n;
		UPDATE turns t SET parent_id = p.before FROM (SELECT id, lag(id) OVER (ORDER BY id) AS before FROM turns WHERE conversation_id = ${chat}) p WHERE p.id = t.id;
		UPDATE conversations SET leaf_id = (SELECT max(id) FROM turns WHERE conversation_id = ${chat}) WHERE id = ${chat}`);
	await page.reload();
	assert.equal(await page.locator('[data-card]').count(), 0);
	await page.getByRole('link', {name: 'Show earlier questions'}).click();
	const card = page.locator('[data-card]');
	await card.waitFor();
	await card.scrollIntoViewIfNeeded();
	await drawn(card);
	await card.getByRole('tab', {name: 'SQL'}).click();
	assert.ok(await card.locator('code.sql').isVisible());
});

test('on the page of a run and on that of a table, too', async () => {
	const run = await page.locator('[data-card]').getAttribute('data-card');
	await page.goto(`/runs/${run}`);
	const card = page.locator('[data-card]');
	await card.getByRole('tab', {name: 'Chart'}).click();
	await drawn(card);
	await card.getByRole('tab', {name: 'Table'}).click();
	await card.locator('th', {hasText: 'revenue'}).click();
	await card.getByRole('button', {name: 'Copy the table'}).click();
	await page.getByText('Copied', {exact: true}).waitFor();
	const rows = (await page.evaluate(() => navigator.clipboard.readText())).split('\n').slice(1).map((row) => Number(row.split('\t')[1]));
	assert.deepEqual(rows, [...rows].sort((a, b) => a - b));
	await page.goto('/p/shop/data/orders?rows=1');
	const header = page.locator('table.result th').first();
	await header.click();
	assert.equal(await header.getAttribute('aria-sort'), 'ascending');
});

test('where rows are kept no more, what was shown of them stands in for the chart', async () => {
	await page.goto('/p/shop');
	const card = await show('months');
	await drawn(card);
	q.sql('quern', `UPDATE query_runs SET result = NULL`);
	await page.reload();
	const again = page.locator('[data-card]');
	await again.locator('table').waitFor();
	assert.ok(!await again.getByRole('tab', {name: 'Chart'}).isVisible());
	assert.equal(await again.locator('tbody tr').count(), 10);
	assert.equal(await page.locator('.toast').count(), 0);
});

test('on the SQL page, too', async () => {
	await page.goto('/p/shop/sql');
	await page.locator('.cm-content').click();
	await page.keyboard.insertText(QUERIES.months);
	await page.keyboard.press('Control+Enter');
	const card = page.locator('[data-card]').last();
	await card.getByRole('tab', {name: 'Chart'}).click();
	await drawn(card);
	await shot(page, 'card-sql');
});

test('the eight colours can be told apart by everybody, on either ground', async () => {
	for (const [scheme, ground] of [['light', '#ffffff'], ['dark', '#211f1d']]) {
		await page.emulateMedia({colorScheme: scheme});
		const colours = await page.evaluate(() => Array.from({length: 8}, (_, i) => getComputedStyle(document.documentElement).getPropertyValue(`--c${i + 1}`).trim()));
		const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
		const light = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
		const lab = ([r, g, b]) => {
			const [l, m, s] = [0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b, 0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b, 0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b].map(Math.cbrt);
			return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
		};
		// Machado and others (2009), whole loss of one kind of cone.
		const eyes = [[1, 0, 0, 0, 1, 0, 0, 0, 1], [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
			[0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881], [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039]];
		const seen = (m, v) => [0, 1, 2].map((i) => Math.max(0, m[3 * i] * v[0] + m[3 * i + 1] * v[1] + m[3 * i + 2] * v[2]));
		for (const [i, colour] of colours.entries()) {
			const [a, b] = [light(rgb(colour)), light(rgb(ground))].sort((x, y) => y - x);
			assert.ok((a + 0.05) / (b + 0.05) >= 3, `${scheme} ${colour} on ${ground}`);
			for (const other of colours.slice(0, i)) for (const eye of eyes)
				assert.ok(Math.hypot(...lab(seen(eye, rgb(colour))).map((v, k) => v - lab(seen(eye, rgb(other)))[k])) > 0.1, `${scheme} ${colour} ${other}`);
		}
	}
});

test('no console errors and nothing blocked in all of this', () => {
	assert.deepEqual(page.problems, []);
});

run({seconds: 240});
