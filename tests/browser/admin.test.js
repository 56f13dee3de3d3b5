#!/usr/bin/env node
// An admin connects a second, real database through the pages, gives somebody a role, and asks it questions.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const {test, cleanup, run, skip} = require('../lib/runner.js');
const {start, shared} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

let q, browser, page;

// A second database of our own, and a shared real one where it is at hand.
const OWN = `CREATE SCHEMA clinic; CREATE TABLE clinic.patients (id bigint PRIMARY KEY, ward text NOT NULL, admitted date NOT NULL);
	COMMENT ON TABLE clinic.patients IS 'People in the clinic'; INSERT INTO clinic.patients SELECT g, 'ward ' || g % 5, DATE '2025-01-01' + g % 300 FROM generate_series(1, 1200) g; ANALYZE;`;

test('start', async () => {
	q = await start();
	q.sql('postgres', 'CREATE DATABASE clinic');
	q.sql('clinic', OWN);
	const admin = `postgresql://quern_dev:${encodeURIComponent(q.env.QUERN_DEV_SUPERUSER_PASSWORD)}@${encodeURIComponent(q.env.QUERN_DEV_PG_SOCKET)}/clinic`;
	const made = q.cli(['setup-db', '--admin-dsn', admin, '--schema', 'clinic', '--role', 'clinic reader'], {env: {QUERN_ROLE_PASSWORD: `p'a"ss\\word`}});
	assert.equal(made.code, 0, made.stderr);
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q, 'admin@example.com');
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

async function fillSource(fields) {
	for (const [name, value] of Object.entries(fields)) await page.locator(`[name=${name}]`).fill(value);
}
const source = () => ({host: q.env.QUERN_DEV_PG_SOCKET, database: 'clinic', username: 'clinic reader', password: `p'a"ss\\word`, schema: 'clinic'});

test('Test connection says what is wrong, in words', async () => {
	await page.goto('/admin/projects/new');
	await shot(page, 'project-new');
	for (const [change, words] of [
		[{password: 'wrong'}, /password/i],
		[{database: 'nothing'}, /database/i],
		[{schema: 'nowhere'}, /schema/i],
		[{host: '127.0.0.1', port: '1'}, /nothing answers/i],
	]) {
		await page.goto('/admin/projects/new');
		await fillSource({...source(), ...change});
		await page.getByRole('button', {name: 'Test connection'}).click();
		const problem = page.locator('.problem');
		await problem.waitFor();
		assert.match(await problem.innerText(), words);
		assert.equal(await page.locator('[name=schema]').inputValue(), change.schema ?? 'clinic', 'what was typed stays');
	}
	await shot(page, 'project-new-problem');
	await page.goto('/admin/projects/new');
	await fillSource({...source(), username: 'quern_dev', password: q.env.QUERN_DEV_SUPERUSER_PASSWORD});
	await page.getByRole('button', {name: 'Test connection'}).click();
	await page.locator('.risks').waitFor();
	assert.match(await page.locator('main').innerText(), /write|superuser/i);
});

test('a project is created, its dictionary is read, and it can be asked', async () => {
	await page.goto('/admin/projects/new');
	await fillSource({...source(), name: 'Clinic', slug: 'clinic', description: 'Patients and wards'});
	await page.getByRole('button', {name: 'Create the project'}).click();
	await page.waitForURL('**/p/clinic');
	const turn = await ask(page, 'how many rows in patients?');
	assert.match(await turn.innerText(), /1,?200/);
	await page.goto('/p/clinic/data/patients');
	assert.match(await page.locator('main').innerText(), /People in the clinic/);
});

test('settings are saved by section; wrong ones are named', async () => {
	await page.goto('/p/clinic/settings');
	await shot(page, 'settings');
	assert.equal(await page.locator('#source [name=password]').inputValue(), '', 'a stored password is never shown');
	await page.locator('[name=row_cap]').fill('50');
	await page.locator('[name=max_cost]').fill('1200');
	await page.getByRole('button', {name: 'Save the limits'}).click();
	assert.match(await page.locator('.notice').innerText(), /limits were saved/);
	assert.equal(await page.locator('[name=row_cap]').inputValue(), '50');
	assert.equal(await page.locator('[name=max_cost]').inputValue(), '1200');
	await page.locator('#limits form').evaluate((form) => { form.noValidate = true; });
	await page.locator('[name=timeout]').fill('601');
	await page.locator('[name=queries_a_day]').fill('-1');
	await page.getByRole('button', {name: 'Save the limits'}).click();
	await page.locator('#limits .problem').waitFor();
	assert.match(await page.locator('#limits .problem').innerText(), /time limit must be between 0.1 and 600 seconds. The queries a day/);
	assert.equal(await page.locator('#limits [aria-invalid]').getAttribute('name'), 'timeout');
	assert.equal(await page.locator('[name=queries_a_day]').inputValue(), '-1', 'what was typed stays');
	await shot(page, 'settings-limits');
	assert.equal(q.sql('quern', "SELECT row_cap || ' ' || timeout_ms || ' ' || max_cost FROM projects WHERE slug = 'clinic'").trim(), '50 15000 1200');
	await page.locator('#general [name=slug]').fill('shop');
	await page.getByRole('button', {name: 'Save the project'}).click();
	await page.locator('#general .problem').waitFor();
	assert.equal(await page.locator('#general [name=slug]').inputValue(), 'shop');
	await page.goto('/p/clinic/settings');
	await page.getByRole('button', {name: 'Test connection'}).click();
	await page.locator('#source .notice').waitFor();
	await shot(page, 'settings-tested');
	await page.goto('/p/clinic/settings');
	await page.getByRole('button', {name: 'Read it from the database'}).click();
	await page.waitForURL('**/settings?done=generated#dictionary');
	const box = await page.locator('.notice').boundingBox();
	assert.ok(box.y >= 0 && box.y < 900, 'what was done is said where one looks');
});

test('a role that can write is told on every page until it is mended', async () => {
	await page.goto('/p/clinic/settings');
	assert.equal(await page.locator('.risks').count(), 0);
	q.sql('clinic', 'GRANT INSERT, DELETE ON clinic.patients TO "clinic reader"');
	await page.getByRole('button', {name: 'Test connection'}).click();
	await page.locator('.risks').waitFor();
	await page.goto('/p/clinic/settings');
	assert.match(await page.locator('.risks').innerText(), /may change data: clinic.patients/);
	await shot(page, 'settings-risks');
	await page.goto('/');
	assert.match(await page.locator('.project-card', {hasText: 'Clinic'}).innerText(), /role can write/);
	assert.doesNotMatch(await page.locator('.project-card', {hasText: 'Shop'}).innerText(), /role can write/);
	await shot(page, 'home-risks');
	for (const url of ['/p/clinic', '/p/clinic/data', '/p/clinic/members']) {
		await page.goto(url);
		assert.match(await page.locator('main > .problem').innerText(), /can do more than read/, url);
	}
	await page.goto('/p/clinic');
	await shot(page, 'chat-risks');
	q.sql('quern', "INSERT INTO members SELECT p.id, u.id, 'analyst' FROM projects p, users u WHERE p.slug = 'clinic' AND u.email = 'analyst@example.com'");
	const analyst = await open(browser, q);
	await signIn(analyst, q, 'analyst@example.com');
	await analyst.goto('/p/clinic');
	assert.equal(await analyst.locator('main > .problem').count(), 0, 'it is for who can mend it');
	await analyst.context().close();
	await page.goto('/p/clinic/settings');
	q.sql('clinic', await page.locator('.risks pre').innerText());
	await page.getByRole('button', {name: 'Save the database'}).click();
	await page.locator('.notice').waitFor();
	assert.equal(await page.locator('.risks').count(), 0);
	await page.goto('/p/clinic');
	assert.equal(await page.locator('main > .problem').count(), 0);
});

test('settings test the database again after a day, and say what queries cost', async () => {
	const probed = () => q.sql('quern', "SELECT probed_at FROM sources JOIN projects p ON p.id = project_id WHERE slug = 'clinic'").trim();
	const first = probed();
	await page.goto('/p/clinic/settings');
	assert.equal(probed(), first);
	assert.doesNotMatch(await page.locator('#limits').innerText(), /half cost less/);
	q.sql('quern', "UPDATE sources SET probed_at = now() - interval '25 hours'");
	q.sql('quern', `UPDATE query_runs SET plan_cost = NULL;
		INSERT INTO query_runs (project_id, sql_asked, outcome, plan_cost) SELECT id, 'SELECT 1', 'done', cost FROM projects, unnest(ARRAY[12.5, 99.6, 48000]) cost WHERE slug = 'clinic'`);
	await page.goto('/p/clinic/settings');
	assert.notEqual(probed(), first);
	assert.match(await page.locator('#limits').innerText(), /Of the last 3 queries here half cost less than 100 units, and the costliest 48,000/);
});

test('a password that cannot be opened any more is told, and set again', async () => {
	q.sql('quern', "UPDATE sources SET password_sealed = 'nonsense' WHERE project_id = (SELECT id FROM projects WHERE slug = 'clinic')");
	await page.goto('/p/clinic/settings');
	assert.match(await page.locator('#source .problem').innerText(), /cannot be opened/);
	await page.locator('#source [name=password]').fill(source().password);
	await page.getByRole('button', {name: 'Save the database'}).click();
	await page.locator('.notice').waitFor();
	assert.equal(await page.locator('.problem').count(), 0);
});

test('a conversation is renamed and deleted on a phone', async () => {
	const p = await open(browser, q, {width: 390, height: 844});
	await signIn(p, q, 'admin@example.com');
	await ask(p, 'how many rows in orders?');
	await shot(p, 'phone-chat');
	await p.getByRole('button', {name: 'More'}).click();
	await shot(p, 'phone-chat-menu');
	await p.getByRole('button', {name: 'Rename'}).click();
	await p.locator('dialog input').fill('Size of orders');
	await p.locator('dialog .primary').click();
	await p.waitForFunction(() => document.querySelector('[data-title]').textContent === 'Size of orders');
	await p.getByRole('button', {name: 'More'}).click();
	await p.getByRole('button', {name: 'Delete'}).click();
	await p.locator('.toast').waitFor();
	assert.deepEqual(p.problems, []);
	await p.context().close();
});

test('members: added, role changed, removed', async () => {
	await page.goto('/p/clinic/members');
	await page.locator('form.stack [name=email]').fill('nobody@example.com');
	await page.getByRole('button', {name: 'Add'}).click();
	await page.locator('.problem').waitFor();
	await page.locator('form.stack [name=email]').fill('viewer@example.com');
	await page.getByRole('button', {name: 'Add'}).click();
	await page.locator('td', {hasText: 'viewer@example.com'}).first().waitFor();
	await shot(page, 'members');
});

test('users and the audit log', async () => {
	await page.goto('/admin/users');
	await page.locator('section [name=email]').fill('new@example.com');
	await page.locator('section [name=password]').fill('long enough pass');
	await page.getByRole('button', {name: 'Add'}).click();
	await page.locator('td', {hasText: 'new@example.com'}).first().waitFor();
	const row = page.locator('#users tbody tr', {hasText: 'new@example.com'});
	await row.getByText('Change').click();
	await row.locator('[name=groups]').fill('north, finance,north');
	await shot(page, 'users-change');
	await row.getByRole('button', {name: 'Save'}).click();
	await page.locator('.notice').waitFor();
	assert.match(await page.locator('#users tbody tr', {hasText: 'new@example.com'}).innerText(), /finance, north/);
	await shot(page, 'users');
	await page.goto('/admin/log');
	assert.match(await page.locator('.log time').first().innerText(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
	assert.ok(await page.locator('.log time[datetime]').count(), 'in the zone of who looks');
	const log = await page.locator('main').innerText();
	for (const word of ['created the project Clinic', 'added the account new@example.com', 'gave a role in']) assert.match(log, new RegExp(word));
	await shot(page, 'log');
});

test('the time zone is the browser\'s at first, then the one that was chosen', async () => {
	const stored = () => q.sql('quern', "SELECT time_zone FROM users WHERE email = 'viewer@example.com'").trim();
	const p = await open(browser, q, {zone: 'Asia/Tokyo'});
	await signIn(p, q, 'viewer@example.com');
	for (let i = 0; i < 100 && stored() !== 'Asia/Tokyo'; i++) await new Promise((resolve) => { setTimeout(resolve, 100); });
	assert.equal(stored(), 'Asia/Tokyo');
	await ask(p, 'how many rows in orders?');
	const when = async () => { await p.reload(); return p.locator('.proof time[title]').first(); };
	const shown = await when(), exact = await shown.getAttribute('title');
	assert.match(exact, /^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
	const local = (hours) => new Date(Date.parse(exact.replace(' UTC', 'Z').replace(' ', 'T')) + hours * 3600000).toISOString().slice(0, 16).replace('T', ' ');
	assert.equal(await shown.textContent(), `${local(9)} GMT+9`);
	const chat = p.url();
	await p.goto('/account');
	await p.locator('[name=time_zone]').fill('Mars/Olympus');
	await p.locator('#time-zone button').click();
	await p.locator('#time-zone .problem').waitFor();
	assert.equal(await p.locator('[name=time_zone]').inputValue(), 'Mars/Olympus', 'what was typed stays');
	await p.locator('[name=time_zone]').fill('Asia/Kolkata');
	await p.locator('#time-zone button').click();
	await p.locator('.notice').waitFor();
	await shot(p, 'account');
	await p.goto(chat);
	assert.equal(await (await when()).textContent(), `${local(5.5)} GMT+5:30`);
	assert.deepEqual(p.problems.filter((x) => !/400/.test(x)), []);
	await p.context().close();
});

test('another real database: pagila', async () => {
	const schema = shared('databases', 'pagila', 'pagila-schema.sql');
	if (!schema) skip('the shared data folder is not here');
	q.sql('postgres', 'CREATE DATABASE pagila');
	q.sql('pagila', fs.readFileSync(schema, 'utf8').replace(/OWNER TO postgres/g, 'OWNER TO quern_dev').replace(/SET transaction_timeout.*$/gm, ''));
	const admin = `postgresql://quern_dev:${encodeURIComponent(q.env.QUERN_DEV_SUPERUSER_PASSWORD)}@${encodeURIComponent(q.env.QUERN_DEV_PG_SOCKET)}/pagila`;
	assert.equal(q.cli(['setup-db', '--admin-dsn', admin, '--schema', 'public', '--role', 'pagila_reader'], {env: {QUERN_ROLE_PASSWORD: 'secret word'}}).code, 0);
	await page.goto('/admin/projects/new');
	await fillSource({...source(), database: 'pagila', username: 'pagila_reader', password: 'secret word', schema: 'public', name: 'Pagila', slug: 'pagila'});
	await page.getByRole('button', {name: 'Create the project'}).click();
	await page.waitForURL('**/p/pagila');
	const turn = await ask(page, 'columns of film');
	assert.match(await turn.innerText(), /rental_duration/);
});

test('a deleted project is gone, after its name was typed', async () => {
	await page.goto('/p/clinic/settings');
	await page.locator('[name=confirm]').fill('clinic');
	await page.getByRole('button', {name: 'Delete Clinic'}).click();
	await page.locator('.notice').waitFor();
	assert.equal((await page.goto('/p/clinic')).status(), 404);
	await shot(page, 'not-found');
});

test('admin pages fit a phone and have contrast', async () => {
	q.sql('shop', 'GRANT INSERT ON shop.orders TO shop_reader; GRANT TEMPORARY ON DATABASE shop TO PUBLIC');
	await page.goto('/p/shop/settings');
	await page.getByRole('button', {name: 'Test connection'}).click();
	await page.locator('.risks').waitFor();
	for (const dark of [false, true]) {
		const p = await open(browser, q, {width: 390, height: 844, dark});
		await signIn(p, q, 'admin@example.com');
		for (const url of ['/', '/p/shop/settings', '/p/shop/members', '/p/shop', '/admin/users', '/admin/log', '/account']) {
			await p.goto(url);
			assert.ok(await fits(p), url);
			assert.deepEqual(await lowContrast(p), [], url);
			await shot(p, `phone${dark ? '-dark' : ''}${url.replace(/\//g, '-')}`);
		}
		assert.deepEqual(p.problems, []);
		await p.context().close();
	}
});

run({seconds: 120});
