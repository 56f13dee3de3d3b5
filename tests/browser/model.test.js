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
const providers = [];
let q, browser, page, first, second;

// A scripted provider of our own.
async function provider() {
	const child = spawn(path.join(build, 'scripted-provider'), ['--port', '0', '--scenario', path.join(root, 'tests/provider/scenarios/shop.json')],
		{stdio: ['ignore', 'pipe', 'inherit']});
	const port = await new Promise((resolve) => { child.stdout.once('data', (d) => resolve(String(d).trim())); });
	providers.push(child);
	return {url: `http://127.0.0.1:${port}`, stop: () => new Promise((resolve) => { child.once('exit', resolve); child.kill(); })};
}

test('start', async () => {
	q = await start({args: []});
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q, 'admin@example.com');
	first = await provider();
	second = await provider();
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());
cleanup(() => providers.forEach((child) => child.kill()));

const section = () => page.locator('#model');
const form = (place) => section().locator(`form:has([name=place][value="${place}"])`);
const press = (place, name) => form(place).getByRole('button', {name}).click();
const said = () => section().locator('.notice, .problem').first();

async function fill(place, fields) {
	const to = form(place);
	if (place === 2 && !await to.isVisible()) await section().locator('summary').click();
	for (const [name, value] of Object.entries(fields)) {
		const field = to.locator(`[name=${name}]`);
		if (name === 'format') await field.selectOption(value);
		else await field.fill(value);
	}
}

// How an answer was computed: the panel beside it.
async function proof(turn) {
	await turn.locator('.proof > summary').click();
	await page.locator('[data-side] dl').waitFor();
	return page.locator('[data-side]').innerText();
}

// What stands below a field that was refused.
const beside = (place, name) => form(place).locator(`label:has([name=${name}][aria-invalid]) .bad`).innerText();

test('without a model the chat says where to connect one', async () => {
	assert.match(await page.locator('main').innerText(), /No language model is connected/);
	await page.getByRole('link', {name: 'Connect one'}).click();
	await page.waitForURL('**/p/shop/settings#model');
	assert.match(await section().locator('select').first().innerText(), /none is set up/);
	assert.equal(await form(1).locator('[name=url]').isVisible(), false, 'the instance has its own address');
	await shot(page, 'model-none');
	await press(1, 'Test the model');
	await said().waitFor();
	assert.match(await said().innerText(), /this instance has no model provider/i);
});

test('what is wrong is said beside its field, and nothing is saved', async () => {
	const right = () => ({format: 'anthropic', url: first.url, model: 'claude-scripted', key: 'secret-key', price_in: '3', price_cached: '0.3', price_out: '15'});
	for (const [change, field, words] of [
		[{url: 'ftp://models.example'}, 'url', /must begin with https/],
		[{url: 'https://me:secret@models.example'}, 'url', /must not hold a user/],
		[{model: 'a b'}, 'model', /without spaces/],
		[{key: 'two words'}, 'key', /none of them a space/],
		[{price_out: '10001'}, 'price_out', /between 0 and 10000/],
		[{price_in: '0.0000001'}, 'price_in', /between 0 and 10000/],
		[{currency: 'eur'}, 'currency', /three capital letters/],
	]) {
		await page.goto('/p/shop/settings');
		await fill(1, {...right(), ...change});
		await form(1).evaluate((f) => { f.noValidate = true; });
		await press(1, 'Save the model');
		await said().waitFor();
		assert.match(await beside(1, field), words);
		assert.equal(await form(1).locator('[aria-invalid]').count(), 1, field);
		if (field !== 'key') assert.equal(await form(1).locator(`[name=${field}]`).inputValue(), change[field], 'what was typed stays');
	}
	await section().scrollIntoViewIfNeeded();
	await shot(page, 'model-refused');
	assert.equal(q.sql('quern', 'SELECT count(*) FROM project_models').trim(), '0');
	assert.equal(q.sql('quern', "SELECT currency FROM projects WHERE slug = 'shop'").trim(), 'USD');
});

