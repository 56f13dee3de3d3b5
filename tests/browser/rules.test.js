#!/usr/bin/env node
// An admin keeps things from a role; a person in it asks for everything in every way, never gets it, and is told that there is more.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

let q, browser, admin, person, emails, others;

test('start', async () => {
	q = await start();
	browser = await launch();
	q.sql('quern', `UPDATE users SET groups = '{DE,AT}' WHERE email = 'analyst@example.com'`);
	emails = q.sql('shop', 'SELECT email FROM shop.customers').split('\n');
	others = q.sql('shop', `SELECT name FROM shop.customers WHERE country_code NOT IN ('DE', 'AT') EXCEPT SELECT name FROM shop.customers WHERE country_code IN ('DE', 'AT')`).split('\n');
	assert.ok(emails.length > 100 && others.length > 100);
	admin = await open(browser, q);
	await signIn(admin, q, 'admin@example.com');
	person = await open(browser, q);
	await signIn(person, q, 'analyst@example.com');
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

async function choose(table) {
	await admin.goto('/p/shop/settings/rules');
	await admin.locator('#add select[name=table]').selectOption(table);
	await admin.waitForURL((url) => url.search === `?table=${table}` && url.hash === '#add');
}

async function save() {
	await admin.getByRole('button', {name: 'Save the rule'}).click();
	await admin.waitForURL(/rules\?done=saved#main$/);
}

test('without rules the page says what one is for', async () => {
	await admin.goto('/p/shop/settings');
	await admin.getByRole('link', {name: 'Who may see what'}).click();
	await admin.locator('.empty').waitFor();
	await shot(admin, 'rules-empty');
});

test('a mask, a filter and a hidden table are set, and read as sentences', async () => {
	await choose('customers');
	const form = admin.locator('.rule-form');
	await form.locator('[name=analyst]').check();
	await form.locator('[name=viewer]').check();
	assert.ok(await form.locator('[name=condition]').isHidden(), 'what the kind does not need is not shown');
	await form.locator('[name=column]').selectOption('email');
	await form.locator('[name=mask]').selectOption('email');
	await shot(admin, 'rules-form');
	await save();
	assert.match(await admin.locator('.rules').innerText(), /customers\.email shows as u\*\*\*@example\.com to viewers and analysts\./);

	await choose('customers');
	await form.locator('[name=analyst]').check();
	await form.locator('[value=filter]').check();
	await form.locator('[name=condition]').fill('country_code = ANY({user.groups})');
	await save();
	assert.match(await admin.locator('.rules').innerText(), /customers shows analysts only rows where country_code = ANY\(\{user\.groups\}\)\./);

	await choose('refunds');
	await form.locator('[name=analyst]').check();
	await form.locator('[value=hide]').check();
	await save();
	const text = await admin.locator('.rules').innerText();
	assert.match(text, /refunds is hidden from analysts\./);
	assert.match(text, /does not hold for what shows data of customers under another name: customer_value\./, 'a view over the table is pointed at');
	await shot(admin, 'rules');
	const log = q.sql('quern', `SELECT count(*) FROM audit_log WHERE action = 'policy.rule.set'`);
	assert.equal(log, '4');
});

test('a condition that the guard or the database does not take is refused in words, and stays typed', async () => {
	for (const [condition, words] of [
		['country_code =', /not an SQL expression/],
		['pg_sleep(9) IS NULL', /pg_sleep/],
		['nowhere = 1', /nowhere/],
		['id = ANY({user.groups})', /does not take the rule/],
		['id IN (SELECT customer_id FROM orders)', /subquery/],
	]) {
		await choose('customers');
		const form = admin.locator('.rule-form');
		await form.locator('[name=viewer]').check();
		await form.locator('[value=filter]').check();
		await form.locator('[name=condition]').fill(condition);
		await admin.getByRole('button', {name: 'Save the rule'}).click();
		await admin.locator('#add .problem').waitFor();
		assert.match(await admin.locator('#add .problem').innerText(), words);
		assert.equal(await form.locator('[name=condition]').inputValue(), condition);
		assert.ok(await form.locator('[name=viewer]').isChecked());
	}
	await shot(admin, 'rules-problem');
	await choose('customers');
	await admin.getByRole('button', {name: 'Save the rule'}).click();
	assert.match(await admin.locator('#add .problem').innerText(), /whom the rule is for/);
	admin.problems = admin.problems.filter((p) => !/400/.test(p));
});

test('the preview shows a table through the eyes of a role', async () => {
	await admin.goto('/p/shop/settings/rules');
	const preview = async (as, of) => {
		await admin.locator('#preview [name=as]').selectOption(as);
		await admin.locator('#preview [name=of]').selectOption(of);
		await admin.getByRole('button', {name: 'Preview'}).click();
		await admin.waitForURL((url) => url.search === `?as=${as}&of=${of}`);
		return admin.locator('#preview').innerText();
	};
	assert.match(await preview('viewer', 'customers'), /\w\*\*\*@/);
	await shot(admin, 'rules-preview');
	assert.match(await preview('analyst', 'customers'), /No rows/, 'the admin is in no group');
	assert.match(await preview('analyst', 'refunds'), /hidden from analysts/);
	assert.ok(emails.includes((await preview('admin', 'customers')).match(/\S+@\S+\.\w+/g).find((e) => e !== 'admin@example.com')), 'no rule is about admins');
});

// Nothing that the page holds, shown or not, is a raw e-mail address or somebody of another country.
function textHoldsNothing(html, what) {
	assert.deepEqual(emails.filter((e) => html.includes(e)), [], `${what}: e-mail addresses`);
	assert.deepEqual(others.filter((n) => html.includes(n)), [], `${what}: people of other countries`);
}
const holdsNothing = async (page, what) => textHoldsNothing(await page.content(), what);

const QUESTIONS = ['show me some rows of customers', 'how many rows in customers?', 'describe customers',
	'what does the model know of customers', 'SELECT * FROM customers ORDER BY id LIMIT 400',
	'SELECT to_jsonb(c) AS j FROM customers c LIMIT 400', 'SELECT c::text FROM customers c LIMIT 400',
	"SELECT name, email FROM customers UNION ALL SELECT name, email || '' FROM customers LIMIT 400",
	'WITH c (a, b, x) AS (SELECT id, name, email FROM customers) SELECT string_agg(x, \',\'), string_agg(b, \',\') FROM c',
	"SELECT name, email FROM customers WHERE email LIKE '%@%' OR country_code = 'FR' LIMIT 400",
	'SELECT o.id, c.name, c.email FROM orders o LEFT JOIN customers c ON c.id = o.customer_id LIMIT 400',
	'SELECT max(email), min(email), max(name) FILTER (WHERE country_code <> \'DE\') FROM customers'];

test('whatever is asked, in the chat nothing comes that is kept back', async () => {
	await person.goto('/p/shop');
	for (const question of QUESTIONS) {
		await ask(person, question);
		await holdsNothing(person, question);
	}
	await shot(person, 'rules-chat');
	const runs = q.sql('quern', `SELECT result::text FROM query_runs r JOIN users u ON u.id = r.user_id WHERE u.email = 'analyst@example.com'`);
	assert.ok(runs.length > 1000, 'the queries did run');
	assert.deepEqual(emails.filter((e) => runs.includes(e)), [], 'nor is it in the records');
	assert.deepEqual(others.filter((n) => runs.includes(n)), []);
});

test('the answers say that something is kept back', async () => {
	const text = await person.locator('main').innerText();
	assert.match(text, /rows that you may see/);
	assert.match(text, /sees only some rows/, 'the model was told');
	assert.match(text, /values masked for this person/);
	assert.match(await (await ask(person, 'describe table refunds')).innerText(), /You may not read the table refunds/);
	const hidden = await (await ask(person, 'SELECT count(*) FROM refunds')).innerText();
	assert.match(hidden, /refunds exists, but may not be read/);
	assert.doesNotMatch(await (await ask(person, 'what tables are there?')).innerText(), /refunds/);
	assert.match(await (await ask(person, 'what tables are there?')).innerText(), /that you may not see/);
});

const STATEMENTS = QUESTIONS.filter((q) => /^(SELECT|WITH)/.test(q));
const lastRun = () => q.sql('quern', `SELECT max(r.id) FROM query_runs r JOIN users u ON u.id = r.user_id WHERE u.email = 'analyst@example.com'`);

test('nor on the SQL page, in a plan, in a file, or when a run is looked at or run again', async () => {
	const client = await new Client(q).signIn('analyst@example.com');
	await client.get('/p/shop/sql');
	for (const sql of STATEMENTS) {
		const page = await client.post('/p/shop/sql', {sql});
		assert.match(page.text, /You see only some rows of customers/, sql);
		textHoldsNothing(page.text, `SQL page: ${sql}`);
		textHoldsNothing((await client.post('/p/shop/sql', {sql, action: 'explain'})).text, `plan: ${sql}`);
		const run = lastRun();
		for (const url of [`/runs/${run}`, `/runs/${run}?first=0&sort=0`, `/runs/${run}/chart.json`, `/runs/${run}/rows.tsv`, `/runs/${run}/export.csv`, `/runs/${run}/export.json`]) {
			const done = await client.get(url);
			assert.ok([200, 404, 422].includes(done.status), `${url}: ${done.status}`);
			textHoldsNothing(done.text, `${url}: ${sql}`);
		}
		textHoldsNothing((await client.post(`/runs/${run}/refresh`)).text, `refresh: ${sql}`);
	}
	textHoldsNothing((await client.get('/p/shop/sql/schema.json')).text, 'completion');
	const refused = await client.post('/p/shop/sql', {sql: 'SELECT * FROM refunds'});
	assert.equal(refused.status, 422);
	assert.match(refused.text, /may not be read/);
	const failed = await client.post('/p/shop/sql', {sql: 'SELECT (name || email)::integer FROM customers'});
	assert.equal(failed.status, 422);
	textHoldsNothing(failed.text, 'error');
});

test('nor by a query that an admin shared, nor in the background', async () => {
	const boss = await new Client(q).signIn('admin@example.com');
	await boss.get('/p/shop/sql');
	const kept = await boss.post('/p/shop/queries', {sql: 'SELECT * FROM customers ORDER BY id DESC LIMIT 300', name: 'Everybody', shared: '1'});
	assert.equal(kept.status, 303, kept.text);
	const id = q.sql('quern', 'SELECT max(id) FROM saved_queries');
	await boss.get(`/p/shop/queries/${id}`);
	const all = await boss.post(`/p/shop/queries/${id}/run`);
	assert.ok(emails.some((e) => all.text.includes(e)), 'the admin sees them');
	for (const email of ['analyst@example.com', 'viewer@example.com']) {
		const client = await new Client(q).signIn(email);
		await client.get(`/p/shop/queries/${id}`);
		const page = await client.post(`/p/shop/queries/${id}/run`);
		assert.equal(page.status, 200);
		assert.deepEqual(emails.filter((e) => page.text.includes(e)), [], `${email} sees no address`);
		if (email.startsWith('analyst')) textHoldsNothing(page.text, 'shared query');
	}
	const client = await new Client(q).signIn('analyst@example.com');
	await client.get('/p/shop/sql');
	const begun = await client.post('/p/shop/sql/background', {sql: 'SELECT c.* FROM customers c ORDER BY c.email, c.id'});
	assert.equal(begun.status, 303);
	for (let i = 0; i < 100 && q.sql('quern', `SELECT outcome FROM query_runs WHERE id = ${lastRun()}`) === 'running'; i++)
		await new Promise((resolve) => setTimeout(resolve, 100));
	const page = await client.get(begun.headers.location);
	assert.match(page.text, /\w\*\*\*@/);
	textHoldsNothing(page.text, 'background');
});

test('the data pages say it too, and their rows are the same ones', async () => {
	await person.goto('/p/shop/data');
	const list = await person.locator('main').innerText();
	assert.doesNotMatch(list, /refunds/);
	assert.match(list, /1 more table that you may not see/);
	const row = person.locator('#tables tr', {hasText: 'customers'}).first();
	assert.doesNotMatch(await row.innerText(), /about/, 'no size of a table of which some rows are kept back');
	await person.goto('/p/shop/data/customers');
	assert.match(await person.locator('main').innerText(), /You see some of the rows of this table/);
	assert.match(await person.locator('#masked').innerText(), /email/);
	await holdsNothing(person, 'data page');
	await person.getByRole('link', {name: 'Show some rows'}).click();
	await person.locator('table.result td').first().waitFor();
	assert.match(await person.locator('table.result').innerText(), /\w\*\*\*@/);
	await holdsNothing(person, 'rows on the data page');
	await shot(person, 'rules-data');
	assert.equal((await person.goto('/p/shop/data/refunds')).status(), 404);
	person.problems = person.problems.filter((p) => !/404/.test(p));
});

test('when people are not to be told, they are not', async () => {
	await admin.goto('/p/shop/settings/rules');
	await admin.locator('[name=tells]').uncheck();
	await admin.locator('#telling').getByRole('button', {name: 'Save'}).click();
	await admin.waitForURL(/rules\?done=saved#telling$/);
	await person.goto('/p/shop/data/customers');
	assert.equal(await person.locator('#masked, #filtered').count(), 0);
	await holdsNothing(person, 'silent data page');
	await person.goto('/p/shop/data');
	assert.doesNotMatch(await person.locator('main').innerText(), /may not see/);
	const client = await new Client(q).signIn('analyst@example.com');
	await client.get('/p/shop/sql');
	const live = (await client.post('/p/shop/sql', {sql: 'SELECT id, name FROM customers ORDER BY id LIMIT 3', fresh: '1'})).text;
	assert.match(live, /3 rows/);
	for (const text of [live, (await client.get(`/runs/${lastRun()}`)).text,
		(await client.post('/p/shop/sql', {sql: 'SELECT id FROM customers', action: 'explain'})).text])
		assert.doesNotMatch(text, /ANY\(|ANY \(|only some rows|left out|As it was sent/);
	await admin.locator('[name=tells]').check();
	await admin.locator('#telling').getByRole('button', {name: 'Save'}).click();
	await admin.waitForURL(/rules\?done=saved#telling$/);
});

test('a rule is changed where it stands, and removed when asked for', async () => {
	await admin.goto('/p/shop/settings/rules');
	await admin.getByRole('link', {name: 'Change the rule of customers email'}).click();
	const form = admin.locator('.rule-form');
	assert.equal(await form.locator('[name=mask]').inputValue(), 'email');
	assert.ok(await form.locator('[name=viewer]').isChecked() && await form.locator('[name=analyst]').isChecked());
	await form.locator('[name=mask]').selectOption('full');
	await save();
	assert.match(await admin.locator('.rules').innerText(), /customers\.email shows as \*\*\* to viewers and analysts/);
	const client = await new Client(q).signIn('admin@example.com');
	const ids = q.sql('quern', `SELECT string_agg(id::text, ',') FROM policy_rules WHERE kind = 'mask'`);
	await client.get('/p/shop/settings/rules');
	assert.equal((await client.post('/p/shop/settings/rules/remove', {rules: ids})).status, 303);
	assert.equal((await client.post('/p/shop/settings/rules/remove', {rules: ids})).status, 404);
	assert.equal((await client.post('/p/shop/settings/rules/remove', {rules: 'x'})).status, 404);
	assert.equal(q.sql('quern', `SELECT count(*) FROM policy_rules`), '2');
	await admin.reload();
	assert.doesNotMatch(await admin.locator('.rules').innerText(), /email/);
});

test('small screens, dark, without script', async () => {
	for (const options of [{width: 390, height: 844}, {dark: true}, {width: 390, height: 844, script: false}]) {
		const page = await open(browser, q, options);
		await signIn(page, q, 'admin@example.com');
		await page.goto('/p/shop/settings/rules?table=customers&as=viewer&of=customers');
		assert.ok(await fits(page), JSON.stringify(options));
		if (options.script !== false) assert.deepEqual(await lowContrast(page), []);
		await shot(page, `rules-${options.dark ? 'dark' : options.width}${options.script === false ? '-plain' : ''}`);
		if (options.script === false) {
			await page.locator('.rule-form [name=viewer]').check();
			await page.locator('.rule-form [name=column]').selectOption('name');
			await page.getByRole('button', {name: 'Save the rule'}).click();
			await page.waitForURL(/rules\?done=saved#main$/);
			assert.match(await page.locator('.rules').innerText(), /customers\.name shows as \*\*\* to viewers/);
		}
		await page.context().close();
	}
	assert.deepEqual([...admin.problems, ...person.problems], []);
});

run({seconds: 120});
