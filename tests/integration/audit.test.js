#!/usr/bin/env node
// The audit log from outside: each changing route leaves its entry, quern audit verify finds what was changed, the page
// searches, pages and verifies.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client, until} = require('../lib/quern.js');

let q, admin, analyst, viewer, routes;

test('start', async () => {
	q = await start();
	admin = await new Client(q).signIn('admin@example.com');
	analyst = await new Client(q).signIn('analyst@example.com');
	viewer = await new Client(q).signIn('viewer@example.com');
	routes = q.cli(['routes']).stdout.trim().split('\n').map((line) => JSON.parse(line)).filter((r) => r.changes);
});
cleanup(() => q && q.stop());

const one = (text) => q.sql('quern', text);
const user = (email) => one(`SELECT id FROM users WHERE email = '${email}'`);
const entries = () => Number(one('SELECT max(seq) FROM audit_log'));
const since = (seq) => one(`SELECT string_agg(action, ' ' ORDER BY seq) FROM audit_log WHERE seq > ${seq}`);
const verify = (...args) => q.cli(['audit', 'verify', ...args]);
const source = () => ({host: q.env.QUERN_DEV_PG_SOCKET, database: 'shop', username: 'shop_reader', password: q.env.QUERN_DEV_READER_PASSWORD, schema: 'shop', sslmode: 'prefer'});
const chat = () => one('SELECT max(id) FROM conversations');

// The fields of a form as its page has them.
async function fields(page, action) {
	const {text} = await admin.get(page);
	const form = [...text.matchAll(/<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].find((m) => m[1] === action)[2];
	const found = {};
	for (const [, tag] of form.matchAll(/<input([^>]*)>/g)) {
		const [, name] = /name="([^"]*)"/.exec(tag) || [];
		if (name && name !== 'csrf' && !(/type="checkbox"/.test(tag) && !/ checked/.test(tag))) found[name] = (/value="([^"]*)"/.exec(tag) || [, ''])[1];
	}
	for (const [, name, value] of form.matchAll(/<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)</g)) found[name] = value;
	return found;
}

// Starts a question and leaves it: it is asked, and goes on.
async function ask(address) {
	const answer = await analyst.post(address, {question: 'which tables are there?'});
	assert.ok([200, 303].includes(answer.status), `${answer.status} ${answer.text}`);
}

// Who runs a query leaves a row that says more than an entry could.
const RUN = 'a row of query_runs';
const runs = () => Number(one('SELECT count(*) FROM query_runs'));
const saved = () => one('SELECT max(id) FROM saved_queries');
const stamp = () => one('SELECT (extract(epoch FROM updated_at) * 1000000)::bigint FROM saved_queries ORDER BY id DESC LIMIT 1');
const COUNT = {sql: 'SELECT count(*) FROM orders'};

const learning = (state = 'offered') => one(`INSERT INTO learnings (project_id, origin, state, text) SELECT id, 'correction', '${state}', 'gross is with tax' FROM projects WHERE slug = 'shop' RETURNING id`);

const ranLast = () => one("SELECT max(id) FROM query_runs WHERE outcome = 'done' AND rows > 0 AND user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')");
const KEPT = {title: 'Kept', kind: 'table', x: 'count', aggregate: 'none', format: 'plain'};

// One of the analyst's, made when first asked for.
const artifact = () => one('SELECT max(id) FROM artifacts') || (one(`WITH made AS (INSERT INTO artifacts (project_id, user_id, title, type) SELECT p.id, u.id, 'Made', 'html' FROM projects p, users u
	WHERE p.slug = 'shop' AND u.email = 'analyst@example.com' RETURNING id) INSERT INTO artifact_versions (artifact_id, n, code) SELECT id, 1, 'one' FROM made`), artifact());

// A link to it, and what says that its token was known.
const link = () => one('SELECT max(id) FROM artifact_links');
async function linked() {
	const {text} = await analyst.post(`/artifacts/${artifact()}/links`, {audience: 'public', days: '7', version: '1', password: 'long enough pass'}, {headers: {Accept: 'application/json'}});
	const c = new Client(q);
	await c.get(new URL(JSON.parse(text).url).pathname);
	return c;
}