for (const [format, model, answered] of [['anthropic', 'claude-scripted', /claude-scripted answered in/], ['openai', 'gpt-scripted', /gpt-scripted answered in/]])
	test(`a model of ${format} is tried with a real call`, async () => {
		const unused = await freePort();
		for (const [change, words] of [
			[{key: 'bad-key'}, /refused the key/i],
			[{url: `http://127.0.0.1:${unused}`}, /could not connect to the model provider/i],
			[{model: 'unknown-model'}, /unknown-model/],
			[{}, answered],
		]) {
			await page.goto('/p/shop/settings');
			await fill(1, {format, url: first.url, model, key: 'secret-key', ...change});
			await press(1, 'Test the model');
			await said().waitFor();
			const words_ = await said().innerText();
			assert.match(words_, words);
			assert.match(words_, new RegExp(`Asked ${change.model ?? model} at ${change.url ?? first.url}`));
			assert.doesNotMatch(await page.content(), /secret-key|bad-key/);
			await section().scrollIntoViewIfNeeded();
			await shot(page, `model-${format}-${Object.keys(change)[0] ?? 'good'}`);
		}
	});

test('a key is stored unseen, and goes to no other server', async () => {
	await page.goto('/p/shop/settings');
	await fill(1, {format: 'anthropic', url: first.url, model: 'claude-scripted', key: 'secret-key', price_in: '3', price_cached: '0.3', price_out: '15', currency: 'EUR'});
	await press(1, 'Save the model');
	await page.waitForURL('**/settings?done=model#model');
	assert.match(await page.locator('main > .notice').innerText(), /model was saved/);
	assert.equal(await form(1).locator('[name=key]').inputValue(), '');
	assert.match(await form(1).locator('[name=key]').getAttribute('placeholder'), /stored/);
	assert.equal(await form(1).locator('[name=price_cached]').inputValue(), '0.3');
	await press(1, 'Test the model');
	await said().waitFor();
	assert.match(await said().innerText(), /answered in/, 'with the stored key');
	await fill(1, {url: second.url});
	await press(1, 'Save the model');
	await said().waitFor();
	assert.match(await beside(1, 'key'), /Type the key for the new address/);
	await page.goto('/p/shop/settings');
	await fill(1, {url: second.url});
	await press(1, 'Test the model');
	await said().waitFor();
	assert.doesNotMatch(await said().innerText(), /answered in/, 'the stored key did not go there');
	assert.doesNotMatch(await page.content(), /secret-key/);
	assert.equal(q.sql('quern', "SELECT detail->>'url' FROM audit_log WHERE action = 'project.model.set'").trim(), first.url);
	assert.equal(q.sql('quern', "SELECT count(*) FROM audit_log WHERE detail::text LIKE '%secret-key%'").trim(), '0');
	const stored = q.cli(['doctor', '--models']);
	assert.match(stored.stdout, /ok {4}Shop analytics, model 1 \(claude-scripted\): claude-scripted answered in/);
});

test('an answer says which model gave it and what it cost', async () => {
	await page.goto('/p/shop');
	assert.doesNotMatch(await page.locator('main').innerText(), /No language model/);
	assert.match(await proof(await ask(page, QUESTION)), /claude-scripted · [\d,]+ tokens in, [\d,]+ tokens out · 0\.0\d+ EUR/);
	await shot(page, 'model-cost');
});

test('when the first model is down the other one answers, and the answer says so', async () => {
	await page.goto('/p/shop/settings');
	await fill(2, {format: 'openai', url: second.url, model: 'gpt-scripted', key: 'other-key', price_in: '1', price_out: '2'});
	await press(2, 'Test the fallback');
	await said().waitFor();
	assert.match(await said().innerText(), /gpt-scripted answered in/);
	await fill(2, {key: 'other-key'});
	await press(2, 'Save the fallback');
	await page.waitForURL('**/settings?done=model#model');
	assert.equal(await form(2).isVisible(), true, 'a stored one is unfolded');
	await first.stop();
	await page.goto('/p/shop');
	assert.match(await proof(await ask(page, QUESTION)), /gpt-scripted, because claude-scripted did not answer/);
	await shot(page, 'model-fallback');
});

