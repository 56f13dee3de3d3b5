#!/usr/bin/env node
// Artifacts in a real Chromium: asked for, changed, an old version restored, beside the chat and on their page, in the gallery.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, scripted, until} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

const MONTHS = `SELECT to_char(date_trunc('month', ordered_at), 'YYYY-MM') AS month, sum(total) AS revenue FROM orders WHERE ordered_at >= '2025-01-01' AND ordered_at < '2026-01-01' GROUP BY 1 ORDER BY 1`;
const figure = (type) => JSON.stringify({data: [{type, name: 'Revenue', x: {$data: 'sales.month'}, y: {$data: 'sales.revenue'}}], layout: {yaxis: {title: {text: 'EUR'}}}});
const REPORT = '# Revenue of 2025\n\nIt **rose** towards the end of the year.\n\n| Month | What |\n|---|---|\n| July | the outage |\n\n<script>alert(1)</script>';
const APP = `import { useState } from "react";
export default function App() {
	const [least, setLeast] = useState(0);
	const rows = data.sales.records.filter((r) => r.revenue >= least);
	return <div className="p-4"><button className="border rounded px-3 py-1" onClick={() => setLeast(1e12)}>Only the best</button><p id="count">{rows.length} months</p></div>;
}`;
const tool = (name, input) => ({tools: [{name, input}], delay: 0});

let q, model, browser, page;