// What calls a route so that it does its work, and the entry that it leaves. In order: later ones use what earlier ones made.
const calls = {
	web_sign_in: [async () => new Client(q).signIn('viewer@example.com'), 'auth.sign_in'],
	web_sign_out: [async () => (await new Client(q).signIn('viewer@example.com')).post('/sign-out'), 'auth.sign_out'],
	web_account_time_zone: [() => viewer.post('/account/time-zone', {time_zone: 'Europe/Berlin'}), 'auth.time_zone'],
	web_user_add: [() => admin.post('/admin/users', {email: 'new@example.com', name: 'New', password: 'long enough pass'}), 'user.create'],
	web_account_password: [async () => {
		const c = new Client(q);
		await c.get('/sign-in');
		await c.post('/sign-in', {email: 'new@example.com', password: 'long enough pass'});
		await c.get('/account');
		return c.post('/account/password', {old: 'long enough pass', new: 'longer than that'});
	}, 'auth.change_password'],
	web_user_update: [() => admin.post(`/admin/users/${user('new@example.com')}`, {name: 'Newer', groups: 'a'}), 'user.update'],
	web_user_password: [() => admin.post(`/admin/users/${user('new@example.com')}/password`, {password: 'another long pass'}), 'user.passwd'],
	web_project_create: [async () => admin.post('/admin/projects', {...await fields('/admin/projects/new', '/admin/projects'), ...source(), name: 'Second', slug: 'second'}), 'project.create'],
	web_settings_general: [async () => admin.post('/p/second/settings/general', {...await fields('/p/second/settings', '/p/second/settings/general'), name: 'Second one'}), 'project.update'],
	web_settings_limits: [async () => admin.post('/p/second/settings/limits', await fields('/p/second/settings', '/p/second/settings/limits#limits')), 'project.update'],
	web_settings_source: [async () => admin.post('/p/second/settings/source', {...await fields('/p/second/settings', '/p/second/settings/source#source'), ...source()}), 'project.source.update'],
	web_settings_model: [() => admin.post('/p/second/settings/model', {place: '1', format: 'openai', url: 'http://127.0.0.1:1', model: 'local', price_in: '0', price_cached: '0', price_out: '0', currency: 'USD'}), 'project.model.set'],
	web_settings_dictionary: [() => admin.post('/p/second/settings/dictionary'), 'dictionary.generate'],
	web_member_set: [() => admin.post('/p/second/members', {email: 'new@example.com', role: 'viewer'}), 'project.member.set'],
	web_member_remove: [() => admin.post(`/p/second/members/${user('new@example.com')}/remove`), 'project.member.remove'],
	web_rules_add: [() => admin.post('/p/second/settings/rules', {table: 'orders', viewer: '1', kind: 'hide'}), 'policy.rule.set'],
	web_rules_remove: [() => admin.post('/p/second/settings/rules/remove', {rules: one('SELECT max(id) FROM policy_rules')}), 'policy.rule.remove'],
	web_rules_telling: [() => admin.post('/p/second/settings/rules/telling'), 'project.update'],
	web_settings_delete: [() => admin.post('/p/second/settings/delete', {confirm: 'second'}), 'project.delete'],
	web_turn_first: [() => ask('/p/shop/turns'), 'turn.ask'],
	web_turn_next: [() => ask(`/p/shop/chat/${chat()}/turns`), 'turn.ask'],
	web_turn_stop: [() => {
		const id = one(`INSERT INTO turns (conversation_id, question) VALUES (${chat()}, 'slow') RETURNING id`);
		return analyst.post(`/turns/${id}/stop`);
	}, 'turn.stop'],
	web_turn_again: [() => ask(`/turns/${one(`SELECT max(id) FROM turns WHERE conversation_id = ${chat()}`)}/again`), 'turn.ask'],
	web_turn_answer: [() => {
		const id = one(`INSERT INTO turns (conversation_id, question, status, waits_for, wait) VALUES (${chat()}, 'slow', 'waiting', 'clarification', '{"id": "a"}') RETURNING id`);
		return analyst.post(`/turns/${id}/answer`, {answer: 'yes'});
	}, 'turn.answer'],
	web_chat_rename: [() => analyst.post(`/p/shop/chat/${chat()}/rename`, {title: 'Tables'}), 'chat.rename'],
	web_chat_delete: [() => analyst.post(`/p/shop/chat/${chat()}/delete`), 'chat.delete'],
	web_chat_restore: [() => analyst.post(`/p/shop/chat/${chat()}/restore`), 'chat.restore'],
	web_saved_add: [() => analyst.post('/p/shop/queries', {...COUNT, name: 'Orders', shared: '1'}), 'query.save'],
	web_saved_save: [() => analyst.post(`/p/shop/queries/${saved()}`, {...COUNT, name: 'All orders', stamp: stamp()}), 'query.save'],
	web_saved_run: [() => analyst.post(`/p/shop/queries/${saved()}/run`), RUN],
	web_saved_delete: [() => analyst.post(`/p/shop/queries/${saved()}/delete`), 'query.delete'],
	web_saved_restore: [() => analyst.post(`/p/shop/queries/${saved()}/restore`), 'query.restore'],
	web_sql_run: [() => analyst.post('/p/shop/sql', COUNT), RUN],
	web_sql_background: [() => analyst.post('/p/shop/sql/background', COUNT), RUN],
	web_run_save: [() => analyst.post(`/runs/${one("SELECT max(id) FROM query_runs WHERE outcome = 'done' AND user_id = (SELECT id FROM users WHERE email = 'analyst@example.com')")}/save`, {name: 'From a card'}), 'query.save'],
	web_learning_keep: [() => analyst.post(`/learnings/${learning()}/keep`), 'learning.keep'],
	web_learning_dismiss: [() => analyst.post(`/learnings/${learning()}/dismiss`), 'learning.dismiss'],
	web_knowledge_save: [() => analyst.post(`/p/shop/knowledge/${learning('kept')}`, {text: 'net is without tax'}), 'learning.change'],
	web_knowledge_delete: [() => analyst.post(`/p/shop/knowledge/${learning('kept')}/delete`), 'learning.remove'],
	web_run_refresh: [() => analyst.post(`/runs/${one("SELECT max(id) FROM query_runs WHERE outcome = 'done'")}/refresh`), RUN],
	web_artifact_save: [() => analyst.post(`/artifacts/${artifact()}/save`, {code: 'two'}), 'artifact.change'],
	web_artifact_restore: [() => analyst.post(`/artifacts/${artifact()}/restore`, {version: '1'}), 'artifact.change'],
	web_artifact_rename: [() => analyst.post(`/artifacts/${artifact()}/rename`, {title: 'Orders'}), 'artifact.rename'],
	web_artifact_visible: [() => analyst.post(`/artifacts/${artifact()}/visible`, {visible: 'project'}), 'artifact.show'],
	web_share_create: [() => linked(), 'artifact.link.create'],
	web_shared_password: [async () => (await linked()).post(`/shared/${link()}/password`, {password: 'long enough pass'}), 'artifact.link.open'],
	web_share_revoke: [() => analyst.post(`/links/${link()}/revoke`), 'artifact.link.revoke'],
	web_artifact_picture_ask: [() => analyst.post(`/artifacts/${artifact()}/exports`, {format: 'png'}), 'artifact.export'],
	web_artifact_delete: [() => analyst.post(`/artifacts/${artifact()}/delete`), 'artifact.delete'],
	web_artifact_undelete: [() => analyst.post(`/artifacts/${artifact()}/undelete`), 'artifact.restore'],
	web_run_keep: [() => analyst.post(`/runs/${ranLast()}/keep`, KEPT), 'artifact.create'],
	web_artifact_reform: [() => analyst.post(`/artifacts/${artifact()}/form`, {...KEPT, title: 'Again'}), 'artifact.change'],
	web_artifact_error: [() => {
		one(`UPDATE artifact_versions SET turn_id = (SELECT max(id) FROM turns WHERE conversation_id = ${chat()}) WHERE artifact_id = ${artifact()} AND n = (SELECT n FROM artifacts WHERE id = ${artifact()})`);
		one(`UPDATE artifacts SET conversation_id = ${chat()} WHERE id = ${artifact()}`);
		one("UPDATE turns SET status = 'failed', waits_for = NULL WHERE status IN ('running', 'waiting')");
		return analyst.post(`/artifacts/${artifact()}/error?version=${one(`SELECT n FROM artifacts WHERE id = ${artifact()}`)}&message=x%20is%20not%20defined`);
	}, 'turn.ask'],
	web_log_verify: [() => admin.post('/admin/log/verify'), 'audit.verify'],
};

