#!/usr/bin/env node
// An admin gives a project models of its own, tries them, is told what is wrong with them, and sees what answers cost and
// which model gave them.
'use strict';

const assert = require('node:assert');
const path = require('node:path');
const {spawn} = require('node:child_process');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, build, root, freePort} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

const QUESTION = 'How did revenue develop month by month in 2025?';
let q, browser, page, providers = [];

// A scripted provider of our own; its address.
async function provider() {
	const child = spawn(path.join(build, 'scripted-provider'), ['--port', '0', '--scenario', path.join(root, 'tests/provider/scenarios/shop.json')],
		{stdio: ['ignore', 'pipe', 'inherit']});
	const port = await new Promise((resolve) => { child.stdout.once('data', (d) => resolve(String(d).trim())); });
	providers.push(child);
	return {url: `http://127.0.0.1:${port}`, child};
}

test('start', async () => {
	q = await start({args: []});
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q, 'admin@example.com');
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());
cleanup(() => providers.forEach((child) => child.kill()));

const section = () => page.locator('#model');
const form = (place) => section().locator(`form:has([name=place][value="${place}"])`);
async function fill(place, fields) {
	const to = form(place);
	if (place === 2 && !await to.isVisible()) await section().locator('summary').click();
	for (const [name, value] of Object.entries(fields)) {
		const field = to.locator(`[name=${name}]`);
		if (name === 'format') await field.selectOption(value);
		else await field.fill(value);
	}
	return to;
}
const press = (place, name) => form(place).getByRole('button', {name}).click();

test('without a model the chat says where to connect one', async () => {
	assert.match(await page.locator('main').innerText(), /No language model is connected/);
	await page.getByRole('link', {name: 'Connect one'}).click();
	await page.waitForURL('**/p/shop/settings#model');
	assert.match(await section().locator('select').first().innerText(), /none is set up/);
	assert.equal(await form(1).locator('[name=url]').isVisible(), false, 'the instance has its own address');
	await shot(page, 'model-none');
});

test('look', async () => {
	const {url} = await provider();
	await fill(1, {format: 'anthropic', url, model: 'claude-scripted', key: 'secret-key', price_in: '3', price_cached: '0.3', price_out: '15', currency: 'EUR'});
	await press(1, 'Test the model');
	await section().locator('.notice, .problem').waitFor();
	await section().scrollIntoViewIfNeeded();
	await shot(page, 'model-tested');
	console.log(await section().innerText());
});

run({seconds: 120});