test('start', async () => {
	model = await scripted([
		{match: 'chart of revenue', call: 0, reply: tool('execute_sql', {sql: MONTHS})},
		{match: 'chart of revenue', call: 1, reply: tool('create_artifact', {title: 'Revenue by month', type: 'plotly', code: figure('bar'), sources: [{name: 'sales', sql: MONTHS}]})},
		{match: 'chart of revenue', reply: {text: 'Here is the revenue of each month.', delay: 0}},
		{match: 'as a line', call: 0, reply: tool('update_artifact', {id: 1, note: 'A line', edits: [{find: '"bar"', replace: '"scatter"'}]})},
		{match: 'as a line', reply: {text: 'Now it is a line.', delay: 0}},
		{match: 'in green', call: 0, reply: tool('update_artifact', {id: 1, note: 'Green', edits: [{find: '"name":', replace: '"line":{"color":"green"},"name":'}]})},
		{match: 'in green', reply: {text: 'Now it is green.', delay: 0}},
		{match: 'a broken app', call: 0, reply: tool('create_artifact', {title: 'Broken', type: 'react', code: 'export default function App() { return <p>{nothing.there}</p>; }'})},
		{match: 'a broken app', reply: {text: 'An app.', delay: 0}},
		{match: 'does not work in my browser: .*nothing is not defined', call: 0, reply: tool('update_artifact', {id: 3, note: 'Mended', code: 'export default () => <p id="mended">mended</p>;'})},
		{match: 'does not work in my browser', reply: {text: 'Mended.', delay: 0}},
		{match: 'as an app', call: 0, reply: tool('create_artifact', {title: 'Months to choose from, with a title that is rather long for a card', type: 'react', code: APP, sources: [{name: 'sales', sql: MONTHS}]})},
		{match: 'as an app', reply: {text: 'An app.', delay: 0}},
		{match: 'write a report', call: 0, reply: tool('create_artifact', {title: 'Report', type: 'markdown', code: REPORT})},
		{match: 'write a report', reply: {text: 'A report.', delay: 0}},
	]);
	q = await start({args: [], env: model.env});
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => model && model.stop());
cleanup(() => browser && browser.close());

// The frame inside a place, once something was painted in it.
async function painted(place) {
	await place.scrollIntoViewIfNeeded();
	await place.locator('iframe').waitFor({timeout: 20000});
	const done = await place.evaluate(async (node) => {
		while (!node.frame) await new Promise((resolve) => setTimeout(resolve, 20));
		return node.frame.done;
	});
	assert.ok(done.ok, JSON.stringify(done.errors));
	return place.frameLocator('iframe');
}
const cardOf = (turn) => turn.locator('.artifact-card');
const placeIn = (root) => root.locator('[data-artifact-frame]');

test('a chart that is asked for stands in the answer, and again after a reload', async () => {
	const turn = await ask(page, 'a chart of revenue please');
	const frame = await painted(placeIn(cardOf(turn)));
	assert.equal(await frame.locator('.bars .point').count(), 12);
	await shot(page, 'artifact-chat');
	await page.reload();
	assert.equal(await (await painted(placeIn(cardOf(page.locator('.turn').last())))).locator('.bars .point').count(), 12);
	assert.deepEqual(page.problems, []);
});

test('two changes are two versions, each in its own answer', async () => {
	assert.equal(await (await painted(placeIn(cardOf(await ask(page, 'now as a line'))))).locator('.scatterlayer .trace').count(), 1);
	await painted(placeIn(cardOf(await ask(page, 'and in green'))));
	assert.deepEqual(await page.locator('.artifact-card .card-facts').allTextContents(), ['Chart · version 1', 'Chart · version 2', 'Chart · version 3']);
});

test('the panel beside the chat shows it larger, and all its versions; version 1 comes back', async () => {
	await cardOf(page.locator('.turn').last()).getByRole('link', {name: 'Open'}).click();
	const panel = page.locator('.artifact-panel');
	await painted(placeIn(panel));
	await shot(page, 'artifact-panel');
	const before = (await panel.boundingBox()).width;
	await panel.getByRole('separator').focus();
	await page.keyboard.press('ArrowLeft');
	assert.ok((await panel.boundingBox()).width > before, 'wider by the keyboard');
	await panel.getByRole('tab', {name: 'Code'}).click();
	assert.match(await panel.locator('textarea').inputValue(), /"scatter"/);
	await panel.getByRole('tab', {name: 'Data'}).click();
	await panel.locator('table.result tbody tr').nth(11).waitFor();
	await shot(page, 'artifact-panel-data');
	await panel.getByRole('tab', {name: 'Versions'}).click();
	assert.match((await panel.locator('.diff .new').allInnerTexts()).join(' '), /green/);
	await shot(page, 'artifact-panel-versions');
	await panel.getByRole('link', {name: 'Version 1'}).click();
	await panel.getByText('This is an older version').waitFor();
	await panel.getByRole('button', {name: 'Restore this one'}).click();
	await panel.getByText('version 4 ·').waitFor();
	if (!await placeIn(panel).isVisible()) await panel.getByRole('tab', {name: 'View'}).click();
	assert.equal(await (await painted(placeIn(panel))).locator('.bars .point').count(), 12);
	assert.equal(q.sql('quern', 'SELECT count(*) FROM artifact_versions WHERE artifact_id = 1'), '4');
	await page.keyboard.press('Escape');
	assert.equal(await panel.count(), 0);
	assert.deepEqual(page.problems, []);
});

test('a result is kept without a model', async () => {
	const turn = page.locator('.turn').first();
	const link = turn.locator('[data-card] a', {hasText: 'Keep'});
	await link.click();
	await page.getByRole('heading', {name: 'Keep as an artifact'}).waitFor();
	await shot(page, 'artifact-keep');
	await page.getByLabel('Title').fill('Kept from a result');
	await page.getByRole('button', {name: 'Keep'}).click();
	await page.waitForURL('**/artifacts/*');
	assert.equal(await (await painted(placeIn(page))).locator('.scatterlayer .trace').count(), 1);
	await page.getByRole('link', {name: 'Change the chart'}).click();
	await page.getByLabel('Shown as').selectOption('table');
	await page.getByRole('button', {name: 'Save as a new version'}).click();
	await painted(placeIn(page));
	await shot(page, 'artifact-kept-table');
	assert.deepEqual(page.problems, []);
	await page.getByRole('link', {name: 'Its conversation'}).click();
	await page.locator('.turn').first().waitFor();
});

test('an app that fails is given back for repair, once', async () => {
	const before = await page.locator('.turn').count();
	await ask(page, 'a broken app');
	await cardOf(page.locator('.turn').nth(before)).locator('.problem').first().waitFor({timeout: 20000});
	await page.locator('.question', {hasText: 'does not work in my browser'}).waitFor({timeout: 20000});
	const last = page.locator('.turn').last();
	await last.locator('.actions').waitFor({timeout: 30000});
	assert.equal(await (await painted(placeIn(cardOf(last)))).locator('#mended').innerText(), 'mended');
	assert.equal(await page.locator('.question', {hasText: 'does not work in my browser'}).count(), 1);
	await shot(page, 'artifact-repaired');
});

test('an app has its data, and its buttons work', async () => {
	const turn = await ask(page, 'the same as an app');
	const frame = await painted(placeIn(cardOf(turn)));
	assert.equal(await frame.locator('#count').innerText(), '12 months');
	await frame.getByRole('button').click();
	assert.equal(await frame.locator('#count').innerText(), '0 months');
});

test('a report is text of the page, made safe', async () => {
	const turn = await ask(page, 'write a report');
	const card = cardOf(turn);
	assert.equal(await card.locator('h1').innerText(), 'Revenue of 2025');
	assert.equal(await card.locator('iframe').count(), 0);
	assert.equal(await card.locator('td').count(), 2);
	assert.equal(await card.locator('script').count(), 0);
	assert.deepEqual(page.problems, []);
});

test('its page: title, versions, data from when; renamed, shown, deleted and back', async () => {
	await page.goto('/artifacts/1');
	await painted(placeIn(page));
	await page.locator('[data-artifact-at]').filter({hasText: 'data of'}).waitFor();
	await shot(page, 'artifact-page');
	assert.deepEqual(await lowContrast(page), []);
	await page.getByRole('button', {name: 'Refresh data'}).click();
	await painted(placeIn(page));
	await page.getByText('Rename').click();
	await page.getByLabel('Title').fill('Revenue, month by month');
	await page.getByRole('button', {name: 'Save', exact: true}).click();
	await page.getByRole('heading', {name: 'Revenue, month by month'}).waitFor();
	await page.getByRole('button', {name: 'Show to the project'}).click();
	await page.getByText('Everybody in the project finds it').waitFor();
	await page.getByRole('button', {name: 'Delete'}).click();
	await page.getByText('The artifact was deleted.').waitFor();
	await page.getByRole('button', {name: 'Undo'}).click();
	await page.getByRole('heading', {name: 'Revenue, month by month'}).waitFor();
});

test('the gallery is searched', async () => {
	await page.goto('/p/shop/artifacts');
	assert.equal(await page.locator('.gallery li').count(), 5);
	await page.waitForFunction(() => document.querySelectorAll('.thumb.live').length === 4, null, {timeout: 30000});
	assert.equal(await page.locator('.thumb.plotly.live iframe').first().evaluate((frame) => frame.closest('[inert]') !== null), true);
	assert.equal(await page.locator('.sections [aria-current]').innerText(), 'Artifacts');
	await shot(page, 'artifact-gallery');
	assert.deepEqual(await lowContrast(page), []);
	await page.getByPlaceholder('Search titles').fill('months');
	await page.keyboard.press('Enter');
	await page.waitForURL('**q=months');
	assert.equal(await page.locator('.gallery li').count(), 1);
	await page.goto('/p/shop/artifacts?q=nothing');
	await page.getByText('Nothing was found for “nothing”').waitFor();
	assert.deepEqual(page.problems, []);
});

test('shared until a day, opened in a private window of a phone, saved as a PDF file, taken back, gone', async () => {
	await page.goto('/artifacts/1');
	await page.getByRole('link', {name: 'Share', exact: true}).click();
	await page.getByLabel('Everybody who has the link').check();
	await page.getByLabel('It ends').selectOption('after a week');
	await page.getByRole('button', {name: 'Make the link'}).click();
	const link = await page.getByLabel('The link', {exact: true}).inputValue();
	const phone = await open(browser, q, {width: 390, height: 844});
	await phone.goto(new URL(link).pathname);
	await phone.getByText(/shared by analyst.*until/s).waitFor();
	assert.equal(await (await painted(placeIn(phone))).locator('.bars .point').count(), 12, 'version 1, restored');
	assert.ok(await fits(phone));
	await page.goto('/artifacts/1');
	await page.getByText('Download', {exact: true}).click();
	const [file] = await Promise.all([page.waitForEvent('download', {timeout: 90000}), page.getByRole('button', {name: 'PDF'}).click()]);
	assert.match(file.suggestedFilename(), /^revenue-month-by-month-\d{4}-\d\d-\d\d\.pdf$/);
	assert.equal(fs.readFileSync(await file.path()).subarray(0, 5).toString(), '%PDF-');
	await page.goto('/artifacts/1/share');
	await page.getByRole('button', {name: 'Take back'}).click();
	await page.getByText('taken back').first().waitFor();
	await phone.reload();
	await phone.getByRole('heading', {name: 'Nothing to see here'}).waitFor();
	assert.deepEqual(page.problems, []);
	await phone.context().close();
});

for (const [name, options] of [['dark', {dark: true}], ['phone', {width: 390, height: 844}], ['phone-dark', {width: 390, height: 844, dark: true}]])
	test(`${name}: nothing is too wide, too pale or broken`, async () => {
		const other = await open(browser, q, options);
		await signIn(other, q);
		for (const [at, address] of [['page', '/artifacts/1'], ['report', '/artifacts/5'], ['gallery', '/p/shop/artifacts'], ['rows', '/artifacts/1/rows'], ['chat', `/p/shop/chat/${q.sql('quern', 'SELECT min(id) FROM conversations')}`]]) {
			await other.goto(address);
			if (await placeIn(other).count()) await painted(placeIn(other).last());
			await shot(other, `artifact-${at}-${name}`);
			assert.ok(await fits(other), `${address} is too wide`);
			assert.deepEqual(await lowContrast(other), [], address);
		}
		if (options.width) {
			await painted(placeIn(cardOf(other.locator('.turn').nth(2))));
			await cardOf(other.locator('.turn').nth(2)).getByRole('link', {name: 'Open'}).click();
			await painted(placeIn(other.locator('.artifact-panel')));
			await shot(other, `artifact-panel-${name}`);
			assert.ok(await fits(other));
		}
		assert.deepEqual(other.problems, []);
		await other.context().close();
	});

test('somebody else sees what was shown, and changes nothing', async () => {
	const other = await open(browser, q);
	await signIn(other, q, 'viewer@example.com');
	await other.goto('/p/shop/artifacts');
	assert.equal(await other.locator('.gallery li').count(), 1);
	await other.locator('.gallery a').click();
	await painted(placeIn(other));
	assert.equal(await other.getByRole('button', {name: 'Delete'}).count(), 0);
	await other.getByRole('tab', {name: 'Code'}).click();
	assert.equal(await other.locator('textarea').count(), 0);
	await other.context().close();
});

run({seconds: 240});