test('each changing route leaves its entry', async () => {
	// The row of the run itself says that it was cancelled; what somebody looks at, pins and thinks is a row of their own.
	const silent = ['web_run_cancel', 'web_chat_pin', 'web_chat_seen', 'web_turn_choose', 'web_turn_feedback'];
	const names = routes.map((r) => r.name).filter((name) => !silent.includes(name));
	assert.deepEqual(names.filter((name) => !calls[name]), [], 'a changing route is called here, and leaves an entry');
	for (const [name, [call, action]] of Object.entries(calls).filter(([name]) => names.includes(name))) {
		const before = entries(), ran = runs();
		const answer = await call();
		if (name === 'web_artifact_picture_ask' && answer.status === 503) continue; // no browser is here to make one
		const left = action === RUN && runs() > ran ? [RUN] : since(before).split(' ');
		assert.ok(left.includes(action), `${name} left ${left.join(' ') || 'nothing'} (${answer?.status} ${/class="problem"[^>]*>([\s\S]{1,600})/.exec(answer?.text)?.[1]})`);
	}
	assert.match(verify('--json').stdout, /^\{"ok":true,/);
});

test('verify finds what the owner of the database does, and says where', () => {
	const clean = verify();
	assert.equal(clean.code, 0, clean.stderr);
	assert.match(clean.stdout, /^verified \d+ entries\n/);
	const tamper = (text, back, words, ...args) => {
		one(`ALTER TABLE audit_log DISABLE TRIGGER USER; ${text}`);
		const found = verify(...args);
		assert.equal(found.code, 1, text);
		assert.match(found.stderr, words);
		assert.equal(JSON.parse(verify('--json', ...args).stdout).ok, false);
		one(`${back}; ALTER TABLE audit_log ENABLE TRIGGER USER`);
		assert.equal(verify().code, 0, `back after ${text}`);
	};
	tamper("UPDATE audit_log SET action = action || '2' WHERE seq = 3", "UPDATE audit_log SET action = left(action, -1) WHERE seq = 3", /entry 3 .* was changed/);
	tamper('CREATE TABLE kept AS SELECT * FROM audit_log WHERE seq = 5; DELETE FROM audit_log WHERE seq = 5',
		'INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM kept; DROP TABLE kept', /entry 5 is missing/);
});

test('the service notes the end of the log, and verify finds an end that was cut off', async () => {
	const heads = path.join(q.dir, 'audit-heads');
	assert.equal(q.env.QUERN_AUDIT_HEADS, heads);
	const noted = fs.readFileSync(heads, 'utf8');
	assert.match(noted, /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d+ [0-9a-f]{64}\n)+$/);
	assert.match(verify().stdout, /fit that/);
	const seq = entries(), hash = one(`SELECT encode(hash, 'hex') FROM audit_log WHERE seq = ${seq}`);
	const own = path.join(q.dir, 'own-heads');
	fs.writeFileSync(own, `2026-01-01T00:00:00Z ${seq} ${hash}\n`);
	assert.equal(verify('--heads', own).code, 0);
	one(`ALTER TABLE audit_log DISABLE TRIGGER USER; CREATE TABLE cut AS SELECT * FROM audit_log WHERE seq > ${seq - 3}; DELETE FROM audit_log WHERE seq > ${seq - 3}`);
	const cut = verify('--heads', own);
	assert.equal(cut.code, 1);
	assert.match(cut.stderr, new RegExp(`the end was cut off: the log ends with entry ${seq - 3}, .* has entry ${seq} `));
	one('INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM cut; DROP TABLE cut; ALTER TABLE audit_log ENABLE TRIGGER USER');
	assert.equal(verify('--heads', own).code, 0);
	const missing = verify('--heads', path.join(q.dir, 'nothing'));
	assert.equal(missing.code, 1);
	assert.match(missing.stderr, /could not open/);
	for (const args of [['audit'], ['audit', 'check'], ['audit', 'verify', 'more']]) assert.equal(q.cli(args).code, 2);
});