test('a limit that is reached is named', async () => {
	await page.goto('/p/shop/settings');
	assert.match(await page.locator('#limits').innerText(), /as this instance is set, 12/);
	await page.locator('[name=turn_steps]').fill('1');
	await page.locator('[name=turn_cost]').fill('0.25');
	await page.getByRole('button', {name: 'Save the limits'}).click();
	await page.locator('main > .notice').waitFor();
	assert.equal(await page.locator('[name=turn_cost]').inputValue(), '0.25');
	assert.equal(q.sql('quern', "SELECT turn_steps || ' ' || turn_cost FROM projects WHERE slug = 'shop'").trim(), '1 250000');
	await page.locator('#limits').scrollIntoViewIfNeeded();
	await shot(page, 'model-limits');
	await page.locator('#limits form').evaluate((f) => { f.noValidate = true; });
	await page.locator('[name=turn_cost]').evaluate((f) => { f.type = 'text'; f.value = 'a lot'; });
	await page.getByRole('button', {name: 'Save the limits'}).click();
	await page.locator('#limits .problem').waitFor();
	assert.match(await page.locator('#limits .problem').innerText(), /cost of an answer must be between 0/);
	await page.goto('/p/shop');
	const turn = await ask(page, QUESTION);
	assert.match(await turn.locator('.problem').innerText(), /stopped at the limit of 1 step. What was found until then is shown/i);
	assert.ok(await turn.locator('.card table').count(), 'what was found is there');
	await shot(page, 'model-limit-reached');
});

test('what was used this month is there by person and model', async () => {
	await page.goto('/p/shop/settings#usage');
	const usage = page.locator('#usage');
	const lines = (await usage.locator('tbody tr').allInnerTexts()).map((line) => line.replace(/\s+/g, ' '));
	assert.match(lines[0], /^admin@example\.com claude-scripted 1 [\d,]+ 0 \d+ 0\.0\d+ EUR$/);
	assert.match(lines[1], /^admin@example\.com gpt-scripted 2 /);
	assert.match(lines[2], /^All 3 /);
	await usage.scrollIntoViewIfNeeded();
	await shot(page, 'model-usage');
});

test('the section on a phone, in the dark, and without script', async () => {
	for (const [name, options] of [['phone', {width: 390, height: 844}], ['dark', {dark: true}], ['phone-dark', {width: 390, height: 844, dark: true}]]) {
		const other = await open(browser, q, options);
		await signIn(other, q, 'admin@example.com');
		await other.goto('/p/shop/settings#model');
		assert.ok(await fits(other), name);
		assert.deepEqual(await lowContrast(other), [], name);
		await shot(other, `model-${name}`);
		await other.goto('/p/shop/settings#usage');
		await shot(other, `model-usage-${name}`);
		await other.context().close();
	}
	const plain = await open(browser, q, {script: false});
	await signIn(plain, q, 'admin@example.com');
	await plain.goto('/p/shop/settings#model');
	await plain.getByRole('button', {name: 'Remove the fallback'}).click();
	await plain.waitForURL('**/settings?done=model#model');
	await plain.locator('#model form').first().getByRole('button', {name: "Back to the instance's"}).click();
	await plain.waitForURL('**/settings?done=model#model');
	assert.equal(q.sql('quern', 'SELECT count(*) FROM project_models').trim(), '0');
	await plain.context().close();
});

test('no page complained', () => {
	assert.deepEqual(page.problems.filter((text) => !/status of 4(00|22)|status of 50/.test(text)), []);
});

run({seconds: 120});
