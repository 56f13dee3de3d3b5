#!/usr/bin/env node
// A link from its form to its end: made with an expiry, opened in a private window of a phone, taken back, gone; its password, a page inside
// another site, and that a visitor's browser tells nobody the token.
'use strict';

const assert = require('node:assert');
const https = require('node:https');
const fs = require('node:fs');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, freePort} = require('../lib/quern.js');
const {launch, open, signIn, shot, fits, lowContrast} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

const SALES = {sales: {columns: [{name: 'month', type: 'text', kind: 'text'}, {name: 'revenue', type: 'numeric', kind: 'number'}],
	rows: [['Jan', '3.5'], ['Feb', '4'], ['Mar', '2']], row_count: 3, truncated: false}};
const CHART = JSON.stringify({data: [{type: 'bar', x: {$data: 'sales.month'}, y: {$data: 'sales.revenue'}}], layout: {title: {text: 'Revenue'}}});
let q, browser, page, chart;

test('start', async () => {
	q = await start({args: []});
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
	chart = artifacts.put(q, {type: 'plotly', code: CHART, data: SALES, title: 'Revenue by month'});
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

// Fills in the form of the artifact's page; resolves to the link.
async function make(id, choose = async () => {}) {
	await page.goto(`/artifacts/${id}`);
	await page.getByRole('link', {name: 'Share', exact: true}).click();
	await page.waitForURL('**/share?version=1');
	await choose();
	await page.getByRole('button', {name: 'Make the link'}).click();
	await page.getByText('The link is ready').waitFor();
	return page.getByLabel('The link', {exact: true}).inputValue();
}

// Opens it as somebody who was never here; resolves to their page, once the frame was painted.
async function visit(link, options = {}) {
	const visitor = await open(browser, q, options);
	await visitor.goto(link);
	visitor.done = await visitor.evaluate(async () => {
		const place = document.querySelector('[data-artifact-frame]');
		while (place && !place.frame) await new Promise((resolve) => setTimeout(resolve, 20));
		return place ? place.frame.done : null;
	});
	return visitor;
}

test('made in the page with an expiry, opened on a phone, taken back, gone', async () => {
	const link = await make(chart, async () => {
		await shot(page, 'share-form');
		assert.ok(!await page.getByLabel('Their e-mail addresses').isVisible());
		await page.getByLabel('Everybody who has the link').check();
		assert.ok(!await page.getByLabel('Live data').isVisible(), 'everybody sees frozen data');
		await page.getByLabel('It ends').selectOption('after a week');
	});
	assert.match(link, /\/shared\/[A-Za-z0-9_-]{43}$/);
	await page.getByRole('button', {name: 'Copy'}).click();
	assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
	assert.ok(await fits(page));
	await shot(page, 'share-made');
	const path = new URL(link).pathname;
	const phone = await visit(path, {width: 390, height: 800});
	assert.ok(phone.done.ok, JSON.stringify(phone.done));
	assert.match(new URL(phone.url()).pathname, /^\/shared\/\d+$/, 'no token in the address');
	assert.equal(await phone.frames().find((f) => f.url().endsWith('/sandbox')).locator('.bars .point').count(), 3);
	assert.equal(await phone.evaluate(() => document.referrer), '');
	assert.ok(await fits(phone));
	assert.deepEqual(await lowContrast(phone), []);
	assert.equal(await phone.locator('.sidebar, textarea, nav').count(), 0, 'no chat');
	assert.match(await phone.locator('.shared-head').innerText(), /shared by .*made .*until /s);
	await shot(phone, 'share-phone');
	const dark = await visit(path, {dark: true});
	assert.deepEqual(await lowContrast(dark), []);
	await shot(dark, 'share-dark');
	assert.deepEqual([...phone.problems, ...dark.problems], []);
	await page.goto(`/artifacts/${chart}/share`);
	assert.match(await page.locator('#links tbody').innerText(), /everybody[\s\S]*version 1/);
	await shot(page, 'share-list');
	await page.getByRole('button', {name: 'Take back'}).click();
	await page.getByText('taken back').first().waitFor();
	await phone.reload();
	assert.match(await phone.locator('h1').innerText(), /Nothing to see here/);
	await shot(phone, 'share-gone');
	await phone.goto(path);
	assert.match(await phone.locator('h1').innerText(), /Nothing to see here/);
	for (const p of [phone, dark]) await p.context().close();
});

test('the admin sees all links, also on a phone', async () => {
	await make(chart, () => page.getByLabel('Everybody who has the link').check());
	const admin = await open(browser, q, {width: 390, height: 800});
	await signIn(admin, q, 'admin@example.com');
	await admin.goto('/admin/links');
	assert.ok(await fits(admin));
	assert.deepEqual(await lowContrast(admin), []);
	await shot(admin, 'share-admin-phone');
	await admin.goto(`/admin/links`);
	await admin.getByRole('button', {name: 'Take back'}).first().click();
	await admin.getByText('The link was taken back').waitFor();
	await admin.goto('/p/shop/links');
	assert.match(await admin.locator('#links tbody').innerText(), /Revenue by month/);
	assert.ok(await fits(admin));
	assert.deepEqual(await lowContrast(admin), []);
	await shot(admin, 'share-project-phone');
	await admin.context().close();
});

test('a password is asked for, by keyboard', async () => {
	const link = await make(chart, async () => {
		await page.getByLabel('Everybody who has the link').check();
		await page.getByLabel('Password, if you want one').fill('correct horse');
	});
	const visitor = await visit(new URL(link).pathname, {width: 390, height: 800, dark: true});
	assert.ok(await fits(visitor));
	await shot(visitor, 'share-password');
	await visitor.keyboard.type('wrong horse battery');
	await visitor.keyboard.press('Enter');
	await visitor.getByText('password is wrong').waitFor();
	assert.deepEqual(await lowContrast(visitor), []);
	await visitor.getByLabel('Password').fill('correct horse');
	await visitor.keyboard.press('Enter');
	await visitor.getByRole('heading', {name: 'Revenue by month'}).waitFor();
	await visitor.context().close();
});

test('text stands on the page without script', async () => {
	const link = await make(artifacts.put(q, {type: 'markdown', code: '# Report\n\nAll is *well*.', title: 'A report'}), () => page.getByLabel('Everybody who has the link').check());
	const visitor = await open(browser, q, {width: 390, height: 800, script: false});
	await visitor.goto(new URL(link).pathname);
	assert.match(await visitor.locator('main').innerText(), /All is well/);
	assert.ok(await fits(visitor));
	await shot(visitor, 'share-text');
	await visitor.context().close();
});

test('live data for members: who is not signed in is led there and back', async () => {
	const link = await make(chart, () => page.getByLabel('Members of').check());
	const visitor = await visit(new URL(link).pathname);
	assert.match(await visitor.locator('h1').innerText(), /Nothing to see here/);
	await visitor.getByRole('link', {name: 'Sign in'}).click();
	await visitor.getByLabel('E-mail').fill('viewer@example.com');
	await visitor.getByLabel('Password').fill(q.env.QUERN_DEMO_PASSWORD);
	await visitor.getByRole('button', {name: 'Sign in'}).click();
	await visitor.getByRole('heading', {name: 'Revenue by month'}).waitFor();
	await visitor.frameLocator('iframe').locator('.bars .point').first().waitFor();
	await shot(visitor, 'share-live');
	await visitor.context().close();
});

test('live data for somebody who is no member: the page says so in place of the rows', async () => {
	const email = 'guest@example.com', password = q.env.QUERN_DEMO_PASSWORD;
	assert.equal(q.cli(['user', 'add', email], {input: `${password}\n`}).code, 0);
	const id = artifacts.put(q, {type: 'plotly', code: CHART, title: 'For a guest'});
	q.sql('quern', `UPDATE artifact_versions SET sources = '[{"name": "sales", "sql": "SELECT 1 AS month, 2 AS revenue"}]' WHERE artifact_id = ${id}`);
	const link = await make(id, async () => {
		await page.getByLabel('Certain people').check();
		await page.getByLabel('Their e-mail addresses').fill(email);
		assert.ok(await page.getByText('none for who is no member').isVisible());
		await shot(page, 'share-form-people');
	});
	const guest = await open(browser, q, {width: 390, height: 800});
	await signIn(guest, q, email);
	await guest.goto(new URL(link).pathname);
	await guest.getByText('the data is for members of the project').waitFor();
	assert.ok(await fits(guest));
	await shot(guest, 'share-guest-phone');
	await guest.context().close();
});

// A page of another site, with the instance's certificate, that shows the address in a frame.
async function site(inside) {
	const port = await freePort(), tls = (name) => fs.readFileSync(`${q.dir}/${name}`);
	const server = https.createServer({cert: tls('tls.crt'), key: tls('tls.key')}, (req, res) => {
		res.setHeader('Content-Type', 'text/html');
		res.end(`<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1><iframe src="${inside.at}" width="800" height="600"></iframe>`);
	});
	await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
	return {origin: `https://localhost:${port}`, close: () => server.close()};
}

// A listener that keeps what a browser tells it of where it comes from.
async function listener() {
	const port = await freePort(), heard = [], tls = (name) => fs.readFileSync(`${q.dir}/${name}`);
	const server = https.createServer({cert: tls('tls.crt'), key: tls('tls.key')}, (req, res) => {
		if (!req.url.startsWith('/favicon')) heard.push({url: req.url, headers: JSON.stringify(req.headers), referer: req.headers.referer ?? ''});
		res.setHeader('Content-Type', 'text/html');
		res.end('<!doctype html><title>Listener</title><a href="/again">Again</a><p id="from"></p>');
	});
	await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
	return {origin: `https://localhost:${port}`, heard, close: () => server.close()};
}

test('who follows a link on a shared page tells its site nothing of where it stood', async () => {
	const there = await listener();
	const report = artifacts.put(q, {type: 'markdown', code: `See [the source](${there.origin}/source?a=1).`, title: 'A report with a link'});
	const link = await make(report, () => page.getByLabel('Everybody who has the link').check());
	const token = link.slice(-43), visitor = await open(browser, q);
	try {
		await visitor.goto(new URL(link).pathname);
		const address = visitor.url();
		await visitor.getByRole('link', {name: 'the source'}).click();
		await visitor.getByRole('link', {name: 'Again'}).waitFor();
		assert.deepEqual(await visitor.evaluate(() => [document.referrer, String(window.opener)]), ['', 'null']);
		await visitor.getByRole('link', {name: 'Again'}).click();
		await visitor.waitForURL('**/again');
		await visitor.goto(new URL(link).pathname);
		await visitor.evaluate((url) => { location.href = url; }, `${there.origin}/moved`);
		await visitor.waitForURL('**/moved');
		const by = (path) => there.heard.find(({url}) => url.startsWith(path));
		assert.equal(by('/source').referer, '');
		assert.equal(by('/moved').referer, '');
		assert.match(by('/again').referer, /\/source/, 'the listener hears it of a page that says so');
		for (const {headers, url} of there.heard) for (const secret of [token, new URL(address).pathname]) assert.ok(!`${url} ${headers}`.includes(secret), headers);
	} finally {
		there.close();
		await visitor.context().close();
	}
});

test('inside another site it shows where the link allows it, and nowhere else', async () => {
	const inside = {at: ''};
	const there = await site(inside);
	const embed = (origins) => make(chart, async () => {
		await page.getByLabel('Everybody who has the link').check();
		await page.getByText('Show it inside other sites').click();
		await page.getByLabel('Their addresses').fill(origins);
	});
	try {
		inside.at = await embed(there.origin);
		const reader = await open(browser, q);
		await reader.goto(there.origin);
		await reader.frameLocator('iframe').getByRole('heading', {name: 'Revenue by month'}).waitFor();
		await reader.frameLocator('iframe').frameLocator('iframe').locator('.bars .point').first().waitFor();
		await shot(reader, 'share-embedded');
		inside.at = await embed('https://other.example');
		await reader.goto(there.origin);
		await reader.waitForTimeout(1500);
		assert.equal(await reader.frameLocator('iframe').getByRole('heading', {name: 'Revenue by month'}).count(), 0);
		await reader.context().close();
	} finally {
		there.close();
	}
});

run({seconds: 240});