// What a page of the log says: its entries as text, and its links.
async function log(address) {
	const page = await admin.get(address);
	assert.equal(page.status, 200, address);
	const text = (html) => html.replace(/<[^>]*>/g, ' ').replace(/&#39;|&quot;/g, '"').replace(/&amp;/g, '&').replace(/\s+/g, ' ').trim();
	const link = (rel) => (new RegExp(`href="([^"]*)" rel="${rel}"`).exec(page.text) || [])[1]?.replace(/&amp;/g, '&');
	return {html: page.text, entries: [...page.text.matchAll(/<li>([\s\S]*?)<\/li>/g)].map((m) => text(m[1])), older: link('next'), newer: link('prev')};
}

// What it says of the chain.
const chain = (html) => /class="chain">[\s\S]*?<\/form>/.exec(html)[0];

test('the page says who did what, in words', async () => {
	const {entries: list, html, older} = await log('/admin/log');
	for (let next = older; next;) {
		const page = await log(next);
		list.push(...page.entries);
		next = page.older;
	}
	const has = (words) => assert.ok(list.some((e) => words.test(e)), `${words} in\n${list.join('\n')}`);
	has(/admin@example\.com added the account new@example\.com/);
	has(/admin@example\.com gave a role in project:\d+ person new@example\.com, role viewer|admin@example\.com gave a role in project:\d+ role viewer, person new@example\.com/);
	has(/analyst@example\.com renamed chat:\d+/);
	has(/viewer@example\.com chose a time zone time zone Europe\/Berlin/);
	has(/viewer@example\.com signed in/);
	assert.match(chain(html), /Verified [\d: -]+ UTC: <span class="good">\d+ entries, all as written/);
	assert.match(html, /<time title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} UTC">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC</);
});

test('it is searched by person, action, object and day', async () => {
	const only = async (query, words) => {
		const {entries: list} = await log(`/admin/log?${query}`);
		assert.ok(list.length > 0, query);
		for (const entry of list) assert.match(entry, words, query);
	};
	await only('person=ANALYST', /analyst@example\.com/);
	await only('action=chat', /renamed|deleted|restored/);
	await only('action=chat.rename', /renamed/);
	await only(`object=chat:${chat()}`, new RegExp(`chat:${chat()}`));
	const today = new Date().toISOString().slice(0, 10);
	await only(`from=${today}&to=${today}&action=user`, /account|password/);
	assert.match((await log('/admin/log?to=2020-01-01')).html, /Nothing fits/);
	for (const odd of ['person=%25', 'action=c_at', 'object=%27', 'person=%5C', 'action=.'])
		assert.match((await log(`/admin/log?${odd}`)).html, /Nothing fits/, odd);
	const bad = await admin.get('/admin/log?from=yesterday');
	assert.equal(bad.status, 400);
	assert.match(bad.text, /&quot;yesterday&quot; is not a day/);
	for (const odd of ['before=-1', 'before=x', 'after=99999999999999999999', 'after=999999999', 'before=1'])
		assert.equal((await admin.get(`/admin/log?${odd}`)).status, 200, odd);
});

test('pages go there and back without a gap', async () => {
	q.sql('quern', `INSERT INTO audit_log (action, object, email) SELECT 'old.thing', 'thing:' || i, 'many@example.com' FROM generate_series(1, 120) i`);
	const number = (e) => Number(/thing:(\d+)/.exec(e)[1]);
	const first = await log('/admin/log?person=many');
	const second = await log(first.older);
	const third = await log(second.older);
	assert.deepEqual([first, second, third].map((p) => p.entries.length), [50, 50, 20]);
	assert.deepEqual([first, second, third].flatMap((p) => p.entries.map(number)), Array.from({length: 120}, (_, i) => 120 - i));
	assert.equal(first.newer, undefined);
	assert.equal(third.older, undefined);
	assert.deepEqual((await log(third.newer)).entries, second.entries);
	assert.deepEqual((await log((await log(third.newer)).newer)).entries, first.entries);
});

test('the button says what it finds, also when that is bad', async () => {
	// The entries of the last test stand beside the chain.
	assert.equal((await admin.post('/admin/log/verify')).status, 303);
	const {html} = await log('/admin/log');
	assert.match(chain(html), /Verified [\d: -]+ UTC: <strong class="bad">.* was put in beside the chain/);
	assert.equal((await viewer.post('/admin/log/verify')).status, 403);
});

run();
